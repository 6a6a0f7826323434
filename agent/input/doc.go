// Package input is where a type of input is put together: how it is built from the
// configuration, checked against the real thing, measured, and how its saved positions
// read. What all of the agent needs of an input it asks here, whatever its type.
//
// A new type of input touches four places: its keys in package config (a field of
// config.Input, and a file with the keys, their defaults and their checks), a file
// here, and its line in kinds.
//
// It reads no record and starts no goroutine: that is for the sources, packages
// filesource and apisource.
package input
