// Command manual writes the reference of the configuration into a Markdown file,
// between the lines <!-- config reference: begin --> and end, and the JSON Schema with
// which editors check a configuration while it is written. Both are made from the types
// in package config and their comments, which are the manual:
//
//	go generate ./agent/config
//
// Tests fail where these files say something else. It is a tool of the build, is
// not shipped, and starts no goroutine.
package main
