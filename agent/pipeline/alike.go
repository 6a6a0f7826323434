package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/report"
)

// alike knows records without an id by what they say: a row of the audit page's CSV is
// in Elasticsearch under its record's id, if that came by the audit API or from a log
// file. Each document counts for one row of a file: of equal rows as many are new as
// there are more of them than of documents.
type alike struct {
	found atomic.Int64 // records that were there

	mu     sync.Mutex
	taken  map[taken][22]byte // the row that a document counts for, by the row's _id
	ring   []taken            // the same, of which the oldest are forgotten
	oldest int
}

// taken is a document that counts for a row of a stream.
type taken struct {
	stream event.Stream
	id     string
}

// maxTaken bounds what is remembered. Equal rows have the same time and stand close to
// each other.
const maxTaken = 1 << 16

func newAlike() *alike { return &alike{taken: map[taken][22]byte{}} }

// The document's fields by which a row is known, beside its time. The name of an event
// may be a display name or a type, that of a resource may have been derived from a body
// that the other has not.
var (
	alikeFields = []string{"user.name", "api7.audit.resource.id", "source.address", "observer.name"}
	eventFields = []string{"api7.audit.event_name", "event.action"}
)

const (
	sourceField = "api7.audit.source"
	nameField   = "api7.audit.resource.name"
	idField     = "event.id"
)

// otherFields are those that may be on one side only: what a record says beside the
// columns, but for what the gateway gives later.
var otherFields = func() []string {
	fields := []string{nameField}
	for _, f := range event.Fields() {
		if !f.Later {
			fields = append(fields, f.Compared...)
		}
	}
	slices.Sort(fields)
	return slices.DeleteFunc(slices.Compact(fields), func(name string) bool {
		return name == "@timestamp" || name == sourceField || slices.Contains(alikeFields, name) || slices.Contains(eventFields, name)
	})
}()

// unnamed is a document whose record has no id, and the number of its question.
type unnamed struct {
	s           *shipment
	i, question int
}

// recognise settles, as duplicates, documents whose records have no id and are there
// already, and takes them out of their shipments.
func (p *Pipeline) recognise(ctx context.Context, shipments []*shipment) error {
	if p.alike == nil {
		return nil
	}
	var rows []unnamed
	var questions []bulk.Likeness
	asked := map[string]int{}
	fields := slices.Concat(alikeFields, eventFields, otherFields, []string{sourceField, nameField, idField})
	for _, s := range shipments {
		for i := range s.Documents {
			if s.Places[i].Named || s.Batch.Repeats {
				continue
			}
			q := likeness(&s.Documents[i])
			key := fmt.Sprint(q)
			if _, known := asked[key]; !known {
				asked[key] = len(questions)
				questions = append(questions, q)
			}
			rows = append(rows, unnamed{s, i, asked[key]})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.Sort(fields)
	var found [][]bulk.Alike
	err := p.untilAnswered(ctx, func() (err error) {
		found, err = p.sender.Alike(ctx, questions, slices.Compact(fields))
		return err
	})
	if err != nil {
		return fmt.Errorf("look for records without an id: %w", err)
	}
	return p.settleAlike(ctx, rows, found)
}

// settleAlike settles the rows that are there.
func (p *Pipeline) settleAlike(ctx context.Context, rows []unnamed, found [][]bulk.Alike) error {
	there := map[*shipment]map[int]bool{}
	for _, row := range rows {
		if !p.alike.has(row, same(row, found[row.question])) {
			continue
		}
		p.alike.found.Add(1)
		if there[row.s] == nil {
			there[row.s] = map[int]bool{}
		}
		there[row.s][row.i] = true
		if err := p.settle(ctx, row.s, row.i, bulk.Verdict{Kind: bulk.Duplicate}); err != nil {
			return err
		}
	}
	for s, settled := range there {
		n := 0
		for i := range s.Documents {
			if !settled[i] {
				s.Documents[n], s.Places[n] = s.Documents[i], s.Places[i]
				n++
			}
		}
		clear(s.Documents[n:])
		s.Documents, s.Places = s.Documents[:n], s.Places[:n]
	}
	return nil
}

// has reports whether the row is there under another _id, and remembers which document
// counts for it.
func (a *alike) has(row unnamed, documents []string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	stream, own := row.s.Batch.Stream, row.s.Documents[row.i].ID
	id := string(own[:])
	earlier := row.s.Places[row.i].Settled // each counts for one of the documents
	if !slices.Contains(documents, id) {
		for _, other := range documents {
			if by, is := a.taken[taken{stream, other}]; is && by != own {
				continue
			}
			if earlier == 0 {
				a.take(taken{stream, other}, own)
				return true
			}
			earlier--
		}
	}
	a.take(taken{stream, id}, own) // what it will be, or is, is nobody else's
	return false
}

func (a *alike) take(t taken, row [22]byte) {
	if _, known := a.taken[t]; !known {
		if len(a.ring) < maxTaken {
			a.ring = append(a.ring, t)
		} else {
			delete(a.taken, a.ring[a.oldest])
			a.ring[a.oldest] = t
			a.oldest = (a.oldest + 1) % maxTaken
		}
	}
	a.taken[t] = row
}

// longestTerm is ignore_above of the fields: a longer value cannot be searched for.
const longestTerm = 1024

// likeness is the question for a document. A row that has whole seconds may be of any
// part of its second.
func likeness(d *bulk.Document) bulk.Likeness {
	l := bulk.Likeness{From: d.Time, To: d.Time + 1, Terms: map[string]string{}}
	if d.Time%1000 == 0 {
		l.To = d.Time + 1000
	}
	document := report.NewDocument(d.Source)
	for _, name := range alikeFields {
		value, here := document.Text(name)
		if here && utf8.RuneCountInString(value) <= longestTerm && !strings.Contains(value, "[REDACTED") {
			l.Terms[name] = value
		}
	}
	return l
}

// same gives the _id of the documents that may be of the row's record, those that have
// an id of the gateway first.
func same(row unnamed, found []bulk.Alike) []string {
	var named, others []string
	source := row.s.Documents[row.i].Source
	for _, f := range found {
		if !sameRecord(f.Source, source) {
			continue
		}
		if _, has := report.NewDocument(f.Source).Text(idField); has {
			named = append(named, f.ID)
		} else {
			others = append(others, f.ID)
		}
	}
	slices.Sort(named)
	slices.Sort(others)
	return append(named, others...)
}

// sameRecord reports whether two documents of one time may be of one record: they say
// the same in the columns of the audit page, and nothing else differs that both say.
func sameRecord(first, second []byte) bool {
	a, b := report.NewDocument(first), report.NewDocument(second)
	for _, name := range alikeFields {
		one, known := a.Text(name)
		other, here := b.Text(name)
		if known != here || !agree(name, one, other) {
			return false
		}
	}
	one, _ := a.Text(sourceField)
	other, _ := b.Text(sourceField)
	if !strings.EqualFold(one, other) || !sameEvent(a, b) {
		return false
	}
	return differs(otherFields, first, second) == ""
}

// sameEvent compares the names and types of two events without their spelling.
func sameEvent(a, b *report.Document) bool {
	known := false
	for _, one := range eventFields {
		first, has := a.Text(one)
		for _, other := range eventFields {
			second, here := b.Text(other)
			if has && here && spelled(first) == spelled(second) {
				return true
			}
			known = known || has || here
		}
	}
	return !known
}

// spelled gives the letters and digits of a text, in lower case: those of a display name
// and of its event type are the same.
func spelled(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}
