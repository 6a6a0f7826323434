package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/auditship/auditship/exporter/durable"
)

// TrailerSuffix is what the name of a report's trailer file adds to the
// report's.
const TrailerSuffix = ".sha256"

// File is a report on its way to disk. It is written under another name in the
// same folder and takes its own with Commit, so a reader finds the whole report,
// or what was there before. Call Abort when done, in any case.
type File struct {
	folder *durable.Folder
	name   string
	file   *durable.File
}

// Create begins a report that will be path, readable by its owner only (0600).
// An existing file stays as it is until Commit; something that is not a file,
// such as /dev/null, is refused, and so is a link in a folder where others may
// have put it.
func Create(path string) (*File, error) {
	if path == "" {
		return nil, misused("the report needs the name of a file")
	}
	folder, name, err := durable.Split(path)
	if err != nil {
		return nil, fmt.Errorf("create report: %w", err)
	}
	if info, err := folder.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.Join(misused("%s is not a regular file, so a report cannot take its place", path), folder.Close())
	}
	file, err := folder.Create(name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create report: %w", err), folder.Close())
	}
	return &File{folder, name, file}, nil
}

// Write adds to the report.
func (f *File) Write(p []byte) (int, error) { return f.file.Write(p) }

// Commit makes the report durable under its name, and beside it the trailer
// NAME.sha256: the count of records as a comment and the SHA-256 in the form
// that sha256sum -c checks.
func (f *File) Commit(s Summary) error {
	if err := f.file.Commit(); err != nil {
		return errors.Join(fmt.Errorf("finish report: %w", err), f.Abort())
	}
	if err := f.folder.Replace(f.name+TrailerSuffix, []byte(s.Trailer(f.name))); err != nil {
		return fmt.Errorf("write trailer: %w", err)
	}
	return f.Abort()
}

// Abort removes what was not committed. After Commit it does nothing.
func (f *File) Abort() error {
	if f.folder == nil {
		return nil
	}
	folder := f.folder
	f.folder = nil
	return errors.Join(f.file.Abort(), folder.Close())
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
