package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const lettersName = "letters.ndjson"

// DefaultMaxBytes is how much a folder may hold.
const DefaultMaxBytes = 1 << 30

// ErrFull says that the folder has reached its size.
var ErrFull = errors.New("the dead letter is full")

// Options of a Box. The zero value is ready for use.
type Options struct {
	MaxBytes int64            // of all files together; default DefaultMaxBytes
	Now      func() time.Time // default time.Now
}

// Box is a folder of dead letters.
type Box struct {
	dir string
	max int64
	now func() time.Time
	mu  sync.Mutex // flock does not exclude goroutines that share a descriptor
}

// Open opens the folder, making it if it is missing.
func Open(dir string, o Options) (*Box, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the dead letter folder: %w", err)
	}
	b := &Box{dir: dir, max: o.MaxBytes, now: o.Now}
	if b.max == 0 {
		b.max = DefaultMaxBytes
	}
	if b.now == nil {
		b.now = time.Now
	}
	return b, nil
}

// Close gives up the Box. Nothing is open between calls.
func (b *Box) Close() error { return nil }

// Append adds letters and returns once they are durable. After an error none of them
// is there, but for ErrFull, perhaps, as a torn line that readers skip.
func (b *Box) Append(ctx context.Context, letters ...Letter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var text []byte
	for _, l := range letters {
		if l.Time.IsZero() {
			l.Time = b.now().UTC()
		}
		line, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("encode a dead letter: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	return b.locked(func() error { return b.append(text) })
}

func (b *Box) append(text []byte) error {
	size, err := b.size()
	if err != nil {
		return err
	}
	if size+int64(len(text)) > b.max {
		return ErrFull
	}
	f, err := os.OpenFile(filepath.Join(b.dir, lettersName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the dead letter: %w", err)
	}
	if err := appendDurably(f, text); err != nil {
		return fmt.Errorf("write the dead letter: %w", errors.Join(err, f.Close()))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the dead letter: %w", err)
	}
	return syncDir(b.dir)
}

// appendDurably writes at the end of f, on a line of its own. What a failure leaves
// behind is cut off.
func appendDurably(f *os.File, text []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' { // torn by a crash
			text = append([]byte{'\n'}, text...)
		}
	}
	_, err = f.WriteAt(text, end)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return nil
}

// size is the size of all letters in bytes.
func (b *Box) size() (int64, error) {
	paths, err := b.files()
	var total int64
	for _, path := range paths {
		info, statErr := os.Stat(path)
		if statErr == nil {
			total += info.Size()
		} else if !errors.Is(statErr, os.ErrNotExist) {
			err = errors.Join(err, statErr)
		}
	}
	return total, err
}

// files lists the files with letters, those taken aside first.
func (b *Box) files() ([]string, error) {
	aside, err := filepath.Glob(filepath.Join(b.dir, "replay-*.ndjson"))
	if err != nil {
		return nil, err
	}
	letters := filepath.Join(b.dir, lettersName)
	if _, err := os.Stat(letters); errors.Is(err, os.ErrNotExist) {
		return aside, nil
	}
	return append(aside, letters), nil
}

// locked runs do while no other process changes the set of files.
func (b *Box) locked(do func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(b.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the dead letter's lock: %w", err)
	}
	if err := flock(f); err != nil {
		return errors.Join(fmt.Errorf("lock the dead letter: %w", err), f.Close())
	}
	return errors.Join(do(), f.Close())
}

// syncDir makes a new name in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replaceFile puts text in the place of a file, durably.
func replaceFile(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
