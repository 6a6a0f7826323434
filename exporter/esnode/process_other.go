//go:build !unix

package esnode

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
	pause     = syscall.Signal(0x13)
	proceed   = syscall.Signal(0x12)
)

func confine(*exec.Cmd, *account) {}

// signalGroup can only kill here; the server ends when its launcher does.
func signalGroup(first *os.Process, s syscall.Signal) error {
	if s != terminate && s != kill {
		return errors.ErrUnsupported
	}
	return first.Kill()
}
