package filesource

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// savedFile is a saved position that no file has taken over yet.
type savedFile struct {
	event.Saved
	position
}

// restore sorts the saved positions; those that cannot be understood are forgotten.
func (s *Source) restore(saved []event.Saved) {
	for _, e := range saved {
		if p, ok := parsePosition(e.Position); ok {
			s.saved[e.Stream] = savedFile{e, p}
		} else {
			s.orphan = append(s.orphan, e.Stream)
		}
	}
}

// attach gives f the saved position that fits it, or a new stream. A position fits
// by inode or by path, and only if the content agrees.
func (s *Source) attach(f *file) error {
	for _, stream := range s.candidates(f) {
		saved := s.saved[stream]
		ok, err := s.resume(f, saved.Saved, saved.position)
		if err != nil {
			return err
		}
		if ok {
			delete(s.saved, stream)
			s.stats.ResumedBytes.Add(f.consumed())
			s.cfg.Log.Info().Str("path", f.path).Int64("offset", saved.Offset).Msg("file resumed")
			return nil
		}
	}
	f.stream = newStream(s.cfg.Input)
	s.cfg.Log.Info().Str("path", f.path).Int64("size", f.size).Msg("file found")
	return nil
}

// candidates lists the saved streams that may be f's, the likeliest first.
func (s *Source) candidates(f *file) []event.Stream {
	var same, byPath []event.Stream
	for stream, saved := range s.saved {
		switch {
		case saved.fileID == f.id:
			same = append(same, stream)
		case saved.Path == f.path:
			byPath = append(byPath, stream)
		}
	}
	slices.SortFunc(same, byName)
	slices.SortFunc(byPath, byName)
	return append(same, byPath...)
}

// savedFor is how long the position of a file that is not there is kept: long
// enough for a file system that was not mounted at the start.
const savedFor = 24 * time.Hour

// maxAbsent bounds the positions of files that are not there.
const maxAbsent = 4096

// forgetOrphans removes positions that no file will take over. Files that wait for
// their turn to be opened have not taken theirs yet.
func (s *Source) forgetOrphans(ctx context.Context, emit Emit) error {
	ids, paths := map[fileID]bool{}, map[string]bool{}
	for _, f := range s.files {
		if f.stream == (event.Stream{}) {
			ids[f.id], paths[f.path] = true, true
		}
	}
	excess := len(s.saved) - maxAbsent
	for stream, saved := range s.saved {
		if ids[saved.fileID] || paths[saved.Path] {
			continue
		}
		if saved.Age > savedFor || excess > 0 {
			excess--
			delete(s.saved, stream)
			s.orphan = append(s.orphan, stream)
		}
	}
	for _, stream := range s.orphan {
		if err := emit(ctx, event.Batch{Input: s.cfg.Input, Stream: stream, Forget: true}); err != nil {
			return err
		}
	}
	s.orphan = nil
	return nil
}

func byName(a, b event.Stream) int { return cmp.Compare(a.String(), b.String()) }
