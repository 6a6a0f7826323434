package filesource

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

// gunzip reads the decompressed bytes of a file, or those of a pipe, in order. The
// window holds the bytes that were decompressed but not taken yet.
type gunzip struct {
	r      io.Reader
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

var gzipMagic = []byte{0x1f, 0x8b}

// openGunzip starts at the first byte of f.
func openGunzip(f *os.File, size int64) *gunzip {
	g := &gunzip{size: size, file: io.NewSectionReader(f, 0, size)}
	zr, err := gzip.NewReader(bufio.NewReaderSize(g.file, 64<<10))
	if err != nil {
		g.ended = cutOr(err)
		return g
	}
	g.r = zr
	return g
}

// cutOr maps the end of the file inside the header to the error for a cut file.
func cutOr(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill makes the window hold n bytes, or all that there are.
func (g *gunzip) fill(n int) []byte {
	for len(g.window) < n && g.ended == nil {
		old := len(g.window)
		if cap(g.window) < n {
			g.window = append(make([]byte, 0, n), g.window...)
		}
		m, err := g.r.Read(g.window[old:n])
		g.window = g.window[:old+m]
		if err != nil {
			g.ended = err
		}
	}
	return g.window
}

// take drops the first n bytes of the window.
func (g *gunzip) take(n int) {
	g.window = g.window[:copy(g.window, g.window[n:])]
}

// skip drops n bytes and returns the last of them, at most window, for comparison
// with a saved position. It is false if there are not so many.
func (g *gunzip) skip(n int64) (tail []byte, ok bool) {
	for n > 0 {
		got := g.fill(int(min(n, 256<<10)))
		if len(got) == 0 {
			return nil, false
		}
		got = got[:min(int64(len(got)), n)] // the window may hold more
		tail = append(tail, got...)
		tail = tail[max(0, len(tail)-window):]
		n -= int64(len(got))
		g.take(len(got))
	}
	return tail, true
}
