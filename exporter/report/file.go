package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TrailerSuffix is what the name of a report's trailer file adds to the
// report's.
const TrailerSuffix = ".sha256"

// File is a report on its way to disk. It is written under another name in the
// same folder and takes its own with Commit, so a reader finds the whole report,
// or what was there before. Call Abort when done, in any case.
type File struct {
	path string // symbolic links resolved
	temp *os.File
}

// Create begins a report that will be path, readable by its owner only (0600).
// An existing file stays as it is until Commit; something that is not a file,
// such as /dev/null, is refused.
func Create(path string) (*File, error) {
	if path == "" {
		return nil, misused("the report needs the name of a file")
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("create report: %w", err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, misused("%s is not a regular file, so a report cannot take its place", path)
	}
	temp, err := createTemp(path)
	if err != nil {
		return nil, fmt.Errorf("create report: %w", err)
	}
	return &File{path: path, temp: temp}, nil
}

// createTemp makes an empty file beside path, with mode 0600.
func createTemp(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
}

// Write adds to the report.
func (f *File) Write(p []byte) (int, error) { return f.temp.Write(p) }

// Commit makes the report durable under its name, and beside it the trailer
// NAME.sha256: the count of records as a comment and the SHA-256 in the form
// that sha256sum -c checks.
func (f *File) Commit(s Summary) error {
	temp := f.temp
	f.temp = nil
	if err := rename(temp, f.path); err != nil {
		return fmt.Errorf("finish report: %w", err)
	}
	trailer, err := createTemp(f.path + TrailerSuffix)
	if err != nil {
		return fmt.Errorf("create trailer: %w", err)
	}
	if _, err := trailer.WriteString(s.Trailer(filepath.Base(f.path))); err != nil {
		return errors.Join(fmt.Errorf("write trailer: %w", err), discard(trailer))
	}
	if err := rename(trailer, f.path+TrailerSuffix); err != nil {
		return fmt.Errorf("finish trailer: %w", err)
	}
	return nil
}

// Abort removes what was not committed. After Commit it does nothing.
func (f *File) Abort() error {
	if f.temp == nil {
		return nil
	}
	temp := f.temp
	f.temp = nil
	return discard(temp)
}

// rename syncs and closes a file, gives it its name and syncs the folder, so
// that the name survives a power cut too. On an error nothing is left of it.
func rename(temp *os.File, path string) error {
	if err := temp.Sync(); err != nil {
		return errors.Join(err, discard(temp))
	}
	if err := temp.Close(); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

func discard(temp *os.File) error {
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Trailer is the text of the trailer file for a report of that name: a line
// that sha256sum -c takes for a comment, and one that it checks.
// See https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html
// for the backslash before names that hold a line break.
func (s Summary) Trailer(name string) string {
	escaped := strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r").Replace(name)
	mark := ""
	if escaped != name {
		mark = "\\"
	}
	return fmt.Sprintf("# rows: %d\n%s%s  %s\n", s.Rows, mark, s.SHA256, escaped)
}
