package find

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// walk is one look at one glob.
type walk struct {
	ctx  context.Context
	f    *Finder
	glob glob
	left int // entries that may still be looked at
	seen map[string]bool

	files, folders int // that match
	found          *Found
}

func (w *walk) begin() error {
	w.f.enters(unescape(w.glob.base))
	root, err := openBase(unescape(w.glob.base))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // only looked at
	return w.folder(root, "", 0)
}

// match is what the glob was found to match.
func (w *walk) match(noFolder bool) Match {
	m := Match{Glob: w.glob.whole, Files: w.files, NoFolder: noFolder}
	switch {
	case noFolder:
		m.Why = "there is no folder " + unescape(w.glob.base)
	case w.files == 0 && w.folders > 0:
		m.Why = "it matches only folders; name the files in them, as in " + filepath.Join(w.glob.whole, "*.json")
	case w.files == 0:
		m.Why = "it matches no file"
	}
	return m
}

// folder looks at what is in a folder; rel is its path below the base.
func (w *walk) folder(at *os.Root, rel string, depth int) error {
	w.found.Folders = append(w.found.Folders, w.path(rel))
	entries, err := fs.ReadDir(at.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if w.left--; w.left < 0 {
			return &Refused{w.glob.whole, fmt.Sprintf("has more than %d names to look at below %s; use a narrower glob", maxEntries, w.glob.base)}
		}
		name := path.Join(rel, e.Name())
		switch {
		case e.IsDir():
			if ok, _ := doublestar.Match(w.glob.pattern, name); ok {
				w.folders++
			}
			err = w.enter(at, e.Name(), name, depth+1)
		case e.Type()&fs.ModeSymlink != 0 && w.ledToFolder(name, depth+1):
			err = w.enterLinked(name, depth+1)
		default:
			w.file(at, e, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter goes into a folder that can hold a match. One that is gone holds nothing, and
// one that may not be read is noted.
func (w *walk) enter(at *os.Root, name, rel string, depth int) error {
	if depth > w.glob.depth || !w.leads(rel) {
		return nil
	}
	if depth == maxDepth {
		return &Refused{w.glob.whole, fmt.Sprintf("has more than %d folders in each other below %s; use a narrower glob", maxDepth, w.glob.base)}
	}
	w.f.enters(w.path(rel))
	next, err := enter(at, name)
	if err == nil {
		defer func() { _ = next.Close() }() // only looked at
		err = w.folder(next, rel, depth)
	}
	var refused *Refused
	switch {
	case w.ctx.Err() != nil || errors.As(err, &refused) && next != nil:
		return err
	case err != nil && refused == nil && !errors.Is(err, fs.ErrNotExist):
		w.found.Failed = append(w.found.Failed, Failure{w.path(rel), err})
	}
	return nil // what was exchanged is found by the next look
}

func (w *walk) path(rel string) string {
	return filepath.Join(unescape(w.glob.base), filepath.FromSlash(rel))
}

// ledToFolder reports whether a link leads to a folder that can hold a match. Under **
// none does, or one link could make a folder endless.
func (w *walk) ledToFolder(rel string, depth int) bool {
	if depth > w.glob.depth || strings.Contains(w.glob.pattern, "**") || !w.leads(rel) {
		return false
	}
	info, err := os.Stat(w.path(rel))
	return err == nil && info.IsDir()
}

// enterLinked goes into a folder that a link leads to.
func (w *walk) enterLinked(rel string, depth int) error {
	full := w.path(rel)
	if !w.f.follow {
		w.found.Passed = append(w.found.Passed, Refused{full, isLink})
		return nil
	}
	root, below, err := w.f.within(full)
	var outside *Refused
	if errors.As(err, &outside) {
		w.found.Passed = append(w.found.Passed, *outside)
	}
	if err != nil {
		return nil
	}
	at, err := os.OpenRoot(filepath.Join(root, below))
	if err != nil {
		return nil // gone again
	}
	defer func() { _ = at.Close() }() // only looked at
	return w.folder(at, rel, depth)
}

// leads reports whether a folder can hold a match, as far as that is easily told: part
// by part up to the first **.
func (w *walk) leads(rel string) bool {
	if strings.ContainsAny(w.glob.pattern, "{") {
		return true // an alternative may hold a slash
	}
	parts := strings.Split(w.glob.pattern, "/")
	for i, name := range strings.Split(rel, "/") {
		if strings.Contains(parts[i], "**") {
			return true
		}
		if ok, _ := doublestar.Match(parts[i], name); !ok {
			return false
		}
	}
	return true
}

// file takes what is no folder, if it matches.
func (w *walk) file(at *os.Root, e fs.DirEntry, rel string) {
	full := w.path(rel)
	if ok, _ := doublestar.Match(w.glob.pattern, rel); !ok {
		return
	}
	w.files++
	if w.seen[full] || !w.f.Matches(full) {
		return
	}
	w.seen[full] = true
	info, err := at.Lstat(e.Name())
	if err != nil {
		return // gone again
	}
	if info.Mode()&fs.ModeSymlink != 0 && w.f.follow {
		if info, err = os.Stat(full); err != nil || info.IsDir() {
			return // it leads nowhere, or to a folder
		}
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		w.found.Files = append(w.found.Files, File{full, info})
	case mode&fs.ModeSymlink != 0:
		w.found.Passed = append(w.found.Passed, Refused{full, isLink})
	default:
		w.found.Passed = append(w.found.Passed, Refused{full, notRegular})
	}
}
