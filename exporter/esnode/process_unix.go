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

// signalGroup reaches the group of which the process is the first.
func signalGroup(first *os.Process, s syscall.Signal) error {
	return syscall.Kill(-first.Pid, s)
}
