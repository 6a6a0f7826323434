package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/auditship/auditship/exporter/durable"
)

// DefaultMaxBytes is how much a folder may hold.
const DefaultMaxBytes = 1 << 30

// closeAt is the size at which a file is closed: the most that a replay copies
// to take one letter out, and sends again after a crash.
const closeAt = 16 << 20

// ErrFull says that the folder has reached its size.
var ErrFull = errors.New("the dead letter is full")

// Options of a Box. The zero value is ready for use.
type Options struct {
	MaxBytes int64            // of all files together; default DefaultMaxBytes
	Inputs   int              // that share the folder, see Room; default 1
	Now      func() time.Time // default time.Now
}

// Box is a folder of dead letters.
type Box struct {
	files   files
	max     int64
	closeAt int64
	now     func() time.Time
	reread  func() (*Reader, error) // reads the letters
	shares  shares
}

// Open opens the folder, making it if it is missing. It must be this user's own.
func Open(dir string, o Options) (*Box, error) {
	d, err := durable.OpenPrivate(dir)
	if err != nil {
		return nil, fmt.Errorf("open the dead letter folder: %w", err)
	}
	return newBox(inFolder(d), o, func() (*Reader, error) { return Read(dir) }), nil
}

// OpenFile is Open for a file that somebody named, instead of a folder. Files
// that are closed have its name and a number, and the locks its name too.
func OpenFile(path string, o Options) (*Box, error) {
	dir, name := filepath.Split(filepath.Clean(path))
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the dead letter folder: %w", err)
	}
	d, err := durable.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the dead letter folder: %w", err)
	}
	return newBox(besideFile(d, name), o, func() (*Reader, error) { return ReadFile(path) }), nil
}

func newBox(at files, o Options, reread func() (*Reader, error)) *Box {
	b := &Box{files: at, max: o.MaxBytes, closeAt: closeAt, now: o.Now, reread: reread, shares: shares{inputs: o.Inputs}}
	if b.max == 0 {
		b.max = DefaultMaxBytes
	}
	if b.now == nil {
		b.now = time.Now
	}
	return b
}

// Close gives up the Box.
func (b *Box) Close() error { return b.files.folder.Close() }

// Append adds letters and returns once they are durable. A letter without a
// time gets the present one. After an error, ErrFull too, none of them is
// there, unless the disk failed so that nothing can be said.
func (b *Box) Append(ctx context.Context, letters ...Letter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var text bytes.Buffer
	sizes := make([]int64, len(letters))
	for i, l := range letters {
		before := text.Len()
		if l.Time.IsZero() {
			l.Time = b.now().UTC()
		}
		if err := l.appendTo(&text); err != nil {
			return err
		}
		sizes[i] = int64(text.Len() - before)
	}
	if text.Len() == 0 {
		return nil
	}
	if err := b.locked(ctx, func() error { return b.append(text.Bytes()) }); err != nil {
		return err
	}
	for i := range letters {
		b.shares.add(&letters[i], sizes[i])
	}
	return nil
}

// append adds lines. The lock is held.
func (b *Box) append(text []byte) error {
	total, err := b.Size()
	if err != nil {
		return err
	}
	if total+int64(len(text)) > b.max {
		return ErrFull
	}
	f, end, err := b.openLetters()
	if err != nil {
		return fmt.Errorf("open the dead letter: %w", err)
	}
	if err := appendDurably(f, end, text); err != nil {
		return fmt.Errorf("write the dead letter: %w", errors.Join(err, f.Close()))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write the dead letter: %w", err)
	}
	if end == 0 {
		return b.files.folder.Sync() // its name is new
	}
	return nil
}

// openLetters opens the file that is added to, at the end of its last whole
// line. A file that has its size is closed first. The lock is held.
func (b *Box) openLetters() (*os.File, int64, error) {
	name := b.files.letters()
	info, err := b.files.folder.Stat(name)
	if err == nil && info.Size() >= b.closeAt {
		if err := b.closeLetters(); err != nil {
			return nil, 0, err
		}
	}
	f, err := b.files.folder.OpenFile(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, 0, err
	}
	end, err := cutTorn(f)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, end, nil
}

// appendDurably writes at the end. What a failure leaves behind is cut off.
func appendDurably(f *os.File, end int64, text []byte) error {
	_, err := f.WriteAt(text, end)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return nil
}

// cutTorn cuts off what follows the last line break: a crash tore it, and its
// Append never returned. It returns the size that is left.
func cutTorn(f *os.File) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	end, err := lastLineEnd(f, size)
	if err != nil || end == size {
		return end, err
	}
	return end, f.Truncate(end)
}

// lastLineEnd is the place after the last line break.
func lastLineEnd(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for size > 0 {
		n := min(size, int64(len(buf)))
		if size%int64(len(buf)) != 0 {
			n = size % int64(len(buf))
		}
		if _, err := f.ReadAt(buf[:n], size-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return size - n + int64(i) + 1, nil
		}
		size -= n
	}
	return 0, nil
}

// closeLetters gives the file that is added to the next name of a closed one.
// The lock is held.
func (b *Box) closeLetters() error {
	f, err := b.files.folder.OpenFile(b.files.letters(), os.O_RDWR)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := cutTorn(f)
	if err = errors.Join(err, f.Close()); err != nil || size == 0 {
		return err
	}
	closed, err := b.files.closed()
	if err != nil {
		return err
	}
	next := 1
	if n := len(closed); n > 0 {
		next = b.files.number(closed[n-1]) + 1
	}
	return b.files.folder.Rename(b.files.letters(), b.files.numbered(next))
}

// Size is the size of all letters in bytes.
func (b *Box) Size() (int64, error) {
	names, err := b.files.closed()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range append(names, b.files.letters()) {
		info, err := b.files.folder.Stat(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // none yet, or replayed just now
		}
		if err != nil {
			return 0, fmt.Errorf("size of the dead letters: %w", err)
		}
		total += info.Size()
	}
	return total, nil
}
