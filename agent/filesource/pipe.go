package filesource

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/auditship/auditship/agent/filesource/unpack"
)

// readPipe reads Config.Reader to its end as if it were a file, but for its
// position: it cannot be read again.
func (s *Source) readPipe(ctx context.Context, emit Emit) error {
	f := &file{stream: newStream(s.cfg.Input), unpack: openPipe(s.cfg.Reader), size: noSize}
	defer f.unpack.close()
	s.stats.Files.Store(1)
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if more, err = s.readSome(ctx, f, true, emit); err != nil {
			return err
		}
		s.stats.DoneBytes.Store(f.unpack.pipe.done)
	}
	return s.endOfUnpacking(ctx, f, true, emit)
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
func openPipe(r io.Reader) *unpacker {
	u := &unpacker{pipe: &pipe{r: r}, size: noSize}
	br := bufio.NewReaderSize(u.pipe, 64<<10)
	head, _ := br.Peek(unpack.Magic) // an error is found again by who reads
	u.open(unpack.Detect(head), br)
	return u
}
