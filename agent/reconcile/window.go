package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/report"
)

// entry is a record of the gateway in the window under way.
type entry struct {
	at        int64  // milliseconds
	values    values // nil where it becomes no document
	dropped   bool
	anonymous bool
	indices   []string // that hold its document
	told      bool     // as altered
}

// collect takes records of the gateway.
func (c *comparison) collect(records []apisource.Record) error {
	for _, r := range records {
		got := c.converter.Convert(event.Raw{Bytes: r.Raw, Offset: -1, Fault: r.Fault})
		e := &entry{at: r.At, dropped: got.Dropped, anonymous: got.Anonymous}
		if got.Source != nil {
			e.at, e.values = got.Time, valuesOf(report.NewDocument(got.Source))
		}
		c.window[got.ID] = e
	}
	return nil
}

// finish compares the records that were collected with the documents of that time,
// and forgets them.
func (c *comparison) finish(ctx context.Context, from, to int64) error {
	defer clear(c.window)
	c.trim(from, to)
	var found []Difference
	tell := func(d Difference) { found = append(found, d) }
	if err := c.scan(ctx, from, to, tell); err != nil {
		return err
	}
	missing, err := c.ask(ctx, tell)
	if err != nil {
		return err
	}
	if err := c.secondLook(ctx, from, to, missing); err != nil {
		return err
	}
	for _, d := range missing {
		tell(*d)
	}
	slices.SortStableFunc(found, func(a, b Difference) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.DocumentID, b.DocumentID))
	})
	for _, d := range found {
		if err := c.tell(d); err != nil {
			return err
		}
	}
	c.summary.Until = time.UnixMilli(to).UTC()
	return nil
}

// trim leaves what happened from one time to before another, and counts it.
func (c *comparison) trim(from, to int64) {
	for id, e := range c.window {
		if e.at == 0 { // without a time that can be read
			e.at = from
		}
		if e.at < from || e.at >= to {
			delete(c.window, id)
			continue
		}
		c.summary.Records++
		switch {
		case e.dropped:
			c.summary.Dropped++
		case e.values == nil:
			c.summary.Rejected++
		case e.anonymous && c.converter.OwnKey:
			c.summary.WithoutID++
			e.values = nil // it cannot be found
		}
	}
}

// scan goes through the documents of a time.
func (c *comparison) scan(ctx context.Context, from, to int64, tell func(Difference)) error {
	if from >= to {
		return nil
	}
	q := c.query
	q.From, q.To = time.UnixMilli(from), time.UnixMilli(to)
	err := report.Scan(ctx, c.o.Client, q, fieldNames(), func(h report.Hit) error {
		c.summary.Documents++
		id, ok := parseID(h.ID)
		e := c.window[id]
		if !ok || e == nil {
			return c.suspicious(ctx, h, from, to)
		}
		c.holds(id, e, h.Index, h.Document, tell)
		return nil
	})
	if errors.Is(err, report.ErrNoStream) {
		return nil
	}
	return err
}

// parseID reads an _id; ok is false for one that no agent made.
func parseID(text string) (id event.ID, ok bool) {
	return id, copy(id[:], text) == len(id) && len(text) == len(id)
}

// holds notes that an index holds the document of a record, and compares it.
func (c *comparison) holds(id event.ID, e *entry, index string, d *report.Document, tell func(Difference)) {
	if slices.Contains(e.indices, index) {
		return
	}
	e.indices = append(e.indices, index)
	if len(e.indices) == 2 {
		c.remember(id.String())
	}
	if e.values == nil || e.told {
		return
	}
	if changes := c.changes(e.values, valuesOf(d)); len(changes) > 0 {
		e.told = true
		altered := c.difference(Altered, id, e)
		altered.Fields = changes
		tell(altered)
	}
}

// ask looks for every document that was not found where it should be, or more often,
// and gives the missing ones.
func (c *comparison) ask(ctx context.Context, tell func(Difference)) (map[event.ID]*Difference, error) {
	var ids [][22]byte
	for id, e := range c.window {
		if e.values != nil && len(e.indices) == 0 {
			ids = append(ids, id)
		}
	}
	holdings, err := c.sender.Find(ctx, ids, fieldNames())
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	for _, h := range holdings {
		id := event.ID(ids[h.Asked])
		c.remember(id.String())
		c.holds(id, c.window[id], h.Index, report.NewDocument(h.Source), tell)
	}
	missing := map[event.ID]*Difference{}
	for id, e := range c.window {
		switch {
		case e.values != nil && len(e.indices) == 0 && e.at < c.expired:
			c.summary.Expired++
		case e.values != nil && len(e.indices) == 0:
			d := c.difference(Missing, id, e)
			missing[id] = &d
		case len(e.indices) > 1:
			tell(c.difference(Twice, id, e))
		}
	}
	return missing, nil
}

func (c *comparison) difference(kind Kind, id event.ID, e *entry) Difference {
	d := Difference{
		Kind: kind, Gateway: c.summary.Gateway, Time: time.UnixMilli(e.at).UTC(), DocumentID: id.String(), Indices: slices.Sorted(slices.Values(e.indices)),
	}
	if e.values != nil {
		d.describe(e.values)
	}
	return d
}

func (d *Difference) describe(v values) {
	d.EventID, d.EventType, d.Operator = v.get("event.id"), v.get("event.action"), v.get("user.name")
}

// maxSuspects bounds the documents of one second look at the gateway.
const maxSuspects = 10_000

// suspicious notes a document that the gateway did not have in this window.
func (c *comparison) suspicious(ctx context.Context, h report.Hit, from, to int64) error {
	if h.Time.UnixMilli() < c.oldest {
		c.summary.Forgotten++
		return nil
	}
	d := Difference{
		Kind: Unexpected, Gateway: c.summary.Gateway, Time: h.Time.UTC(), DocumentID: h.ID, Indices: []string{h.Index},
	}
	d.describe(valuesOf(h.Document))
	if d.EventID == "" && c.converter.OwnKey {
		c.summary.WithoutID++
		return nil
	}
	if before, again := c.suspect[h.ID]; again {
		d.Indices = append(before.Indices, h.Index)
	}
	c.suspect[h.ID] = d
	if len(c.suspect) < maxSuspects {
		return nil
	}
	return c.secondLook(ctx, from, to, nil)
}

// secondLook reads the window again at the gateway: for documents that it did not have
// at first, and to repair what is missing. The former are then held or gone.
func (c *comparison) secondLook(ctx context.Context, from, to int64, missing map[event.ID]*Difference) error {
	if len(c.suspect) == 0 && (len(missing) == 0 || !c.o.Repair) {
		return nil
	}
	repair := repair{c: c, ctx: ctx, missing: missing, queued: map[event.ID]bool{}}
	err := c.reader.Walk(ctx, from, to, func(records []apisource.Record) error {
		for _, r := range records {
			got := c.converter.Convert(event.Raw{Bytes: r.Raw, Offset: -1, Fault: r.Fault})
			delete(c.suspect, event.ID(got.ID).String())
			if err := repair.take(got); err != nil {
				return err
			}
		}
		return nil
	}, func(int64, apisource.Window) error { return nil })
	if err == nil {
		err = repair.send()
	}
	if err != nil {
		return err
	}
	for _, d := range c.suspect {
		if err := c.hold(d); err != nil {
			return err
		}
	}
	clear(c.suspect)
	return nil
}

// repair sends missing documents, a request's worth at a time.
type repair struct {
	c         *comparison
	ctx       context.Context // of one second look
	missing   map[event.ID]*Difference
	documents []bulk.Document
	queued    map[event.ID]bool // those
	bytes     int
}

func (r *repair) take(got transform.Converted) error {
	d := r.missing[got.ID]
	if d == nil || !r.c.o.Repair || d.Repaired || d.Refused != "" || got.Source == nil {
		return nil
	}
	if r.queued[got.ID] {
		return nil
	}
	got.Doubtful = true // the agent may just be sending it
	r.documents, r.queued[got.ID] = append(r.documents, got.Document), true
	if r.bytes += len(got.Source); r.bytes < 1<<20 {
		return nil
	}
	return r.send()
}

func (r *repair) send() error {
	err := r.c.sender.Send(r.ctx, r.documents, func(i int, v bulk.Verdict) error {
		id := event.ID(r.documents[i].ID)
		switch v.Kind {
		case bulk.Indexed:
			r.missing[id].Repaired = true
		case bulk.Duplicate: // the agent was faster
			delete(r.missing, id)
		default:
			r.missing[id].Refused = cmp.Or(v.Type, v.Kind.String())
		}
		return nil
	})
	r.documents, r.bytes = r.documents[:0], 0
	clear(r.queued)
	return err
}
