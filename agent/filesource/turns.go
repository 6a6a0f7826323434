package filesource

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// maxUnpacking bounds the compressed files that are read at the same time, by what
// they weigh: one with gzip takes most of a megabyte.
const maxUnpacking = 8

// readAll reads what is new in every file, a batch of each in turn, until nothing is
// left. More files than may be open are read one after the other.
func (s *Source) readAll(ctx context.Context, emit Emit) error {
	if err := s.forgetOrphans(ctx, emit); err != nil {
		return err
	}
	clear(s.unread)
	clear(s.waiting)
	pending, ended := s.pending(), true
	for len(pending) > 0 {
		left, err := s.turn(ctx, pending, emit)
		if err != nil {
			return err
		}
		s.measure()
		if ended = len(left) == 0 || len(s.unread) > 0; !ended {
			break // none of the open ones can be closed: the next time
		}
		pending = left
	}
	if err := s.letGo(ctx, emit); err != nil {
		return err
	}
	if ended && len(s.waiting) == 0 {
		s.cfg.ReachedEnd()
	}
	return nil
}

// turn reads a batch of each file and returns those that may have more.
func (s *Source) turn(ctx context.Context, files []*file, emit Emit) (left []*file, err error) {
	unpacking := 0
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.f == nil {
			if room, err := s.hold(f); !room {
				left = append(left, f)
				continue
			} else if err != nil {
				s.pathFault(f.path, err)
				continue
			}
		}
		if unpacking > 0 && f.unpack == nil && f.isCompressed() && unpacking+f.weight() > maxUnpacking {
			left = append(left, f) // when others are done
			continue
		}
		more, err := s.visit(ctx, f, emit)
		if err != nil {
			return nil, err
		}
		if !more {
			delete(s.unread, f)
			continue
		}
		s.unread[f] = true
		left = append(left, f)
		if f.unpack != nil {
			unpacking += f.weight()
		}
	}
	return left, nil
}

// pending lists the files in which there may be something new by path, so that older
// rotations come in a stable order.
func (s *Source) pending() []*file {
	return s.sorted(func(f *file) bool { return f.hold != parked && (f.f != nil || f.presence == named) })
}

func (s *Source) sorted(which func(*file) bool) []*file {
	files := make([]*file, 0, len(s.files))
	for _, f := range s.files {
		if which(f) && f.ending != finished {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return files
}

// visit reads one batch of f. Faults of the file are noted; only what emit returns is
// an error.
func (s *Source) visit(ctx context.Context, f *file, emit Emit) (more bool, err error) {
	s.steps.begin("look at", f.path)
	news, err := f.look(time.Now())
	if err != nil {
		s.fault(f.path, err)
		return false, nil
	}
	if !news && f.run == nil || !s.hasRoom(f) {
		return false, nil
	}
	if f.changed() {
		if err := s.truncated(ctx, f, emit); err != nil {
			return false, err
		}
	}
	f.seen = max(f.seen, f.size)
	return s.readOrNote(ctx, f, false, emit)
}

// hasRoom reports whether the file may be read on, as far as its dead letters go.
func (s *Source) hasRoom(f *file) bool {
	if s.cfg.Room == nil {
		return true
	}
	err := s.cfg.Room(f.path)
	if err != nil {
		s.waiting[f.path] = "waits to be read on: " + err.Error()
	}
	return err == nil
}

// readOrNote is readSome, but for faults of the file, which are noted.
func (s *Source) readOrNote(ctx context.Context, f *file, final bool, emit Emit) (more bool, err error) {
	s.steps.begin("read", f.path)
	defer s.steps.end()
	var emitErr error
	more, err = s.readSome(ctx, f, final, func(ctx context.Context, b event.Batch) error {
		s.steps.end() // the pipeline may be full
		emitErr = emit(ctx, b)
		return emitErr
	})
	switch {
	case emitErr != nil:
		return false, emitErr
	case err != nil:
		s.fault(f.path, err)
		return false, nil
	}
	delete(s.failing, f.path)
	return more, nil
}

// truncated starts a file over that is no longer what was read.
func (s *Source) truncated(ctx context.Context, f *file, emit Emit) error {
	s.stats.Truncations.Add(1)
	lost := f.unread()
	s.stats.PossiblyLost.Add(lost)
	s.cfg.Log.Warn().Str("path", f.path).Int64("possibly_lost_bytes", lost).Msg("file truncated; reading it from its start")
	if err := s.emitRun(ctx, f, emit); err != nil {
		return err
	}
	old := f.stream
	f.restart(newStream(s.cfg.Input))
	return emit(ctx, event.Batch{Input: s.cfg.Input, Stream: old, Forget: true})
}

// measure updates how far behind the reading is.
func (s *Source) measure() {
	var behind, done, size int64
	for _, f := range s.files {
		read := f.consumed()
		behind += max(0, f.size-read)
		done += read
		size += f.size
	}
	s.stats.BehindBytes.Store(behind)
	s.stats.DoneBytes.Store(done)
	s.stats.SizeBytes.Store(size)
}

// letGo finishes files that no path leads to any more once they stopped growing.
func (s *Source) letGo(ctx context.Context, emit Emit) error {
	for id, f := range s.files {
		if !f.over(s.cfg.CloseInactive) {
			continue
		}
		if lost := f.size - f.consumed(); f.f == nil && lost > 0 {
			s.stats.PossiblyLost.Add(lost)
			s.cfg.Log.Warn().Str("path", f.path).Int64("possibly_lost_bytes", lost).Msg("file went before it was read to its end")
		}
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		delete(s.files, id)
		if f.stream == (event.Stream{}) {
			continue // it was never opened
		}
		if err := emit(ctx, event.Batch{Input: s.cfg.Input, Stream: f.stream, Forget: true}); err != nil {
			return err
		}
	}
	return nil
}

// finish emits what is left of a file that will not grow any more, closing it.
func (s *Source) finish(ctx context.Context, f *file, emit Emit) error {
	defer f.close()
	for f.f != nil {
		more, err := s.readOrNote(ctx, f, true, emit)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return nil
}

// finishAll finishes every file, opening again those that were closed with something
// left.
func (s *Source) finishAll(ctx context.Context, emit Emit) error {
	for _, f := range s.sorted(func(*file) bool { return true }) {
		if f.f == nil && f.consumed() < f.size {
			if _, err := s.hold(f); err != nil {
				s.pathFault(f.path, err)
				continue
			}
		}
		if f.hold == fresh && f.size > 0 {
			continue // it cannot be opened
		}
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		f.ending = finished
		s.measure()
	}
	return nil
}
