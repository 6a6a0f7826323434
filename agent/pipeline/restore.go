package pipeline

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/deadletter"
)

// Restorer finishes dead letters of records that were too large to be read: it
// reads them again from their files, under the present max_record, and takes
// them the way that any record takes. It belongs to one goroutine.
type Restorer struct {
	inputs map[string]*restoredInput
	key    []byte // of the hashes in letters; nil: nothing was read with this state yet
}

type restoredInput struct {
	config.FileInput
	transformer *transformer
}

// NewRestorer makes a Restorer for the file inputs of a configuration. It does
// not lock the state directory, so an agent may be running.
func NewRestorer(cfg *config.Config, version string) (*Restorer, error) {
	key, err := checkpoint.ReadKey(cfg.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Restorer{}, nil
	}
	if err != nil {
		return nil, err
	}
	common, err := newShared(cfg, key)
	if err != nil {
		return nil, err
	}
	r := &Restorer{inputs: map[string]*restoredInput{}, key: key}
	for _, in := range cfg.Inputs {
		if in.File == nil {
			continue
		}
		transform, err := newTransform(cfg, in, version, common)
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", in.ID, err)
		}
		r.inputs[in.ID] = &restoredInput{*in.File, transform()}
	}
	return r, nil
}

// Restore returns the letter with its document, or as it is where the record is
// not to be found, has changed, is still too large or can become no document.
// The record is looked for in its file and, since that may have been renamed or
// compressed, in the others of its input.
func (r *Restorer) Restore(ctx context.Context, l deadletter.Letter) (deadletter.Letter, error) {
	in := r.inputs[l.Input]
	if l.Reason != event.ReasonTooLarge || in == nil || l.Hash == "" || l.Length > int64(in.MaxRecord) || l.Length <= 0 {
		return l, nil
	}
	paths, err := in.paths(l.Path)
	if err != nil {
		return l, err
	}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return l, err
		}
		raw, err := readStretch(path, l.Offset, l.Length)
		if err != nil || r.hash(raw) != l.Hash {
			continue // another file, or none any more
		}
		return in.finish(l, raw), nil
	}
	return l, nil
}

// paths are the files in which the record may be, the likeliest first.
func (in *restoredInput) paths(first string) ([]string, error) {
	globs, err := absolute(in.Paths)
	if err != nil {
		return nil, err
	}
	paths := []string{first}
	for _, glob := range globs {
		found, err := doublestar.FilepathGlob(glob, doublestar.WithFilesOnly())
		if err != nil {
			return nil, fmt.Errorf("find files like %s: %w", glob, err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths[1:])
	return slices.Compact(paths), nil
}

// hash is the keyed hash that a letter keeps of a record.
func (r *Restorer) hash(raw []byte) string {
	h := hmac.New(sha256.New, r.key)
	h.Write(raw)
	return hex.EncodeToString(h.Sum(nil))
}

// finish makes the document. The letter keeps its reason and its place.
func (in *restoredInput) finish(l deadletter.Letter, raw []byte) deadletter.Letter {
	s := &shipment{batch: event.Batch{Input: l.Input, Gateway: l.Gateway, Path: l.Path, Doubtful: true}}
	in.transformer.one(s, event.Raw{Bytes: raw, Offset: l.Offset}, in.transformer.now())
	if len(s.documents) != 1 || len(s.letters) > 0 {
		return l
	}
	for _, a := range s.anonymous {
		s.documents[0].ID = a.base.Finish(0) // of equal ones that are too large the first
	}
	l.ID, l.Document = string(s.documents[0].ID[:]), s.documents[0].Source
	return l
}

// readStretch reads a part of a file, counted after decompression.
func readStretch(path string, offset, length int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	r := bufio.NewReaderSize(f, 64<<10)
	raw := make([]byte, length)
	magic, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if magic[0] != 0x1f || magic[1] != 0x8b {
		_, err = f.ReadAt(raw, offset)
		return raw, err
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, z, offset); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(z, raw)
	return raw, err
}
