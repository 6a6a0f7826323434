package filesource

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// readPipe reads Config.Reader to its end as if it were a file, but for its
// position: it cannot be read again.
func (s *Source) readPipe(ctx context.Context, emit Emit) error {
	zip := openPipe(s.cfg.Reader)
	f := &file{stream: newStream(s.cfg.Input), piped: true, zip: zip, size: noSize, array: isArray(zip.fill(window))}
	s.stats.Files.Store(1)
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if more, err = s.readSome(ctx, f, true, emit); err != nil {
			return err
		}
		s.stats.DoneBytes.Store(f.zip.pipe.done)
	}
	return s.endOfZip(ctx, f, true, emit)
}

// noSize is the size of a pipe: that of no file.
const noSize = -1

// pipe counts what is read of a Config.Reader, and keeps the error that it failed
// with: no decompressor may take that for the end of what there is.
type pipe struct {
	r    io.Reader
	done int64
	err  error
}

func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

// failed is why the pipe could not be read to its end. It is nil for a file.
func (p *pipe) failed() error {
	if p == nil {
		return nil
	}
	return p.err
}

// openPipe decompresses r if it is compressed.
func openPipe(r io.Reader) *gunzip {
	p := &pipe{r: r}
	br := bufio.NewReaderSize(p, 64<<10)
	if magic, _ := br.Peek(len(gzipMagic)); !bytes.Equal(magic, gzipMagic) {
		return &gunzip{r: br, pipe: p, size: noSize}
	}
	zr, err := gzip.NewReader(br)
	if err != nil {
		return &gunzip{ended: cutOr(err), pipe: p, size: noSize}
	}
	return &gunzip{r: zr, pipe: p, size: noSize}
}
