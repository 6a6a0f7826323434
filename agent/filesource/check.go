package filesource

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bmatcuk/doublestar/v4"
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

// Readable reports why the files that paths match now cannot be read, for a check
// before the start. No match is not an error.
func Readable(paths []string) error {
	var errs []error
	for _, glob := range paths {
		found, err := doublestar.FilepathGlob(glob, doublestar.WithFilesOnly())
		errs = append(errs, err)
		for _, p := range found {
			f, err := os.Open(filepath.Clean(p))
			if err == nil {
				err = f.Close()
			}
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
