// Command manual writes the man pages and shell completions of the packages from the
// commands themselves, so that they cannot say anything else:
//
//	go run ./configs/packages/manual -version 1.2.3 -date 2026-01-31 DIR
//
// DIR then holds man1/*.1.gz and completions/auditship.bash, .zsh and .fish. The same
// arguments give the same bytes. It is a tool of the build and is not shipped; the
// text of the pages belongs to the commands in agent/cli. It starts no goroutine.
package main
