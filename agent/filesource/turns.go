package filesource

import (
	"context"
	"sort"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// maxUnpacking bounds the compressed files that are read at the same time, by what
// they weigh: one with gzip takes most of a megabyte.
const maxUnpacking = 8

// readAll reads what is new in every file, a batch of each in turn, until nothing
// is left.
func (s *Source) readAll(ctx context.Context, emit Emit) error {
	if err := s.forgetOrphans(ctx, emit); err != nil {
		return err
	}
	pending := s.sorted()
	for len(pending) > 0 {
		var next []*file
		unpacking := 0
		for _, f := range pending {
			if unpacking > 0 && f.unpack == nil && f.isCompressed() && unpacking+f.weight() > maxUnpacking {
				next = append(next, f) // when others are done
				continue
			}
			more, err := s.visit(ctx, f, emit)
			if err != nil {
				return err
			}
			if more {
				next = append(next, f)
			}
			if more && f.unpack != nil {
				unpacking += f.weight()
			}
		}
		s.measure()
		pending = next
	}
	return s.letGo(ctx, emit)
}

// sorted lists the open files by path, so that older rotations come in a stable
// order.
func (s *Source) sorted() []*file {
	files := make([]*file, 0, len(s.files))
	for _, f := range s.files {
		if f.f != nil {
			files = append(files, f)
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].path < files[j].path })
	return files
}

// visit reads one batch of f. Faults of the file are logged; only what emit returns
// is an error.
func (s *Source) visit(ctx context.Context, f *file, emit Emit) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	news, err := f.look(time.Now())
	if err != nil {
		s.fault(f.path, err)
		return false, nil
	}
	if !news {
		return false, nil
	}
	if f.changed() {
		if err := s.truncated(ctx, f, emit); err != nil {
			return false, err
		}
	}
	return s.readOrLog(ctx, f, false, emit)
}

// readOrLog is readSome, but for faults of the file, which are logged.
func (s *Source) readOrLog(ctx context.Context, f *file, final bool, emit Emit) (more bool, err error) {
	var emitErr error
	more, err = s.readSome(ctx, f, final, func(ctx context.Context, b event.Batch) error {
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
	old := f.stream
	f.restart(newStream(s.cfg.Input))
	return emit(ctx, event.Batch{Input: s.cfg.Input, Stream: old, Forget: true})
}

// measure updates how far behind the reading is.
func (s *Source) measure() {
	var behind, done, size int64
	for _, f := range s.files {
		if !f.compressed() {
			behind += max(0, f.size-f.offset)
		}
		done += f.consumed()
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
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		delete(s.files, id)
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
		more, err := s.readOrLog(ctx, f, true, emit)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return nil
}

func (s *Source) finishAll(ctx context.Context, emit Emit) error {
	for _, f := range s.sorted() {
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		f.ending = finished
		s.measure()
	}
	return nil
}
