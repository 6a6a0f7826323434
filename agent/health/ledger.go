package health

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
)

// Counts accounts for the records of one input.
//
// At any time Read = Indexed + Duplicate + DeadLettered + FailureStored + Dropped +
// what is in flight.
type Counts struct {
	Read          atomic.Int64 // records and faults that the source emitted
	Indexed       atomic.Int64 // created by Elasticsearch
	Duplicate     atomic.Int64 // were there already
	DeadLettered  atomic.Int64 // durable in the dead letter
	FailureStored atomic.Int64 // in Elasticsearch's failure store and the dead letter
	Dropped       atomic.Int64 // by a masking rule with drop_event

	lastSuccess, newest atomic.Int64
}

// Succeeded notes that Elasticsearch has a record, and the record's own time in Unix
// milliseconds.
func (c *Counts) Succeeded(now time.Time, recordTime int64) {
	c.lastSuccess.Store(now.UnixMilli())
	for newest := c.newest.Load(); recordTime > newest; newest = c.newest.Load() {
		if c.newest.CompareAndSwap(newest, recordTime) {
			return
		}
	}
}

// Totals is a reading of Counts.
type Totals struct {
	Input         event.InputID
	Read          int64
	Indexed       int64
	Duplicate     int64
	DeadLettered  int64
	FailureStored int64
	Dropped       int64
	InFlight      int64
	// Unix milliseconds, 0 for none yet.
	LastSuccess int64 // when Elasticsearch took a record or turned out to have it
	Newest      int64 // the time of the newest such record
}

func (c *Counts) totals(input event.InputID) Totals {
	t := Totals{
		Input: input, Indexed: c.Indexed.Load(), Duplicate: c.Duplicate.Load(),
		DeadLettered: c.DeadLettered.Load(), FailureStored: c.FailureStored.Load(), Dropped: c.Dropped.Load(),
		LastSuccess: c.lastSuccess.Load(), Newest: c.newest.Load(),
	}
	// Read last: what is final was read before, so InFlight is never negative.
	t.Read = c.Read.Load()
	t.InFlight = t.Read - t.Indexed - t.Duplicate - t.DeadLettered - t.FailureStored - t.Dropped
	return t
}

// Ledger holds the Counts of every input. Its zero value is ready for use.
type Ledger struct {
	mu     sync.Mutex
	inputs map[event.InputID]*Counts
}

// Of returns the counts of an input.
func (l *Ledger) Of(input event.InputID) *Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inputs == nil {
		l.inputs = map[event.InputID]*Counts{}
	}
	c := l.inputs[input]
	if c == nil {
		c = &Counts{}
		l.inputs[input] = c
	}
	return c
}

// Totals reads the counts of every input, sorted by input.
func (l *Ledger) Totals() []Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Totals, 0, len(l.inputs))
	for input, c := range l.inputs {
		all = append(all, c.totals(input))
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Input < all[j].Input })
	return all
}

// MarshalZerologObject writes the totals to a log line.
func (t Totals) MarshalZerologObject(e *zerolog.Event) {
	e.Str("input", string(t.Input)).Int64("read", t.Read).Int64("indexed", t.Indexed).Int64("duplicate", t.Duplicate).
		Int64("dead_lettered", t.DeadLettered).Int64("failure_stored", t.FailureStored).
		Int64("dropped", t.Dropped).Int64("in_flight", t.InFlight)
}
