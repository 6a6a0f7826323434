package unpack

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Format is a compression that can be read.
type Format string

// The formats. None stands for a file that is not compressed.
const (
	None  Format = ""
	Gzip  Format = "gzip"
	Zstd  Format = "zstd"
	Bzip2 Format = "bzip2"
	Xz    Format = "xz"
)

// MaxWindow is how many bytes behind the current one a file may refer to, which
// have to be kept in memory: enough for xz -9 and for every level of zstd but those
// of --ultra and --long.
const MaxWindow = 64 << 20

// ErrWindow says that a file needs more memory than MaxWindow.
var ErrWindow = errors.New("its compression needs a window of more than 64 MiB; decompress the file")

// Weight is how much memory decompressing a file may take, as a multiple of what
// gzip takes.
func (f Format) Weight() int {
	switch f {
	case None:
		return 0
	case Gzip:
		return 1
	case Bzip2, Zstd:
		return 2
	}
	return 8 // xz, at any of its higher levels
}

// Magic is how many bytes of a file Detect needs.
const Magic = 6

// Detect tells the compression of a file that begins with head.
func Detect(head []byte) Format {
	switch {
	case begins(head, "\x1f\x8b"):
		return Gzip
	case begins(head, "\x28\xb5\x2f\xfd"), len(head) >= 4 && head[0]&0xf0 == 0x50 && begins(head[1:], "\x2a\x4d\x18"):
		return Zstd // the second is a frame to skip, which pzstd begins with
	case len(head) >= 4 && begins(head, "BZh") && head[3] >= '1' && head[3] <= '9':
		return Bzip2
	case begins(head, "\xfd7zXZ\x00"):
		return Xz
	}
	return None
}

func begins(head []byte, magic string) bool {
	return len(head) >= len(magic) && string(head[:len(magic)]) == magic
}

// Reader reads what a compressed file holds. Its Read returns io.EOF at the end of a
// whole file, io.ErrUnexpectedEOF where the file is too short, ErrWindow, and any
// other error where the file is damaged or cannot be read.
type Reader struct {
	io.Reader
	close func()
}

// Close gives the memory back. The file itself stays open.
func (r *Reader) Close() { r.close() }

// NewReader begins to read a file of this format from its first byte. The errors
// are those of Reader.
func NewReader(format Format, file io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(file, 64<<10)
	r := &Reader{close: func() {}}
	switch format {
	case Gzip:
		zr, err := gzip.NewReader(in)
		if err != nil {
			return nil, cutShort(err)
		}
		r.Reader = zr
	case Zstd:
		zr, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(MaxWindow))
		if err != nil {
			return nil, cutShort(err)
		}
		r.Reader, r.close = reader{zr}, zr.Close
	case Bzip2:
		r.Reader = reader{bzip2.NewReader(in)}
	case Xz:
		zr, err := newXz(file)
		if err != nil {
			return nil, err
		}
		r.Reader = reader{zr}
	default:
		return nil, fmt.Errorf("no compression is called %q", string(format))
	}
	return r, nil
}

// cutShort maps the end of the file inside the header to the error for a cut file.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// reader maps the errors of a decompressor, and keeps its faults from becoming ours.
type reader struct{ io.Reader }

func (r reader) Read(b []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil { // of a library that met a damaged file
			n, err = 0, errors.New("the compressed data are damaged")
		}
	}()
	n, err = r.Reader.Read(b)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = ErrWindow
	}
	return n, err
}
