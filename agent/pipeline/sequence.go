package pipeline

import (
	"context"
	"sync/atomic"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/queue"
)

// account settles a shipment: its ticket is done when every document has a verdict.
type account struct {
	ticket  *queue.Ticket[event.Stream, savedPlace]
	counts  *health.Counts
	pending atomic.Int64
	bytes   int64
}

// sequence settles what of a batch is not for Elasticsearch and queues the rest. It
// sees the batches of a stream in their order.
func (p *Pipeline) sequence(ctx context.Context, j *job) error {
	s, b := j.out, &j.batch
	if s.Stop != nil {
		return s.Stop
	}
	recount := p.counters.Identify(&s.Result)
	if b.Seen {
		p.shipments.put(s)
		return nil
	}
	s.account.counts = p.ledger.Of(b.Input)
	s.account.counts.Read.Add(s.Read)
	s.account.counts.Dropped.Add(s.Dropped)
	if err := p.letters.bury(ctx, s.Letters...); err != nil {
		return err
	}
	for i := range s.Letters {
		s.account.counts.DeadLettered.Add(s.Letters[i].Records())
	}
	clear(s.Letters)

	s.account.ticket = p.releases.Add(b.Stream, savedPlace{b.Position, recount, b.Forget, j.read})
	if b.Forget {
		p.counters.Forget(b.Stream)
	}
	if len(s.Documents) == 0 {
		s.account.ticket.Done()
		p.shipments.put(s)
		return nil
	}
	s.account.pending.Store(int64(len(s.Documents)))
	s.account.bytes = s.Bytes()
	return p.queue.Put(ctx, s, s.account.bytes)
}
