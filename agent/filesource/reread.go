package filesource

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	"github.com/auditship/auditship/agent/filesource/find"
	"github.com/auditship/auditship/agent/filesource/unpack"
)

// Stretch is a part of a file that was passed over, as its Fault tells of it.
type Stretch struct {
	Path           string // of the file where it was
	Offset, Length int64  // in bytes after decompression
	Hash           string // that of its bytes, see the function Hash
}

// Reread reads a stretch again. It is looked for in its file and, since that may have
// been renamed or compressed, in all that match; its path alone opens nothing. key is
// that of the hash. nil without an error says that it is nowhere any more.
func Reread(ctx context.Context, s Stretch, where find.Config, key []byte) ([]byte, error) {
	finder := find.New(where)
	paths := []string{s.Path}
	found, err := finder.Look(ctx)
	if err != nil {
		return nil, err
	}
	for _, match := range found.Files {
		paths = append(paths, match.Path)
	}
	for _, path := range slices.Compact(paths) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raw, err := s.readFrom(finder, path)
		if err != nil || Hash(key, raw) != s.Hash {
			continue // another file, or none any more
		}
		return raw, nil
	}
	return nil, nil
}

// Hash is the hash that a Fault keeps of a stretch.
func Hash(key, raw []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(raw)
	return hex.EncodeToString(h.Sum(nil))
}

// readFrom reads the stretch from a file, which may be a compressed one.
func (s Stretch) readFrom(finder *find.Finder, path string) ([]byte, error) {
	f, _, err := finder.Open(path)
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
