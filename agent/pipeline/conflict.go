package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/exporter/report"
)

// conflicts tells the same record that comes again from another one that has its id: a
// gateway that was set up anew, or two under one name. The second would be lost as a
// duplicate.
//
// Two documents are of one record if they agree in every field that both have, but for
// those that the gateway may give later (the answer of the operation) and those that
// masking rules may change. What an export leaves out is no difference.
type conflicts struct {
	steady map[event.InputID][]string // the fields that are compared
	found  atomic.Int64
	told   sync.Once
}

// again is a document that was there already: its place in a shipment.
type again struct {
	s *shipment
	i int
}

// settleAgain settles documents that were there already: duplicates, unless what is
// there is another record.
func (p *Pipeline) settleAgain(ctx context.Context, found []again) error {
	if len(found) == 0 {
		return nil
	}
	ids, fields := make([][22]byte, len(found)), []string{"log.file.path", "log.offset"}
	seen := map[event.InputID]bool{}
	for k, a := range found {
		ids[k] = a.s.Documents[a.i].ID
		if in := a.s.Batch.Input; !seen[in] {
			seen[in], fields = true, append(fields, p.conflicts.steady[in]...)
		}
	}
	holdings, err := p.findAgain(ctx, ids, fields)
	if err != nil {
		return fmt.Errorf("compare with what is there: %w", err)
	}
	first := make([]*bulk.Holding, len(found))
	for k := range holdings {
		first[holdings[k].Asked] = &holdings[k]
	}
	for k, a := range found {
		if err := p.settleOne(ctx, a, first[k]); err != nil {
			return err
		}
	}
	return nil
}

// findAgain asks until there is an answer.
func (p *Pipeline) findAgain(ctx context.Context, ids [][22]byte, fields []string) (holdings []bulk.Holding, err error) {
	err = p.untilAnswered(ctx, func() (err error) {
		holdings, err = p.sender.Find(ctx, ids, fields)
		return err
	})
	return holdings, err
}

// untilAnswered asks Elasticsearch until there is an answer, and says so while there is
// none.
func (p *Pipeline) untilAnswered(ctx context.Context, ask func() error) error {
	for waited := false; ; waited = true {
		err := ask()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			if waited {
				p.peer.learn(func() { p.peer.asking = why{} })
			}
			return nil
		}
		p.peer.learn(func() { p.peer.asking = whyNot(err) })
		if err := peer.Sleep(ctx, askAgain); err != nil {
			return err
		}
	}
}

func (p *Pipeline) settleOne(ctx context.Context, a again, there *bulk.Holding) error {
	field := ""
	if there != nil { // else it was deleted meanwhile
		field = differs(p.conflicts.steady[a.s.Batch.Input], there.Source, a.s.Documents[a.i].Source)
	}
	if field == "" {
		return p.settle(ctx, a.s, a.i, bulk.Verdict{Kind: bulk.Duplicate})
	}
	p.conflicts.found.Add(1)
	p.conflicts.told.Do(func() {
		p.log.Warn().Str("field", field).Str("first", placeOf(there)).
			Str("second", fmt.Sprintf("%s, %s at byte %d", a.s.Batch.Input, a.s.Batch.Path, a.s.Places[a.i].Offset)).
			Msg("two different records have the same id; the second is a dead letter, and auditship replay indexes it beside the first. " +
				"If two gateways have the same name, give each its own (gateway:). More of these are counted only")
	})
	if err := p.letters.bury(ctx, p.conflictLetter(a, field)); err != nil {
		return err
	}
	a.s.account.counts.DeadLettered.Add(1)
	a.s.settled(p)
	return nil
}

// conflictLetter is the dead letter of a document whose _id another record has: its own
// is made of what it says.
func (p *Pipeline) conflictLetter(a again, field string) deadletter.Letter {
	l := a.s.refused(a.i, bulk.Verdict{Type: string(event.ReasonIDConflict), Field: field}, event.ReasonIDConflict)
	document, said := report.NewDocument(l.Document), l.ID
	for _, name := range p.conflicts.steady[a.s.Batch.Input] {
		text, _ := document.Text(name)
		said += "\x00" + text
	}
	id := p.plan.ConflictID(a.s.Batch.Gateway, said)
	l.ID = id.String()
	return l
}

// placeOf says where the first of two records stood.
func placeOf(there *bulk.Holding) string {
	d := report.NewDocument(there.Source)
	if path, ok := d.Text("log.file.path"); ok {
		offset, _ := d.Text("log.offset")
		return fmt.Sprintf("%s at byte %s", path, offset)
	}
	return "an audit API, in index " + there.Index
}

// differs is the first field in which two documents are not of one record, "" if they
// may be.
func differs(fields []string, first, second []byte) string {
	a, b := report.NewDocument(first), report.NewDocument(second)
	for _, name := range fields {
		one, known := a.Text(name)
		other, here := b.Text(name)
		if known && here && !agree(name, one, other) {
			return name
		}
	}
	return ""
}

// agree reports whether two readings of one value can give these texts. Some exports have
// times in seconds; what another set of rules masked is not known any more.
func agree(field, one, other string) bool {
	const seconds = len("2006-01-02T15:04:05")
	if field == "@timestamp" && len(one) >= seconds && len(other) >= seconds {
		return one[:seconds] == other[:seconds]
	}
	return one == other || strings.Contains(one, "[REDACTED") || strings.Contains(other, "[REDACTED")
}
