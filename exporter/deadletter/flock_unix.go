//go:build unix

package deadletter

import (
	"os"
	"syscall"
)

// flock waits for the lock on f; closing f gives it back.
func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }
