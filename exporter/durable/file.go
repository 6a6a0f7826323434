package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// newSuffix ends the names of files that are not whole yet.
const newSuffix = ".new"

// File is a file on its way to its name. Write it, then Commit; Abort when done,
// in any case.
type File struct {
	*os.File
	folder     *Folder
	temp, name string
}

// Create begins a file that will be name, with mode 0600. What has the name stays
// as it is until Commit.
func (d *Folder) Create(name string) (*File, error) {
	temp := "." + name + "." + rand.Text() + newSuffix
	f, err := d.root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{f, d, temp, name}, nil
}

// Commit makes the file durable under its name. It stays open.
func (f *File) Commit() error {
	err := f.Sync()
	if err == nil {
		err = f.folder.root.Rename(f.temp, f.name)
	}
	if err != nil {
		return err
	}
	f.temp = ""
	return f.folder.Sync()
}

// Abort closes the file, and removes it unless it was committed.
func (f *File) Abort() error {
	err := f.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if f.temp != "" {
		err = errors.Join(err, f.folder.root.Remove(f.temp))
		f.temp = ""
	}
	return err
}

// Replace puts data in the place of a file.
func (d *Folder) Replace(name string, data []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Commit()
	}
	return errors.Join(err, f.Abort())
}

// Follow is the file that a path leads to which somebody named, absolute. A link is
// followed, but not in a folder where somebody else may have put it.
func Follow(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := notLed(path); err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, err
	}
	return filepath.EvalSymlinks(path)
}

// Split opens the folder of a file as Follow finds it, and returns its name there. It
// need not be there.
func Split(path string) (*Folder, string, error) {
	target, err := Follow(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return nil, "", err
	}
	d, err := Open(filepath.Dir(target))
	return d, filepath.Base(target), err
}
