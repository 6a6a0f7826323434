package filesource

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/auditship/auditship/agent/filesource/unpack"
)

// Stretch is a part of a file that was passed over, as its Fault tells of it.
type Stretch struct {
	Path           string // of the file where it was
	Offset, Length int64  // in bytes after decompression
	Hash           string // that of its bytes, see the function Hash
}

// Reread reads a stretch again. It is looked for in its file and, since that may have
// been renamed or compressed, in all that match the globs; key is that of the hash.
// nil without an error says that it is nowhere any more.
func Reread(ctx context.Context, s Stretch, globs []string, key []byte) ([]byte, error) {
	paths, err := s.candidates(globs)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raw, err := s.readFrom(path)
		if err != nil || Hash(key, raw) != s.Hash {
			continue // another file, or none any more
		}
		return raw, nil
	}
	return nil, nil
}

// candidates are the files in which the stretch may be, the likeliest first.
func (s Stretch) candidates(globs []string) ([]string, error) {
	paths := []string{s.Path}
	for _, glob := range globs {
		abs, err := filepath.Abs(glob)
		if err != nil {
			return nil, fmt.Errorf("find the folder of %s: %w", glob, err)
		}
		found, err := doublestar.FilepathGlob(abs, doublestar.WithFilesOnly())
		if err != nil {
			return nil, fmt.Errorf("find files like %s: %w", glob, err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths[1:])
	return slices.Compact(paths), nil
}

// Hash is the hash that a Fault keeps of a stretch.
func Hash(key, raw []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(raw)
	return hex.EncodeToString(h.Sum(nil))
}

// readFrom reads the stretch from a file, which may be a compressed one.
func (s Stretch) readFrom(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	r := bufio.NewReaderSize(f, 64<<10)
	raw := make([]byte, s.Length)
	magic, err := r.Peek(unpack.Magic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	format := unpack.Detect(magic)
	if format == unpack.None {
		_, err = f.ReadAt(raw, s.Offset)
		return raw, err
	}
	z, err := unpack.NewReader(format, r)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	if _, err := io.CopyN(io.Discard, z, s.Offset); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(z, raw)
	return raw, err
}
