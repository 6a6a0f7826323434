package apisource

import (
	"context"
	"slices"
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
	// forgiven is how often in a row the overlap's total may change without a late
	// record before it is not asked for at every poll, and maxSkip bounds for how
	// many polls it is not.
	forgiven = 2
	maxSkip  = 64
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

// readAll reads everything after the cursor and moves it. The totals by which late
// records are noticed are asked for before: what comes after they were counted changes
// them, and what came before is read.
func (s *Source) readAll(ctx context.Context, end int64) error {
	mark := max(s.next, s.reader.bounds.floor(s.trusted(s.client.Now().UnixMilli())-s.cfg.Overlap.Milliseconds()))
	day, err := s.count(ctx, max(s.reader.bounds.floor(mark-dayBefore), s.reader.bounds.Unit), mark)
	if err != nil {
		return err
	}
	overlap, err := s.count(ctx, mark, s.freshFrom())
	if err != nil {
		return err
	}
	if err := s.readDayAgain(ctx); err != nil {
		return err
	}
	if err := s.readWindows(ctx, end); err != nil {
		return err
	}
	s.day, s.overlap, s.settled = day, overlap, end
	return nil
}

// readWindows reads everything after the cursor.
func (s *Source) readWindows(ctx context.Context, end int64) error {
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
		if w.Reached == end && found == 0 && !w.Incomplete {
			if err := s.doubtEmpty(ctx, s.next, end); err != nil {
				return err
			}
		}
		s.until = max(s.until, w.Reached)
		if !held {
			// What lies behind the overlap of this window's own reading has to
			// be read again, however much later the next window is read.
			safe := min(w.Reached, s.reader.bounds.floor(s.trusted(w.Asked)-s.cfg.Overlap.Milliseconds()))
			held = safe < w.Reached
			if err := s.move(ctx, safe); err != nil {
				return err
			}
		}
		step = nextStep(step, w, from)
		from = w.Reached
		s.tellProgress(from, end)
	}
	return nil
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

// doubtEmpty refuses to believe that nothing happened while the newest records say
// that something did: the gateway may take times in another way than it did, after an
// upgrade.
func (s *Source) doubtEmpty(ctx context.Context, from, end int64) error {
	newest, err := s.reader.recent(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(newest, func(r Record) bool { return r.At >= from && r.At < end }) {
		return nil
	}
	s.known = false
	return &Error{Reason: "has records in a window that it showed empty; asking again how it takes times", class: lasting}
}

// freshFrom is where a look for new records begins.
func (s *Source) freshFrom() int64 {
	return max(s.next, s.reader.bounds.floor(s.until-min(lookback, s.cfg.Overlap.Milliseconds())))
}

// count asks for the total of a window.
func (s *Source) count(ctx context.Context, from, to int64) (count, error) {
	if from >= to {
		return count{from: from}, nil
	}
	total, err := s.reader.Count(ctx, from, to)
	return count{from, to, total, total >= 0}, err
}

// changed reports whether the gateway gives another total for a window than before.
func (s *Source) changed(ctx context.Context, c count) (bool, error) {
	if !c.known {
		return false, nil
	}
	now, err := s.count(ctx, c.from, c.to)
	return now.known && now.total != c.total, err
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

// readNew reads what came since the last poll, or everything after the cursor if its
// total says that something came late: so that is found by the poll that follows.
func (s *Source) readNew(ctx context.Context, end int64) error {
	from, overlap := s.freshFrom(), count{}
	if s.skip == 0 {
		// First the totals, then what was not among them at the last poll: nothing
		// comes unnoticed between.
		var err error
		if overlap, err = s.count(ctx, max(s.overlap.from, s.day.to, s.reader.bounds.Unit), from); err != nil {
			return err
		}
		changed, err := s.changed(ctx, s.overlap)
		if err != nil {
			return err
		}
		if changed {
			return s.readLate(ctx, end)
		}
		from = max(s.next, s.overlap.to)
	} else if s.skip--; s.skip == 0 {
		return s.readAll(ctx, end)
	}
	for from < end {
		w, err := s.read(ctx, from, end)
		if err != nil {
			return err
		}
		from = w.Reached
		s.until = max(s.until, from)
	}
	s.overlap = overlap
	return nil
}

// readLate reads everything after the cursor because its total changed. Totals that
// mislead are asked for less and less often.
func (s *Source) readLate(ctx context.Context, end int64) error {
	late := s.stats.Late.Load()
	if err := s.readAll(ctx, end); err != nil {
		return err
	}
	if s.misled++; s.stats.Late.Load() != late {
		s.misled = 0
	}
	if s.misled > forgiven {
		s.skip = min(1<<min(s.misled-forgiven, 10), maxSkip)
	}
	return nil
}

// read reads one window, emits what is new in it, and notes what is not complete.
func (s *Source) read(ctx context.Context, from, to int64) (Window, error) {
	passed, before := s.until, s.stats.Records.Load()
	w, err := s.reader.Read(ctx, from, to, func(records []Record) error {
		return s.take(ctx, records, passed)
	})
	switch {
	case err != nil:
	case w.Incomplete:
		s.debts.add(from, w.Reached, w.Total-s.seen.count(from, w.Reached), time.Now(), s.cfg.PollInterval)
	default:
		s.debts.pay(from, w.Reached, s.stats.Records.Load()-before)
	}
	return w, err
}

// readDebts reads a window that was not complete again, if it is time to. What is found
// may have been emitted before.
func (s *Source) readDebts(ctx context.Context) error {
	from, to, due := s.debts.due(time.Now())
	if !due {
		return nil
	}
	s.doubtful = max(s.doubtful, to)
	w, err := s.read(ctx, s.reader.bounds.floor(from), min(to, from+longestStep))
	if err != nil {
		return err
	}
	s.debts.tried(w.Reached, time.Now(), s.cfg.PollInterval)
	return nil
}

// settleDebts tells what is owed now, and saves it.
func (s *Source) settleDebts(ctx context.Context) error {
	if s.debts.untold {
		s.tellDebts()
	}
	if !s.debts.unsaved {
		return nil
	}
	return s.place(ctx)
}

// tellDebts tells what is owed, and warns of what will not come any more.
func (s *Source) tellDebts() {
	if lost := s.debts.tell(s.cfg.Owe); lost > 0 {
		s.cfg.Log.Warn().Int64("records", lost).
			Msg("the gateway does not count records any more that it counted and never showed; auditship reconcile compares")
	}
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
