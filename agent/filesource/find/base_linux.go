package find

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the links on the way to a folder, as the system does.
const maxLinks = 40

const isForeignLink = "is a symbolic link of another user on the way to the files; name the folder itself"

// openBase opens the folder that a glob begins at. Links on the way there are followed
// only if they are root's or the agent's own: whoever else may write to a folder on the
// way could lead the agent to files outside of the glob.
func openBase(path string) (*os.Root, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	looked, err := lookAlong(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if opened, ok := identityOf(info); !ok || opened != looked {
		return nil, errors.Join(&Refused{path, isExchanged}, root.Close())
	}
	return root, nil
}

// place tells one folder from another.
type place struct{ device, inode uint64 }

func identityOf(info fs.FileInfo) (place, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return place{}, false
	}
	return place{uint64(st.Dev), st.Ino}, true //nolint:unconvert // its type differs between platforms
}

// lookAlong goes to a folder name by name, without reading any, and says which it is.
func lookAlong(path string) (place, error) {
	at, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() { _ = unix.Close(at) }() // only looked at; at is where it ended
	names, links := namesOf(path), 0
	for len(names) > 0 {
		next, st, err := lookAt(at, names[0])
		if err != nil {
			return place{}, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		names = names[1:]
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			var target string
			target, err = readLink(next)
			_ = unix.Close(next)
			links++
			switch {
			case err != nil || links > maxLinks:
				return place{}, &fs.PathError{Op: "open", Path: path, Err: errors.Join(err, unix.ELOOP)}
			case st.Uid != 0 && int(st.Uid) != os.Geteuid():
				return place{}, &Refused{path, isForeignLink}
			}
			names = append(namesOf(target), names...)
			if !filepath.IsAbs(target) {
				continue
			}
			if next, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
				return place{}, &fs.PathError{Op: "open", Path: "/", Err: err}
			}
		}
		_ = unix.Close(at)
		at = next
	}
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return place{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return place{uint64(st.Dev), st.Ino}, nil //nolint:unconvert // its type differs between platforms
}

// lookAt opens a name in a folder, not what it leads to.
func lookAt(at int, name string) (fd int, st unix.Stat_t, err error) {
	fd, err = unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err = unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

func readLink(fd int) (string, error) {
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", text)
	if err != nil {
		return "", err
	}
	return string(text[:n]), nil
}

// namesOf splits a path; .. stays, for the system to follow.
func namesOf(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}
