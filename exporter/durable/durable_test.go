package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func private(t *testing.T) *Folder {
	t.Helper()
	d, err := OpenPrivate(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // read only
	return d
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplace(t *testing.T) {
	d := private(t)
	for _, text := range []string{"one", "another", ""} {
		if err := d.Replace("file", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(d.Path(), "file")); got != text {
			t.Errorf("%q, not %q", got, text)
		}
	}
	if names, err := d.Names(); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	if info, err := d.Stat("file"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// What was given up, or left by a process that died, is removed, and nothing else.
func TestHalfMadeFiles(t *testing.T) {
	d := private(t)
	if err := d.Replace("file", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	given, err := d.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(given, "half"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(given.Abort(), given.Abort()); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Path(), ".file.ABC.new"), "half")
	for _, name := range []string{"file.new", ".file.old", ".other.ABC.new"} {
		write(t, filepath.Join(d.Path(), name), "kept")
	}
	if err := d.Sweep("file"); err != nil {
		t.Fatal(err)
	}
	names, err := d.Names()
	if got := strings.Join(names, " "); err != nil || got != ".file.old .other.ABC.new file file.new" {
		t.Errorf("%q, %v", got, err)
	}
	if got := read(t, filepath.Join(d.Path(), "file")); got != "whole" {
		t.Errorf("%q", got)
	}
}

// A link that somebody put in the place of a file leads nowhere: what it points to is
// neither read nor truncated nor added to. Nor does a pipe block.
func TestPlantedFilesAreNotTouched(t *testing.T) {
	outside := write(t, filepath.Join(t.TempDir(), "target"), "precious")
	plant := map[string]func(path string) error{
		"link":          func(path string) error { return os.Symlink(outside, path) },
		"dangling link": func(path string) error { return os.Symlink(outside+".not", path) },
		"link inside":   func(path string) error { return os.Symlink("inside", path) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":        func(path string) error { return os.Mkdir(path, 0o700) },
	}
	for what, put := range plant {
		t.Run(what, func(t *testing.T) {
			d := private(t)
			inside := write(t, filepath.Join(d.Path(), "inside"), "inside")
			if err := put(filepath.Join(d.Path(), "lock")); err != nil {
				t.Fatal(err)
			}
			for _, flag := range []int{os.O_RDONLY, os.O_CREATE | os.O_RDWR, os.O_CREATE | os.O_TRUNC | os.O_WRONLY, os.O_APPEND | os.O_WRONLY} {
				f, err := d.OpenFile("lock", flag)
				var planted *NotPrivateError
				if !errors.As(err, &planted) {
					t.Errorf("with flags %#x: %v, %v", flag, f, err)
				}
			}
			if what != "folder" { // which cannot be replaced
				if err := d.Replace("lock", []byte("mine")); err != nil || read(t, filepath.Join(d.Path(), "lock")) != "mine" {
					t.Error(err)
				}
			}
			if read(t, outside) != "precious" || read(t, inside) != "inside" {
				t.Error("what it leads to was changed")
			}
			if _, err := os.Lstat(outside + ".not"); err == nil {
				t.Error("what it leads to was made")
			}
		})
	}
}

// A folder that others may write to is refused before anything is made in it.
func TestFolderOfOthers(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"everybody": 0o777, "everybody, sticky": 0o777 | os.ModeSticky, "others": 0o702} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			_, err := OpenPrivate(dir)
			var refused *NotPrivateError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "chmod o-w "+dir) {
				t.Error(err)
			}
			mine, err := OpenPrivate(filepath.Join(dir, "state"))
			if err != nil {
				t.Fatal(err)
			}
			if err := mine.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Root does not touch what belongs to somebody else: a file that it left there would
// stop the agent, and a link would lead it anywhere.
func TestFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make files of another user")
	}
	const other = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, other, other); err != nil {
		t.Fatal(err)
	}
	_, err := OpenPrivate(dir)
	var refused *NotPrivateError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "sudo -u nobody") {
		t.Error(err)
	}
	d := private(t)
	theirs := write(t, filepath.Join(d.Path(), "letters"), "theirs")
	if err := os.Chown(theirs, other, other); err != nil {
		t.Fatal(err)
	}
	if _, err := d.OpenFile("letters", os.O_RDWR); !errors.As(err, &refused) {
		t.Error(err)
	}
	if f, err := d.OpenFile("letters", os.O_RDONLY); err != nil || f.Close() != nil {
		t.Error(err)
	}
	// A volume of Kubernetes: root's, and its group's that is the process's own.
	if err := errors.Join(os.Chown(d.Path(), 0, os.Getegid()), os.Chmod(d.Path(), 0o2775)); err != nil {
		t.Fatal(err)
	}
	volume, err := OpenPrivate(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(volume.Close(), os.Chown(d.Path(), 0, other)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPrivate(d.Path()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "chmod g-w") {
		t.Error(err)
	}
}

// A link that somebody named is followed, but not where others may have put it.
func TestSplit(t *testing.T) {
	home, shared := t.TempDir(), t.TempDir()
	if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	target := write(t, filepath.Join(home, "target"), "precious")
	for _, dir := range []string{home, shared} {
		if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
	}
	d, name, err := Split(filepath.Join(home, "link"))
	if err != nil || name != "target" {
		t.Fatalf("%q, %v", name, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	var refused *NotPrivateError
	if _, _, err := Split(filepath.Join(shared, "link")); !errors.As(err, &refused) {
		t.Error(err)
	}
	folder := filepath.Join(shared, "state")
	if err := os.Symlink(home, folder); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPrivate(folder); !errors.As(err, &refused) {
		t.Error(err)
	}
	d, name, err = Split(filepath.Join(shared, "new"))
	if err != nil || name != "new" {
		t.Fatalf("%q, %v", name, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
