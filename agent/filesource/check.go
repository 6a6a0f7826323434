package filesource

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/auditship/auditship/agent/filesource/find"
)

// Describe renders a saved position for a person: the path, the offset, and
// whether the file is compressed.
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

// Readable reports why the files that match now cannot be read, for a check before the
// start, and what matches and is passed over: links, pipes, devices. No match is not an
// error.
func Readable(where find.Config) (passed []find.Refused, err error) {
	finder := find.New(where)
	all := finder.Look()
	var errs []error
	for _, glob := range all.Failed {
		errs = append(errs, fmt.Errorf("%s: %w", glob.Glob, glob.Err))
	}
	for _, match := range all.Files {
		f, _, err := finder.Open(match.Path)
		if err == nil {
			err = f.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return all.Passed, errors.Join(errs...)
}
