// Command manual writes the reference of the configuration into a Markdown file,
// between the lines <!-- config reference: begin --> and end. It is made from the
// comments of the types in package config, which are the manual:
//
//	go generate ./agent/config
//
// A test fails where configs/README.md says something else. It is a tool of the build, is
// not shipped, and starts no goroutine.
package main
