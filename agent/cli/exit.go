package cli

import (
	"context"
	"errors"
	"net"

	"github.com/auditship/auditship/exporter"

	"github.com/auditship/auditship/agent/strictyaml"
	"github.com/auditship/auditship/exporter/peer"
)

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1 // the check failed or differs
	exitMisused     = 2 // wrong usage or configuration
	exitUnreachable = 3 // a peer was unreachable
)

// exitError carries the exit code that an error asks for.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// misused marks an error as wrong usage or configuration: exit code 2.
func misused(err error) error { return &exitError{exitMisused, err} }

// unreachable marks an error as a peer that did not answer: exit code 3.
func unreachable(err error) error { return &exitError{exitUnreachable, err} }

// exitCode decides what the process ends with. A mark wins; then mistakes in a
// configuration or in masking rules are 2 and a peer without an answer is 3.
// Any other error is a check that failed: 1.
func exitCode(err error) int {
	var marked *exitError
	var mistakes strictyaml.Errors
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &marked):
		return marked.code
	case errors.As(err, &mistakes):
		return exitMisused
	case noAnswer(err):
		return exitUnreachable
	}
	return exitFailed
}

// noAnswer recognises the errors of a peer that could not be reached or could
// not be trusted. An address that cannot be listened on is none of them.
func noAnswer(err error) bool {
	var network *net.OpError
	var name *net.DNSError
	return errors.As(err, &network) && network.Op != "listen" ||
		errors.As(err, &name) ||
		peer.Untrusted(err) ||
		errors.Is(err, peer.ErrUnreachable) ||
		errors.Is(err, context.DeadlineExceeded) ||
		exporter.NotSent(err)
}
