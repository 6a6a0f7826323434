//go:build unix

package esnode

import (
	"os"
	"os/exec"
	"syscall"
)

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
	pause     = syscall.SIGSTOP
	proceed   = syscall.SIGCONT
)

// confine gives the command a process group of its own and the account.
func confine(cmd *exec.Cmd, as *account) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		attr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	dieWithParent(attr)
	cmd.SysProcAttr = attr
}

// signal reaches the process and all it started.
func (p *process) signal(s os.Signal) error {
	return syscall.Kill(-p.cmd.Process.Pid, s.(syscall.Signal))
}
