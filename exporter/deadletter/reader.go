package deadletter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/auditship/auditship/exporter/durable"
)

// Reader goes through letters in the order in which they were written:
//
//	for r.Next() {
//		use(r.Letter())
//	}
//	err := r.Err()
//
// It takes no lock and may run beside an agent and a replay: it sees the files
// that were there when it began, less what a replay takes meanwhile.
type Reader struct {
	folder  *durable.Folder // nil: there is none
	closed  []string        // the files to come before current
	current *os.File        // the one that is added to; nil if there is none
	file    *os.File
	lines   *lines
	letter  Letter
	size    int64 // of the line that it was
	damaged int
	err     error
}

// Read begins to read the letters of a folder. One that is not there has none.
func Read(dir string) (*Reader, error) {
	d, err := durable.Open(dir)
	if err != nil {
		return none(err)
	}
	return read(inFolder(d))
}

// ReadFile is Read for what OpenFile opens.
func ReadFile(path string) (*Reader, error) {
	dir, name := filepath.Split(filepath.Clean(path))
	d, err := durable.Open(filepath.Clean(dir))
	if err != nil {
		return none(err)
	}
	return read(besideFile(d, name))
}

// none reads nothing from a folder that is not there.
func none(err error) (*Reader, error) {
	if errors.Is(err, os.ErrNotExist) {
		return &Reader{}, nil
	}
	return nil, fmt.Errorf("read dead letters: %w", err)
}

func read(at files) (*Reader, error) {
	r, err := begin(at)
	if err != nil {
		return nil, errors.Join(err, at.folder.Close())
	}
	return r, nil
}

func begin(at files) (*Reader, error) {
	for {
		before, err := at.closed()
		if err != nil {
			return nil, err
		}
		f, err := at.folder.OpenFile(at.letters(), os.O_RDONLY)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		closed, err := at.closed()
		if err == nil && slices.Equal(before, closed) {
			return &Reader{folder: at.folder, closed: closed, current: f}, nil
		}
		// A file was closed in between: it would be read twice, or never.
		if err = errors.Join(err, closeIfOpen(f)); err != nil {
			return nil, err
		}
	}
}

func closeIfOpen(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// Next goes to the next letter. It is false at the end and at an error of the
// disk; lines that are no letter are counted and skipped.
func (r *Reader) Next() bool {
	for r.err == nil {
		if r.lines == nil {
			if !r.open() {
				return false
			}
			continue
		}
		line, _, err := r.lines.next()
		if err != nil {
			r.finish(err)
			continue
		}
		r.size = int64(len(line)) + 1
		if r.letter, err = parseLetter(line); err == nil {
			return true
		}
		r.damaged++
	}
	return false
}

// Letter is the one that Next went to.
func (r *Reader) Letter() Letter { return r.letter }

// Damaged counts the lines that are no letter.
func (r *Reader) Damaged() int { return r.damaged }

// Err is what ended the reading early, nil if nothing did.
func (r *Reader) Err() error { return r.err }

// Close ends the reading; it may be called at any time.
func (r *Reader) Close() error {
	err := closeIfOpen(r.file)
	if r.file != r.current {
		err = errors.Join(err, closeIfOpen(r.current))
	}
	if r.folder != nil {
		err = errors.Join(err, r.folder.Close())
	}
	*r = Reader{damaged: r.damaged, err: r.err}
	return err
}

// open goes to the next file. A missing one was emptied by a replay.
func (r *Reader) open() bool {
	for len(r.closed) > 0 {
		f, err := r.folder.OpenFile(r.closed[0], os.O_RDONLY)
		r.closed = r.closed[1:]
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			r.err = fmt.Errorf("read dead letters: %w", err)
			return false
		}
		r.file, r.lines = f, newLines(f)
		return true
	}
	if r.current == nil {
		return false
	}
	r.file, r.lines = r.current, newLines(r.current)
	return true
}

// finish ends a file. What follows the last line break of the file that is
// added to is being written or torn, and no letter yet.
func (r *Reader) finish(err error) {
	switch {
	case errors.Is(err, io.EOF):
	case !errors.Is(err, errTorn):
		r.err = fmt.Errorf("read dead letters: %w", err)
	case r.file != r.current:
		r.damaged++
	}
	if r.file == r.current {
		r.current = nil
	}
	r.err = errors.Join(r.err, r.file.Close())
	r.file, r.lines = nil, nil
}

// lines reads lines of any length and says where each begins.
type lines struct {
	r   *bufio.Reader
	buf []byte
	at  int64
}

// errTorn is a last line without an end.
var errTorn = errors.New("the last line has no end")

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns a line without its break, valid until the next call, and the
// stretch of the file that it takes up, break included. At the end the error is
// io.EOF, or errTorn with what is left.
func (l *lines) next() (line []byte, where stretch, err error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		where = stretch{l.at, int64(len(l.buf))}
		l.at += where.length
		switch {
		case err == nil:
			return l.buf[:len(l.buf)-1], where, nil
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			return l.buf, where, errTorn
		}
		return nil, where, err
	}
}

// stretch is a part of a file.
type stretch struct{ at, length int64 }
