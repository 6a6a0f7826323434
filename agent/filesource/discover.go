package filesource

import (
	"errors"
	"os"
	"slices"
	"sort"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// discover brings the set of files up to date with what the globs match.
func (s *Source) discover() {
	found := map[fileID]bool{}
	paths := s.matches()
	s.forgive(paths)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // gone again, or not ours to read
		}
		id, _ := identify(info)
		found[id] = true
		if f := s.files[id]; f != nil && (f.ending == finished || f.f != nil || f.size == info.Size() && f.modified.Equal(info.ModTime())) {
			f.path = path
			continue
		}
		s.pathFault(path, s.open(path))
	}
	for id, f := range s.files {
		if found[id] {
			f.presence = named
		} else if f.presence == named {
			f.presence = unmatched
		}
	}
	s.stats.Files.Store(int64(len(s.files)))
}

// matches lists the paths of the globs without those that are excluded, sorted.
func (s *Source) matches() []string {
	seen := map[string]bool{}
	for _, glob := range s.cfg.Paths {
		paths, err := doublestar.FilepathGlob(glob, doublestar.WithFilesOnly())
		s.pathFault(glob, err)
		for _, p := range paths {
			if !s.excluded(p) {
				seen[p] = true
			}
		}
	}
	paths := make([]string, 0, len(seen))
	for p := range seen {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths
}

func (s *Source) excluded(path string) bool {
	for _, glob := range s.cfg.Exclude {
		if ok, _ := doublestar.PathMatch(glob, path); ok { // checked by the configuration
			return true
		}
	}
	return false
}

// open starts to follow the file at path, where its saved position says.
func (s *Source) open(path string) error {
	fd, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := fd.Stat()
	if err != nil {
		return errors.Join(err, fd.Close())
	}
	id, _ := identify(info)
	f := &file{path: path, id: id, f: fd, size: info.Size(), grew: time.Now(), existed: info.Size(), arrival: s.arrival, found: time.Now()}
	old := s.files[id]
	if old != nil { // closed to save descriptors
		s.keep(old)
	}
	if err := s.attach(f); err != nil {
		f.close()
		return err
	}
	if old != nil && f.stream != old.stream { // the inode is another file's now
		delete(s.saved, old.stream)
		s.orphan = append(s.orphan, old.stream)
	}
	s.files[id] = f
	s.limitOpen(f)
	return nil
}

// limitOpen closes the file that grew least recently when too many are open, newest
// among them.
func (s *Source) limitOpen(newest *file) {
	s.opened = slices.DeleteFunc(append(s.opened, newest), func(f *file) bool { return f.f == nil })
	if len(s.opened) <= s.cfg.MaxOpen {
		return
	}
	var oldest *file
	for _, f := range s.opened {
		if f != newest && f.skip == nil && (oldest == nil || f.grew.Before(oldest.grew)) {
			oldest = f
		}
	}
	if oldest != nil {
		oldest.close()
	}
}
