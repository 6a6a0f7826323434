//go:build unix && !solaris && !aix && !illumos

package deadletter

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of an open file if nobody has it. Closing the file
// gives it back, and so does the death of the process.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
