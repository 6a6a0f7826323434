package filesource

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// readPipe reads Config.Reader to its end as if it were a file, but for its
// position: it cannot be read again.
func (s *Source) readPipe(ctx context.Context, emit Emit) error {
	pipe := openPipe(s.cfg.Reader)
	f := &file{stream: newStream(s.cfg.Input), piped: true, zip: pipe, array: isArray(pipe.fill(window))}
	s.stats.Files.Store(1)
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if more, err = s.readSome(ctx, f, true, emit); err != nil {
			return err
		}
		s.stats.DoneBytes.Store(f.offset)
	}
	return nil
}

// openPipe decompresses r if it is compressed.
func openPipe(r io.Reader) *gunzip {
	br := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := br.Peek(len(gzipMagic)); !bytes.Equal(magic, gzipMagic) {
		return &gunzip{r: br, plain: true}
	}
	zr, err := gzip.NewReader(br)
	if err != nil {
		return &gunzip{ended: cutOr(err)}
	}
	return &gunzip{r: zr}
}

// pipeError is why a pipe without compression ended before its end, or nil.
func (g *gunzip) pipeError() error {
	if !g.plain || errors.Is(g.ended, io.EOF) {
		return nil
	}
	return fmt.Errorf("read the input: %w", g.ended)
}
