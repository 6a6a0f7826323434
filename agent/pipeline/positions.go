package pipeline

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
)

// saveInterval is how often positions are made durable. What Elasticsearch took in
// between is read again after a crash and found to be duplicates.
const saveInterval = time.Second

// positions are the places up to which everything is settled: of earlier runs in the
// store, and those that were released and are not saved yet, the last one of each
// stream.
type positions struct {
	notices   *notices
	readiness *health.Inputs // saved with the places: what is owed
	store     *checkpoint.Store
	rounds    atomic.Int64 // of keepSaving
	owed      owedThen     // belongs to keepSaving

	mu      sync.Mutex
	pending map[event.Stream]checkpoint.Entry
}

// release notes that everything before a place is settled.
func (q *positions) release(stream event.Stream, s savedPlace) {
	if s.position == nil && !s.forget {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pending == nil {
		q.pending = map[event.Stream]checkpoint.Entry{}
	}
	q.pending[stream] = checkpoint.Entry{
		Stream: stream, Position: s.position, Recount: s.recount, Forget: s.forget, Saved: time.Now().UTC(),
	}
}

func (q *positions) take() []checkpoint.Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]checkpoint.Entry, 0, len(q.pending))
	for _, e := range q.pending {
		entries = append(entries, e)
	}
	q.pending = nil
	return entries
}

// putBack returns entries that could not be saved, where no later ones came.
func (q *positions) putBack(entries []checkpoint.Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pending == nil {
		q.pending = map[event.Stream]checkpoint.Entry{}
	}
	for _, e := range entries {
		if _, newer := q.pending[e.Stream]; !newer {
			q.pending[e.Stream] = e
		}
	}
}

// trimInterval is how often memory that a burst needed is given up.
const trimInterval = 10 * time.Second

// keepSaving saves released positions at intervals, and once more when ctx ends. Now
// and then it calls trim, for memory that may be given up.
func (q *positions) keepSaving(ctx context.Context, trim func()) {
	saving := time.NewTicker(saveInterval)
	defer saving.Stop()
	trimming := time.NewTicker(trimInterval)
	defer trimming.Stop()
	for {
		select {
		case <-ctx.Done():
			q.save()
			return
		case <-saving.C:
			q.save()
			q.rounds.Add(1)
		case <-trimming.C:
			trim()
		}
	}
}

// save makes the released positions durable. A failure is not the records': they
// are where they belong, and only a restart would read them again.
func (q *positions) save() {
	entries := q.take()
	if owed := q.readiness.Owed(); q.owed.changed(owed) {
		entries = append(entries, checkpoint.OwedEntry(owed))
	}
	if len(entries) == 0 {
		return
	}
	err := q.store.Save(entries...)
	if err == nil {
		q.notices.set(health.State, "")
		return
	}
	q.putBack(entries)
	q.owed = owedThen{}
	if q.notices.set(health.State, "positions cannot be saved") {
		q.notices.log.Error().Err(err).Msg("positions cannot be saved; a restart would send records again")
	}
}

// owedThen is what was owed when it was saved last.
type owedThen struct {
	known bool
	debts []event.Debt
}

// changed reports whether something else is owed now, and takes that.
func (o *owedThen) changed(now []event.Debt) bool {
	if o.known && slices.Equal(o.debts, now) {
		return false
	}
	o.known, o.debts = true, now
	return true
}

// of lists the saved streams of an input.
func (q *positions) of(input event.InputID) []event.Saved {
	var saved []event.Saved
	for _, e := range q.store.Entries() {
		if e.Stream.Input == input {
			saved = append(saved, event.Saved{
				Stream: e.Stream, Position: e.Position, Recount: e.Recount, Age: time.Since(e.Saved),
			})
		}
	}
	return saved
}
