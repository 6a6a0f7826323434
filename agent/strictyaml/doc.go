// Package strictyaml reads the YAML files that people write for the agent, the
// configuration and the masking rules, and says everything that is wrong with one
// at once, each mistake with its place:
//
//	auditship.yml:14:5: inputs[0].path: unknown key (did you mean "paths"?)
//
// A [Reader] parses a file into its one document (UTF-8 only; anchors, aliases and
// tags are refused, since they are rarely meant and often the start of an unquoted
// value), lists the keys of a mapping without those that stand there twice, and
// collects mistakes as [Errors]. [Nearest] finds the name that was probably meant.
// [Duration] and [Bytes] are the notations of time spans and sizes.
//
// It does not know which keys a file may have, nor what they mean: that is for the
// packages config and mask, which walk the nodes of gopkg.in/yaml.v3 themselves. It
// opens no file, holds no secret by itself and starts no goroutine. A Reader belongs
// to one goroutine.
package strictyaml
