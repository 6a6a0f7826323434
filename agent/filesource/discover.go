package filesource

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
)

// discover brings the set of files up to date with what the globs match. It opens
// none. Its error is that of the context.
func (s *Source) discover(ctx context.Context) error {
	all, err := s.finder.Look(ctx)
	if err != nil {
		return err
	}
	s.folders = all.Folders
	s.forgive(all)
	for _, f := range all.Failed {
		s.fault(f.Path, f.Err)
	}
	for _, refused := range all.Passed {
		s.fault(refused.Path, &refused)
	}
	s.missing(all.Globs)
	seen := map[fileID]bool{}
	for _, match := range all.Files {
		id, _ := identify(match.Info)
		seen[id] = true
		s.notice(match.Path, id, match.Info)
	}
	for id, f := range s.files {
		if seen[id] {
			f.presence = named
		} else if f.presence == named {
			f.presence = unmatched
		}
	}
	s.stats.Files.Store(int64(len(s.files)))
	return nil
}

// missing says which globs match no file. One that did, in a folder that is still there,
// may well do so again.
func (s *Source) missing(globs []find.Match) {
	reasons := map[string]string{}
	for _, glob := range globs {
		switch {
		case glob.Files > 0:
			s.matched[glob.Glob] = true
		case glob.NoFolder || !s.matched[glob.Glob]:
			reasons[glob.Glob] = "nothing to read at " + glob.Glob + ": " + glob.Why
		}
	}
	s.debts.set("nothing", event.DebtNoMatch, reasons, "there is a file now")
}

// notice takes up a file that was found at a path.
func (s *Source) notice(path string, id fileID, info fs.FileInfo) {
	f := s.files[id]
	if f == nil {
		now := time.Now()
		f = &file{id: id, size: info.Size(), modified: info.ModTime(), grew: now, existed: info.Size(), arrival: s.arrival, found: now}
		s.files[id] = f
	}
	f.path = path
	f.changedBy(info)
}

// changedBy notes that a file that is closed has changed.
func (f *file) changedBy(info fs.FileInfo) {
	if f.hold != parked || f.size == info.Size() && f.modified.Equal(info.ModTime()) {
		return
	}
	f.hold, f.size, f.modified, f.grew = wanted, info.Size(), info.ModTime(), time.Now()
}

// lookAtClosed notes which of the closed files have changed.
func (s *Source) lookAtClosed() {
	for _, f := range s.files {
		if f.hold != parked || f.presence != named || f.ending == finished {
			continue
		}
		s.steps.begin("look at", f.path)
		if info, err := os.Stat(f.path); err == nil {
			if id, _ := identify(info); id == f.id { // a scan finds out what it is otherwise
				f.changedBy(info)
			}
		}
	}
}
