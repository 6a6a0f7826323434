package filesource

import (
	"slices"
	"time"

	"github.com/auditship/auditship/agent/filesource/find"
)

// discover brings the set of files up to date with what the globs match.
func (s *Source) discover() {
	found := map[fileID]bool{}
	all := s.finder.Look()
	s.folders = all.Folders
	s.forgive(all)
	s.passOver(all.Passed)
	for _, glob := range all.Failed {
		s.fault(glob.Glob, glob.Err)
	}
	for _, match := range all.Files {
		path, info := match.Path, match.Info
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

// passOver says once what matches and is not opened: a link, a pipe, a device.
func (s *Source) passOver(what []find.Refused) {
	for _, refused := range what {
		if !s.passed[refused.Path] {
			s.passed[refused.Path] = true
			s.cfg.Log.Warn().Str("path", refused.Path).Msg("passed over: it " + refused.Why)
		}
	}
}

// open starts to follow the file at path, where its saved position says.
func (s *Source) open(path string) error {
	fd, info, err := s.finder.Open(path)
	if err != nil {
		return err
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
