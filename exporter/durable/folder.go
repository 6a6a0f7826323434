package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folder is an open folder. It may be used by several goroutines at once.
type Folder struct {
	root *os.Root
	path string
}

// NotPrivateError is a folder that others than this user and root may change.
type NotPrivateError struct {
	Path string
	Why  string // what is wrong and what to do
}

func (e *NotPrivateError) Error() string { return e.Path + " " + e.Why }

// OpenPrivate opens a folder of this user's own, making it (0700) if it is
// missing. One that belongs to somebody else, or that others may write to, is a
// *NotPrivateError and stays untouched.
func OpenPrivate(path string) (*Folder, error) {
	if err := ownWay(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.private(), notLed(path)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// ownWay is an error if a folder on the way belongs to another user, who could lead it
// anywhere.
func ownWay(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for {
		if info, err := os.Stat(path); err == nil {
			if why := foreign(info); why != "" {
				return &NotPrivateError{path, why}
			}
		}
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		path = up
	}
}

// private is an error if others may change the folder.
func (d *Folder) private() error {
	info, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	if why := notPrivate(info, d.path); why != "" {
		return &NotPrivateError{d.path, why}
	}
	return nil
}

// notLed is an error if a path is a link that others may have put there.
func notLed(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return err
	}
	around, err := Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	if around.private() != nil {
		err = &NotPrivateError{path, "is a symbolic link in a folder that others may write to; name what it leads to"}
	}
	return errors.Join(err, around.Close())
}

// Open opens a folder as it is, for reading or for a file that somebody named.
func Open(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root, path}, nil
}

// Close gives the folder back. Files that were opened stay open.
func (d *Folder) Close() error { return d.root.Close() }

// Path is the folder's, as it was opened.
func (d *Folder) Path() string { return d.path }

// OpenFile opens a regular file of the folder, with flags as os.OpenFile's and mode
// 0600 if it is made. It follows no link. To write to it, it must be this user's.
func (d *Folder) OpenFile(name string, flag int) (*os.File, error) {
	if info, err := d.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, d.odd(name, "is not a regular file; remove it")
	}
	// Nothing may block here, whatever has come into the name's place meanwhile.
	f, err := d.root.OpenFile(name, flag|nonblock, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.examine(f, name, flag&(os.O_WRONLY|os.O_RDWR) != 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// examine sees whether what was opened may be used.
func (d *Folder) examine(f *os.File, name string, write bool) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return d.odd(name, "is not a regular file; remove it")
	case write && !mine(info):
		return d.odd(name, "belongs to another user; give it to this one (chown), or call auditship as that user")
	}
	return nil
}

func (d *Folder) odd(name, why string) error {
	return &NotPrivateError{filepath.Join(d.path, name), why}
}

// Stat describes a file of the folder, no link followed.
func (d *Folder) Stat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }

// Names lists what is in the folder, sorted.
func (d *Folder) Names() ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// Rename gives a file another name of the folder, durably.
func (d *Folder) Rename(from, to string) error {
	if err := d.root.Rename(from, to); err != nil {
		return err
	}
	return d.Sync()
}

// Remove removes a file, durably.
func (d *Folder) Remove(name string) error {
	if err := d.root.Remove(name); err != nil {
		return err
	}
	return d.Sync()
}

// Sync makes changes of names in the folder durable.
func (d *Folder) Sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Sweep removes what a process that died has left of the file's replacements.
func (d *Folder) Sweep(name string) error {
	names, err := d.Names()
	if err != nil {
		return err
	}
	for _, n := range names {
		if strings.HasPrefix(n, "."+name+".") && strings.HasSuffix(n, newSuffix) {
			if err := d.root.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove what is left of an earlier run: %w", err)
			}
		}
	}
	return nil
}
