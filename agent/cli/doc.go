// Package cli is the command line of auditship: one file per command, each with
// a constructor that root.go lists. A command reads its flags, calls the
// package that does the work and prints the result; it holds no logic of its
// own that a user would miss elsewhere.
//
// Commands return errors. What an error means for the exit code is decided in
// one place, exitCode: 0 done, 1 the check failed or differs, 2 wrong usage or
// configuration, 3 a peer was unreachable. A plain error is 1; a command says
// 2 with [misused] and 3 with [unreachable], and mistakes in the configuration
// and errors of the network are recognised by their type.
//
// The package is not for import by other programs, and it keeps no state: what
// commands share stands in a program value. The context of every command ends at
// the first SIGINT or SIGTERM; the second one ends the process. Commands wait for
// the goroutines that they start, with one exception: a read of standard input
// that does not return, see untilDone.
package cli
