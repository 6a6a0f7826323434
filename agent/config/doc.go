// Package config turns the agent's YAML file into a typed [Config], or says
// everything that is wrong with it at once.
//
// Each mistake has its place, and [Load] and [Parse] return all of them together as
// [strictyaml.Errors]: unknown,
// misplaced and duplicate keys, wrong types, values out of range, references
// to variables and files that do not exist, needed keys that are missing.
// Nothing starts with a configuration that has an error.
//
// The fields of [Config] are the reference manual of the file: their comments
// say unit, default and cost. Defaults stand in [Default], [DefaultFileInput]
// and [DefaultAPIInput] and nowhere else.
//
// Any value may hold references: ${NAME} and ${NAME:default} read the
// environment (the default counts where the variable is not set at all),
// ${file:PATH} reads a file, and $$ stands for one dollar sign. What a
// reference brought in is never printed: errors show the reference. A [Secret]
// prints *** wherever it is formatted or encoded, and reads its files again on
// each use, so that a rotated key works without a restart.
//
// The package is not a general YAML decoder (anchors, aliases, tags and
// several documents in one file are refused, since they are rarely meant in a
// configuration and often the start of an unquoted password), it does not read
// the masking rules, which belong to package mask, and it contacts nobody. It
// starts no goroutine. A Config is not changed after it was returned and may
// be shared.
package config

//go:generate go run ./manual . ../../configs/README.md ../../configs/auditship.schema.json
