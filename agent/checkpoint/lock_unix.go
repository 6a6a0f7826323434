//go:build unix

package checkpoint

import (
	"errors"
	"os"
	"syscall"
)

// flock locks f for this process until it is closed.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
