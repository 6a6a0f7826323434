package find

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Config says what to look for. Paths is needed.
type Config struct {
	Paths   []string // globs, ** for any number of folders; from the current folder unless absolute
	Exclude []string // globs, matched against the whole path
	// FollowSymlinks opens what links lead to, if it is within Roots.
	FollowSymlinks bool
	// Roots are folders; without any, those before the first wildcards of Paths.
	Roots []string
	// Entering, unless nil, is told of each folder before the system is asked for it,
	// which may take long where it is on another machine.
	Entering func(folder string)
}

// The bounds of one look at one glob.
const (
	maxDepth   = 32      // folders below the one before the first wildcard
	maxEntries = 500_000 // names looked at
)

// Refused is a path that matches and is not opened, with the reason.
type Refused struct {
	Path string
	Why  string
}

func (e Refused) Error() string { return e.Path + " " + e.Why }

// File is a regular file that a glob matches.
type File struct {
	Path string // absolute
	Info fs.FileInfo
}

// Found is what one look found.
type Found struct {
	Files []File // sorted by path, each once
	// Folders are those that were searched through.
	Folders []string
	// Passed are the links, pipes and devices that match but are not opened.
	Passed []Refused
	// Failed are the globs and folders that could not be searched through.
	Failed []Failure
	Globs  []Match // what each glob matches, unless it failed
}

// Match is what a glob matches.
type Match struct {
	Glob     string
	Files    int    // whether they are opened or not
	Why      string // it matches none
	NoFolder bool   // the folder before its first wildcard is not there
}

// Failure is a glob, or a folder that may hold a match, that could not be searched
// through.
type Failure struct {
	Path string
	Err  error
}

// Finder finds files. It is safe for concurrent use.
type Finder struct {
	globs   []glob
	exclude []string
	follow  bool
	roots   []string // links resolved, absolute
	enters  func(folder string)
}

// glob is one pattern: base is a folder without wildcards, pattern what follows it.
type glob struct {
	whole, base, pattern string
	depth                int // of the deepest folder that can hold a match, below base
}

// New makes a Finder. It reads nothing but where Roots lead.
func New(c Config) *Finder {
	f := &Finder{follow: c.FollowSymlinks, enters: c.Entering}
	if f.enters == nil {
		f.enters = func(string) {}
	}
	for _, path := range c.Exclude {
		f.exclude = append(f.exclude, absolute(path))
	}
	for _, path := range c.Paths {
		path = absolute(path)
		base, pattern := doublestar.SplitPattern(filepath.ToSlash(path))
		g := glob{whole: path, base: filepath.FromSlash(base), pattern: pattern, depth: strings.Count(pattern, "/")}
		if strings.Contains(pattern, "**") {
			g.depth = maxDepth
		}
		f.globs = append(f.globs, g)
	}
	for _, root := range f.named(c.Roots) {
		if real, err := real(root); err == nil { // one that is not there holds nothing
			f.roots = append(f.roots, real)
		}
	}
	return f
}

func (f *Finder) named(roots []string) []string {
	if len(roots) == 0 {
		for _, g := range f.globs {
			roots = append(roots, unescape(g.base))
		}
	}
	return roots
}

// unescape is a path without the backslashes that keep its letters from being
// wildcards.
func unescape(pattern string) string {
	if filepath.Separator == '\\' {
		return pattern // there they cannot be escaped
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

func real(path string) (string, error) { return filepath.EvalSymlinks(absolute(path)) }

// absolute is clean too.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil { // there is a current folder
		return abs
	}
	return filepath.Clean(path)
}

// Matches reports whether the globs match a path and none excludes it. It looks at no
// file.
func (f *Finder) Matches(path string) bool {
	match := func(pattern string) bool {
		ok, _ := doublestar.PathMatch(pattern, path) // checked by the configuration
		return ok
	}
	return slices.ContainsFunc(f.globs, func(g glob) bool { return match(g.whole) }) && !slices.ContainsFunc(f.exclude, match)
}

// Look looks for what matches now. A folder that is not there holds nothing. The error
// is that of the context.
func (f *Finder) Look(ctx context.Context) (Found, error) {
	var all Found
	seen := map[string]bool{}
	for _, g := range f.globs {
		w := walk{ctx: ctx, f: f, glob: g, left: maxEntries, seen: seen, found: &all}
		err := w.begin()
		switch {
		case ctx.Err() != nil:
			return Found{}, ctx.Err()
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			all.Failed = append(all.Failed, Failure{g.whole, err})
		default:
			all.Globs = append(all.Globs, w.match(err != nil))
		}
	}
	slices.SortFunc(all.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// Open opens a file that matches, for reading. It never blocks. What is not a regular
// file, or is led to by a link that is not followed, or was exchanged since it was
// looked at, is *Refused.
func (f *Finder) Open(path string) (*os.File, fs.FileInfo, error) {
	if !f.Matches(path) {
		return nil, nil, &Refused{path, "matches none of the configured paths"}
	}
	base, err := f.baseOf(path)
	if err != nil {
		return nil, nil, err
	}
	rel, err := filepath.Rel(base, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, nil, &Refused{path, "is not below " + base}
	}
	file, info, err := openBelow(base, rel)
	var link *Refused
	for range 3 { // a rotation exchanges files too
		if !errors.As(err, &link) || link.Why != isExchanged {
			break
		}
		file, info, err = openBelow(base, rel)
	}
	if f.follow && errors.As(err, &link) && link.Why == isLink {
		return f.openLinked(path)
	}
	if errors.As(err, &link) {
		link.Path = path
	}
	return file, info, err
}

// baseOf is the folder without wildcards of the glob that matches the path.
func (f *Finder) baseOf(path string) (string, error) {
	for _, g := range f.globs {
		if ok, _ := doublestar.PathMatch(g.whole, path); ok {
			return unescape(g.base), nil
		}
	}
	return "", &Refused{path, "matches none of the configured paths"}
}

// openLinked opens what a link leads to, within the roots.
func (f *Finder) openLinked(path string) (*os.File, fs.FileInfo, error) {
	root, rel, err := f.within(path)
	if err != nil {
		return nil, nil, err
	}
	file, info, err := openBelow(root, rel)
	var refused *Refused
	if errors.As(err, &refused) {
		refused.Path = path
	}
	return file, info, err
}

// within is where a path leads, as a root and what is below it, links resolved.
func (f *Finder) within(path string) (root, rel string, err error) {
	target, err := real(path)
	if err != nil {
		return "", "", err
	}
	for _, root := range f.roots {
		if rel, err := filepath.Rel(root, target); err == nil && filepath.IsLocal(rel) {
			return root, rel, nil
		}
	}
	return "", "", &Refused{path, fmt.Sprintf("is a symbolic link to %s, outside of %s; name that folder in symlink_roots", target, strings.Join(f.roots, ", "))}
}
