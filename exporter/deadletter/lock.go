package deadletter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// The lock files. They are never removed: a lock on a removed file excludes
// nobody.
const (
	lockName       = "lock"        // held while the set of files is changed
	replayLockName = "replay.lock" // held by the one replay
)

// lockPause is how long to wait before a lock is tried again. It is held for
// about one write to the disk.
const lockPause = 5 * time.Millisecond

// locked runs do while nobody else, in this process or another, changes the set
// of files.
func (b *Box) locked(ctx context.Context, do func() error) error {
	for {
		unlock, err := b.tryLock(lockName)
		if err != nil {
			return err
		}
		if unlock != nil {
			return errors.Join(do(), unlock())
		}
		if err := peer.Sleep(ctx, lockPause); err != nil {
			return err
		}
	}
}

// tryLock takes one of the locks and returns what gives it back, nil if
// somebody else has it.
func (b *Box) tryLock(name string) (unlock func() error, err error) {
	f, err := b.files.folder.OpenFile(b.files.locks+name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open the dead letter's lock: %w", err)
	}
	mine, err := tryLock(f)
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock the dead letter: %w", err), f.Close())
	case !mine:
		return nil, f.Close()
	}
	return f.Close, nil
}
