package find

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Why something is not opened.
const (
	isLink      = "is a symbolic link; set follow_symlinks if it is to be followed"
	notRegular  = "is not a regular file"
	isExchanged = "was exchanged while it was opened"
	isKernels   = "is not a file but a view of the system"
)

// openBelow opens a file below a folder, following no link on the way.
func openBelow(folder, rel string) (*os.File, fs.FileInfo, error) {
	at, err := openBase(folder)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = at.Close() }() // only looked at; at is the innermost folder
	names := strings.Split(rel, string(filepath.Separator))
	for _, name := range names[:len(names)-1] {
		next, err := enter(at, name)
		if err != nil {
			return nil, nil, err
		}
		_ = at.Close()
		at = next
	}
	return openIn(at, names[len(names)-1])
}

// enter opens a folder of a folder, unless it is a link.
func enter(at *os.Root, name string) (*os.Root, error) {
	looked, err := at.Lstat(name)
	if err != nil {
		return nil, err
	}
	if looked.Mode()&fs.ModeSymlink != 0 {
		return nil, &Refused{filepath.Join(at.Name(), name), isLink}
	}
	next, err := at.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := next.Stat(".")
	if err == nil && !os.SameFile(looked, opened) {
		err = &Refused{next.Name(), isExchanged}
	}
	if err != nil {
		return nil, errors.Join(err, next.Close())
	}
	return next, nil
}

// openIn opens a regular file of a folder.
func openIn(at *os.Root, name string) (*os.File, fs.FileInfo, error) {
	path := filepath.Join(at.Name(), name)
	looked, err := at.Lstat(name)
	switch {
	case err != nil:
		return nil, nil, err
	case looked.Mode()&fs.ModeSymlink != 0:
		return nil, nil, &Refused{path, isLink}
	case !looked.Mode().IsRegular():
		return nil, nil, &Refused{path, notRegular}
	}
	// A pipe that takes the file's place now must not block.
	f, err := at.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !os.SameFile(looked, info):
		err = &Refused{path, isExchanged}
	case isKernel(f):
		err = &Refused{path, isKernels}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}
