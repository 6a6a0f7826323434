//go:build !linux

package cli

import "os"

// withoutEcho calls read; what is typed is shown.
func withoutEcho(_ *os.File, read func() error) error { return read() }
