package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

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
	if err := p.bury(ctx, s.Letters...); err != nil {
		return err
	}
	s.account.counts.DeadLettered.Add(int64(len(s.Letters)))
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
