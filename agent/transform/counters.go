package transform

import (
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

// Counters count equal records without an id, by stream; make them with NewCounters.
// A stream has none before its first such record. They belong to one goroutine, which
// sees the batches of a stream in their order.
type Counters struct{ streams map[event.Stream]*occurrences }

// NewCounters returns Counters that have counted nothing.
func NewCounters() Counters { return Counters{map[event.Stream]*occurrences{}} }

// Identify gives the documents of records without an id their _id, and reports
// whether their stream has such records.
func (c Counters) Identify(r *Result) bool {
	if r.Batch.Repeats {
		r.identifyFirst()
		return false
	}
	o := c.streams[r.Batch.Stream]
	if o == nil {
		if len(r.anonymous) == 0 {
			return false
		}
		o = newOccurrences()
		c.streams[r.Batch.Stream] = o
	}
	for _, a := range r.anonymous {
		n := o.next(a.base, r.Batch.Seen)
		if a.document >= 0 {
			r.Documents[a.document].ID = a.base.Finish(n.before)
			r.Places[a.document].Settled = n.settled
		}
	}
	return true
}

// Forget forgets what was counted in a stream that has ended.
func (c Counters) Forget(stream event.Stream) { delete(c.streams, stream) }

// identifyFirst gives each document of a record without an id the _id that the first
// of several equal ones has.
func (r *Result) identifyFirst() {
	for _, a := range r.anonymous {
		if a.document >= 0 {
			r.Documents[a.document].ID = a.base.Finish(0)
		}
	}
}

// maxCounted bounds the distinct records that are counted in one stream. Equal
// records carry the same time and stand close to each other.
const maxCounted = 1 << 16

// occurrences counts equal records without an id in one stream, forgetting the
// oldest. It counts the same whenever it is given the same records.
type occurrences struct {
	seen   map[ecs.Base]equals
	ring   []ecs.Base
	oldest int
}

func newOccurrences() *occurrences { return &occurrences{seen: map[ecs.Base]equals{}} }

// equals is how many equal records came before, and how many of them an earlier run
// has settled.
type equals struct{ before, settled uint64 }

// next returns what came before this record.
func (o *occurrences) next(b ecs.Base, settled bool) equals {
	n, known := o.seen[b]
	if !known {
		o.remember(b)
	}
	after := equals{n.before + 1, n.settled}
	if settled {
		after.settled++
	}
	o.seen[b] = after
	return n
}

func (o *occurrences) remember(b ecs.Base) {
	if len(o.ring) < maxCounted {
		o.ring = append(o.ring, b)
		return
	}
	delete(o.seen, o.ring[o.oldest])
	o.ring[o.oldest] = b
	o.oldest = (o.oldest + 1) % maxCounted
}
