package pipeline

import (
	"context"
	"sort"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// deliver sends shipments in one request, or as many as it takes, and settles every
// document's verdict.
//
// documents is memory for all of them; what is returned is to be given the next time.
func (p *Pipeline) deliver(ctx context.Context, shipments []*shipment, documents []bulk.Document) ([]bulk.Document, error) {
	if err := p.recognise(ctx, shipments); err != nil {
		return nil, err
	}
	ends := make([]int, len(shipments)) // where each shipment's documents end
	for i, s := range shipments {
		documents = append(documents, s.Documents...)
		ends[i] = len(documents)
	}
	var found []again
	err := p.sender.Send(ctx, documents, func(i int, v bulk.Verdict) error {
		at := sort.SearchInts(ends, i+1)
		s := shipments[at]
		i -= ends[at] - len(s.Documents)
		if v.Kind == bulk.Duplicate && s.Places[i].Named {
			found = append(found, again{s, i}) // the same record, or another one with its id
			return nil
		}
		return p.settle(ctx, s, i, v)
	})
	if err == nil {
		err = p.settleAgain(ctx, found)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range shipments {
		p.shipments.put(s)
	}
	clear(documents)
	return documents[:0], nil
}

// settle writes one document's verdict into the books. A refused document is buried
// before it counts.
func (p *Pipeline) settle(ctx context.Context, s *shipment, i int, v bulk.Verdict) error {
	counts := s.account.counts
	switch v.Kind {
	case bulk.Indexed:
		counts.Indexed.Add(1)
		counts.Succeeded(time.Now(), s.Documents[i].Time)
	case bulk.Duplicate:
		counts.Duplicate.Add(1)
		counts.Succeeded(time.Now(), s.Documents[i].Time)
	case bulk.FailureStored:
		if err := p.letters.bury(ctx, s.refused(i, v, event.ReasonFailStored)); err != nil {
			return err
		}
		counts.FailureStored.Add(1)
	case bulk.TooLarge:
		if err := p.letters.bury(ctx, s.refused(i, v, event.ReasonDocTooLarge)); err != nil {
			return err
		}
		counts.DeadLettered.Add(1)
	default:
		if err := p.letters.bury(ctx, s.refused(i, v, event.ReasonRefused)); err != nil {
			return err
		}
		counts.DeadLettered.Add(1)
	}
	s.settled(p)
	return nil
}

// settled counts one more document with a verdict, and when it was the last, lets the
// shipment's place be saved.
func (s *shipment) settled(p *Pipeline) {
	if s.account.pending.Add(-1) == 0 {
		s.account.ticket.Done()
		p.queue.Free(s.account.bytes)
	}
}

// refused is the dead letter of a finished document.
func (s *shipment) refused(i int, v bulk.Verdict, reason event.Reason) deadletter.Letter {
	d := s.Documents[i]
	return deadletter.Letter{
		Reason: string(reason), Error: &deadletter.Error{Status: v.Status, Type: v.Type, Field: v.Field},
		Input: string(s.Batch.Input), Gateway: s.Batch.Gateway, Path: s.Batch.Path,
		Offset: s.Places[i].Offset, Length: s.Places[i].Length,
		ID: string(d.ID[:]), Document: d.Source,
	}
}
