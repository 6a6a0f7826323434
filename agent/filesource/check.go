package filesource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/auditship/auditship/agent/filesource/find"
)

// Describe renders a saved position for a person: the path and the offset.
func Describe(data []byte) (string, error) {
	var p position
	if err := json.Unmarshal(data, &p); err != nil {
		return "", fmt.Errorf("read the position: %w", err)
	}
	if p.Path == "" {
		return "", errors.New("read the position: not one of a file")
	}
	return fmt.Sprintf("%s at byte %d", p.Path, p.Offset), nil
}

// Reach is what globs reach now.
type Reach struct {
	Files   int            // that can be read
	Passed  []find.Refused // what matches and is passed over: links, pipes, devices
	Nothing []find.Match   // globs that match no file
}

// Look tries to open the files that match, for a check before the start. Its error joins
// why files and folders cannot be read, or is that of the context.
func Look(ctx context.Context, where find.Config) (Reach, error) {
	finder := find.New(where)
	all, err := finder.Look(ctx)
	if err != nil {
		return Reach{}, err
	}
	r := Reach{Passed: all.Passed}
	for _, glob := range all.Globs {
		if glob.Files == 0 {
			r.Nothing = append(r.Nothing, glob)
		}
	}
	var errs []error
	for _, f := range all.Failed {
		errs = append(errs, errors.New(whyNot(f.Path, f.Err)))
	}
	for _, match := range all.Files {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		f, _, err := finder.Open(match.Path)
		if err == nil {
			r.Files++
			err = f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, errors.New(whyNot(match.Path, err)))
		}
	}
	return r, errors.Join(errs...)
}
