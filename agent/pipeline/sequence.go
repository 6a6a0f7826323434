package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/queue"
	"github.com/auditship/auditship/exporter/deadletter"
)

// account settles a shipment: its ticket is done when every document has a verdict.
type account struct {
	ticket  *queue.Ticket[savedPlace]
	counts  *health.Counts
	pending atomic.Int64
	bytes   int64
}

// sequence settles what of a batch is not for Elasticsearch and queues the rest. It
// sees the batches of a stream in their order.
func (p *Pipeline) sequence(ctx context.Context, j *job) error {
	s, b := j.out, &j.batch
	if s.stop != nil {
		return s.stop
	}
	recount := p.counters.identify(s)
	if b.Seen {
		p.shipments.put(s)
		return nil
	}
	s.account.counts = p.ledger.Of(b.Input)
	s.account.counts.Read.Add(s.read)
	s.account.counts.Dropped.Add(s.dropped)
	if err := p.bury(ctx, s.letters...); err != nil {
		return err
	}
	s.account.counts.DeadLettered.Add(int64(len(s.letters)))
	clear(s.letters)

	s.account.ticket = p.releases.Add(b.Stream, savedPlace{b.Position, recount, b.Forget, j.read})
	if b.Forget {
		delete(p.counters, b.Stream)
	}
	if len(s.documents) == 0 {
		s.account.ticket.Done()
		p.shipments.put(s)
		return nil
	}
	s.account.pending.Store(int64(len(s.documents)))
	s.account.bytes = int64(cap(s.text))
	return p.queue.Put(ctx, s, s.account.bytes)
}

// counters count equal records without an id, by stream. A stream has none before
// its first such record.
type counters map[string]*occurrences

// identify gives the documents of records without an id their _id, and reports
// whether their stream has such records.
func (c counters) identify(s *shipment) bool {
	if s.batch.Repeats {
		for _, a := range s.anonymous {
			s.documents[a.document].ID = a.base.Finish(0)
		}
		return false
	}
	o := c[s.batch.Stream]
	if o == nil {
		if len(s.anonymous) == 0 {
			return false
		}
		o = newOccurrences()
		c[s.batch.Stream] = o
	}
	for _, a := range s.anonymous {
		n := o.next(a.base)
		if a.document >= 0 {
			s.documents[a.document].ID = a.base.Finish(n)
		}
	}
	return true
}

// bury makes letters durable. When the dead letter is full or its disk fails, it
// waits: nothing is read on until there is room.
func (p *Pipeline) bury(ctx context.Context, letters ...deadletter.Letter) error {
	if letters = p.known.news(letters); len(letters) == 0 {
		return nil
	}
	for {
		err := p.letters.Append(ctx, letters...)
		if err == nil {
			p.condition("dead-letter", "")
			for i := range letters {
				p.buried.add(letters[i].Reason, 1)
			}
			return nil
		}
		reason := "cannot be written; reading waits"
		if errors.Is(err, deadletter.ErrFull) {
			reason = "is full; reading waits until it is replayed or dead_letter.max_size raised"
		}
		if p.condition("dead-letter", reason) {
			p.log.Error().Err(err).Msg("dead letter " + reason)
		}
		if err := pause(ctx, time.Second); err != nil {
			return fmt.Errorf("write dead letters: %w", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxCounted bounds the distinct records that are counted in one stream. Equal
// records carry the same time and stand close to each other.
const maxCounted = 1 << 16

// occurrences counts equal records without an id in one stream, forgetting the
// oldest. It counts the same whenever it is given the same records.
type occurrences struct {
	seen   map[ecs.Base]uint64
	ring   []ecs.Base
	oldest int
}

func newOccurrences() *occurrences { return &occurrences{seen: map[ecs.Base]uint64{}} }

// next returns how many equal records came before.
func (o *occurrences) next(b ecs.Base) uint64 {
	n, known := o.seen[b]
	if !known {
		o.remember(b)
	}
	o.seen[b] = n + 1
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
