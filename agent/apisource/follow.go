package apisource

import (
	"context"
	"errors"
	"time"

	"github.com/auditship/auditship/agent/event"
)

const (
	// lookback is how far a poll that looks for new records reads again: a record
	// carries the time at which its request began, and is written when it ends.
	lookback = 30_000
	// dayBefore is how far back the total is watched for what came later than the
	// overlap allows.
	dayBefore = 24 * 3600 * 1000
	// lateEvery is how often a changed total lets the overlap be read again, at
	// most; it is read again at its own time anyway.
	lateEvery = 60_000
	// firstStep is the length of the first window of the history; the next ones
	// grow and shrink with what they hold, up to longestStep.
	firstStep   = 3600 * 1000
	longestStep = 30 * dayBefore
)

// count is the total of a window at one time.
type count struct {
	from, to, total int64
	known           bool
}

// due reports whether everything after the cursor is to be read again.
func (s *Source) due(end int64) bool {
	return s.settled == 0 || end-s.settled >= s.cfg.Overlap.Milliseconds()
}

// readAll reads everything after the cursor and moves it.
func (s *Source) readAll(ctx context.Context, end int64) error {
	if err := s.readDayAgain(ctx); err != nil {
		return err
	}
	found, held := 0, false
	step := int64(firstStep)
	if s.settled != 0 {
		step = longestStep
	}
	for from := s.next; from < end; {
		w, err := s.read(ctx, from, min(from+step, end))
		if err != nil {
			return err
		}
		found += w.Records
		if w.Reached == end && found == 0 {
			if err := s.doubtEmpty(ctx, s.next, end); err != nil {
				return err
			}
		}
		s.until = max(s.until, w.Reached)
		if !held {
			// What lies behind the overlap of this window's own reading has to
			// be read again, however much later the next window is read.
			safe := min(w.Reached, s.reader.bounds.floor(w.Asked-s.cfg.Overlap.Milliseconds()))
			held = safe < w.Reached
			if err := s.move(ctx, safe); err != nil {
				return err
			}
		}
		step = nextStep(step, w, from)
		from = w.Reached
		s.tellProgress(from, end)
	}
	s.settled = end
	return s.countAll(ctx)
}

// nextStep is the length of the next window: longer after one that held little,
// shorter after one that was cut.
func nextStep(step int64, w Window, from int64) int64 {
	switch {
	case w.Reached < from+step && w.Records > 0:
		return max(w.Reached-from, 1000)
	case w.Records < maxPages*25:
		return min(2*step, longestStep)
	}
	return step
}

// move moves the cursor forward.
func (s *Source) move(ctx context.Context, to int64) error {
	if to <= s.next {
		return nil
	}
	s.next = to
	s.seen.forget(to - dayBefore)
	return s.place(ctx)
}

// doubtEmpty refuses to believe that nothing happened while the newest record says
// that something did: the gateway may take times in another way than it did, after an
// upgrade.
func (s *Source) doubtEmpty(ctx context.Context, from, end int64) error {
	newest, err := s.reader.newest(ctx)
	if errors.Is(err, ErrNoRecords) || err == nil && (newest.At < from || newest.At >= end) {
		return nil
	}
	if err != nil {
		return err
	}
	s.known = false
	return &Error{Reason: "has records in a window that it showed empty; asking again how it takes times", class: lasting}
}

// countAll notes the totals by which late records are noticed.
func (s *Source) countAll(ctx context.Context) error {
	unit := s.reader.bounds.Unit
	before := max(s.reader.bounds.floor(s.next-dayBefore), unit)
	s.day, s.overlap = count{}, count{}
	for _, c := range []struct {
		into     *count
		from, to int64
	}{{&s.day, before, s.next}, {&s.overlap, s.next, s.until}} {
		if c.from >= c.to {
			continue
		}
		total, err := s.reader.Count(ctx, c.from, c.to)
		if err != nil {
			return err
		}
		*c.into = count{c.from, c.to, total, total >= 0}
	}
	return nil
}

// changed reports whether the gateway gives another total for a window than before.
func (s *Source) changed(ctx context.Context, c count) (bool, error) {
	if !c.known {
		return false, nil
	}
	total, err := s.reader.Count(ctx, c.from, c.to)
	return err == nil && total >= 0 && total != c.total, err
}

// readDayAgain reads the day before the cursor again if something came into it.
func (s *Source) readDayAgain(ctx context.Context) error {
	changed, err := s.changed(ctx, s.day)
	if err != nil || !changed {
		return err
	}
	s.cfg.Log.Info().Time("from", time.UnixMilli(s.day.from).UTC()).Msg("records changed before the overlap; reading the day before it again")
	s.doubtful = max(s.doubtful, s.day.to)
	for from := s.day.from; from < s.day.to; {
		w, err := s.read(ctx, from, s.day.to)
		if err != nil {
			return err
		}
		from = w.Reached
	}
	s.day = count{}
	return nil
}

// readNew reads what came since the last poll, and everything after the cursor if
// the total of that says that something came late.
func (s *Source) readNew(ctx context.Context, end int64) error {
	from := max(s.next, s.reader.bounds.floor(s.until-min(lookback, s.cfg.Overlap.Milliseconds())))
	for from < end {
		w, err := s.read(ctx, from, end)
		if err != nil {
			return err
		}
		from = w.Reached
		s.until = max(s.until, from)
	}
	if end-s.settled < lateEvery {
		return nil
	}
	changed, err := s.changed(ctx, s.overlap)
	if err != nil || !changed {
		return err
	}
	late := s.stats.Late.Load()
	if err := s.readAll(ctx, end); err != nil {
		return err
	}
	if s.stats.Late.Load() == late {
		s.overlap = count{} // totals that mislead are not listened to for a while
	}
	return nil
}

// read reads one window and emits what is new in it.
func (s *Source) read(ctx context.Context, from, to int64) (Window, error) {
	passed := s.until
	return s.reader.Read(ctx, from, to, func(records []Record) error {
		return s.take(ctx, records, passed)
	})
}

// take emits the records of a page that were not emitted before. passed is the end
// of what was read before.
func (s *Source) take(ctx context.Context, records []Record, passed int64) error {
	b := event.Batch{Input: s.cfg.Input, Gateway: s.cfg.Gateway, Stream: s.stream(), Repeats: true}
	if len(s.seen) >= maxSeen {
		s.makeRoom()
	}
	for _, r := range records {
		if !s.seen.add(r) {
			s.stats.Repeated.Add(1)
			continue
		}
		if s.settled != 0 && r.At < passed-lookback {
			s.stats.Late.Add(1)
		}
		b.Doubtful = b.Doubtful || r.At < s.doubtful
		b.Records = append(b.Records, event.Raw{Bytes: r.Raw, Offset: -1, Fault: r.Fault})
		s.nameless = s.nameless || s.cfg.Names != nil && len(r.eventType) > 0 && s.cfg.Names.Name(string(r.eventType)) == ""
	}
	if len(b.Records) == 0 {
		return nil
	}
	s.stats.Records.Add(int64(len(b.Records)))
	return s.emit(ctx, b)
}

// makeRoom forgets records that were emitted: those before the cursor, which are read
// again only if their total changes, or else all.
func (s *Source) makeRoom() {
	s.seen.forget(s.next - 2*s.reader.bounds.Unit) // windows may have a margin of one unit
	if len(s.seen) >= maxSeen/2 {
		clear(s.seen)
		s.doubtful = max(s.doubtful, s.until)
	}
}
