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

// signal can only kill here.
func (p *process) signal(s os.Signal) error {
	if s != terminate && s != kill {
		return errors.ErrUnsupported
	}
	return p.cmd.Process.Kill()
}
