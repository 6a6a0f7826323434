package unpack

import (
	"bufio"
	"errors"
	"io"

	"github.com/ulikunitz/xz"
)

// xzReader reads an xz file, and tells one that ends too early where the library
// takes that for the end.
type xzReader struct {
	*xz.Reader
	file *footer
}

func newXz(file io.Reader) (*xzReader, error) {
	end := &footer{r: file}
	in := bufio.NewReaderSize(end, 64<<10)
	if err := checkDictionary(in); err != nil {
		return nil, err
	}
	const minDictionary = 4 << 10 // bytes; a larger one is in the file's header
	r, err := xz.ReaderConfig{DictCap: minDictionary}.NewReader(in)
	if err != nil {
		return nil, cutShort(err)
	}
	return &xzReader{r, end}, nil
}

func (r *xzReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if errors.Is(err, io.EOF) && !r.file.complete() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// footer keeps the last two bytes of a file before its padding of zeros.
type footer struct {
	r    io.Reader
	last [2]byte
}

func (f *footer) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	for _, c := range b[:n] {
		if c != 0 {
			f.last = [2]byte{f.last[1], c}
		}
	}
	return n, err
}

// complete reports whether what was read ends as every xz stream does.
func (f *footer) complete() bool { return f.last == [2]byte{'Y', 'Z'} }

// checkDictionary looks at the first block of an xz file for the dictionary that it
// asks for: the library would make one of any size.
func checkDictionary(in *bufio.Reader) error {
	const header = 12 // of the stream; the block's comes behind it
	b, err := in.Peek(header + 64)
	if len(b) <= header {
		return cutShort(err)
	}
	b = b[header:]
	if b[0] == 0 || len(b) < 4 {
		return nil // no block
	}
	flags, at := b[1], 2
	for _, size := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if flags&size != 0 {
			at = afterVarint(b, at)
		}
	}
	const lzma2, sizeOfProperties = 0x21, 1
	if at+2 < len(b) && b[at] == lzma2 && b[at+1] == sizeOfProperties && dictionarySize(b[at+2]) > MaxWindow {
		return ErrWindow
	}
	return nil
}

func afterVarint(b []byte, at int) int {
	for at < len(b) && b[at] >= 0x80 {
		at++
	}
	return at + 1
}

// dictionarySize is what a byte of the xz format stands for.
func dictionarySize(bits byte) int64 {
	if bits > 40 {
		return 1 << 62
	}
	return int64(2|bits&1) << (bits/2 + 11)
}
