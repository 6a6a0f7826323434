package filesource

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/auditship/auditship/agent/filesource/unpack"
)

// unpacker reads the decompressed bytes of a file, or those of a pipe, in order. The
// window holds the bytes that were decompressed but not taken yet.
type unpacker struct {
	r      io.Reader
	format unpack.Format     // of what r decompresses
	packed *unpack.Reader    // r, where it decompresses
	file   *io.SectionReader // what is decompressed; nil for a pipe
	pipe   *pipe             // nil for a file
	window []byte
	// ended is set where the stream cannot be read further: io.EOF at its end,
	// io.ErrUnexpectedEOF where the file is (still) too short, or what is
	// wrong with it.
	ended error
	// size is the file's size when it was opened.
	size int64
}

// newUnpacker starts at the first byte of f, which begins with head.
func newUnpacker(f *os.File, head []byte, size int64) *unpacker {
	u := &unpacker{size: size, file: io.NewSectionReader(f, 0, size)}
	u.open(unpack.Detect(head), u.file)
	return u
}

// open reads what r holds from now on, or r as it is where it is not compressed.
func (u *unpacker) open(format unpack.Format, r io.Reader) {
	u.format = format
	if format == unpack.None {
		u.r = r
		return
	}
	if u.packed, u.ended = unpack.NewReader(format, r); u.packed != nil {
		u.r = u.packed
	}
}

// close gives the memory for decompressing back. It may be called on nil.
func (u *unpacker) close() {
	if u != nil && u.packed != nil {
		u.packed.Close()
		u.packed = nil
	}
}

// fill makes the window hold n bytes, or all that there are.
func (u *unpacker) fill(n int) []byte {
	for len(u.window) < n && u.ended == nil {
		old := len(u.window)
		if cap(u.window) < n {
			u.window = append(make([]byte, 0, n), u.window...)
		}
		m, err := u.r.Read(u.window[old:n])
		u.window = u.window[:old+m]
		if err != nil {
			u.ended = err
		}
	}
	return u.window
}

// take drops the first n bytes of the window.
func (u *unpacker) take(n int) {
	u.window = u.window[:copy(u.window, u.window[n:])]
}

// skip drops n bytes and returns the last of them, at most window, for comparison
// with a saved position. It is false if there are not so many.
func (u *unpacker) skip(n int64) (tail []byte, ok bool) {
	for n > 0 {
		got := u.fill(int(min(n, 256<<10)))
		if len(got) == 0 {
			return nil, false
		}
		got = got[:min(int64(len(got)), n)] // the window may hold more
		tail = append(tail, got...)
		tail = tail[max(0, len(tail)-window):]
		n -= int64(len(got))
		u.take(len(got))
	}
	return tail, true
}

// nothingLeft reports whether the stream came to its end and all of it was taken.
func (u *unpacker) nothingLeft() bool {
	return errors.Is(u.ended, io.EOF) && len(bytes.TrimSpace(u.window)) == 0
}
