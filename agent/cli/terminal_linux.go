package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// withoutEcho calls read while the terminal does not show what is typed.
func withoutEcho(terminal *os.File, read func() error) error {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return read() // no terminal
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
		return err
	}
	defer func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }() // it worked before
	return read()
}
