package report

import (
	"context"
	"encoding/json"
	"time"

	"github.com/auditship/auditship/exporter"
)

// Document is a document whose fields are asked for. It is NOT safe for concurrent
// use.
type Document struct{ source object }

// NewDocument reads the JSON text of a document, or the part of it that was asked
// for.
func NewDocument(source json.RawMessage) *Document { return &Document{object{text: source}} }

// Text is the value of a field, given by its dotted path: a string without its quotes
// and escapes, anything else as JSON on one line. present is false where there is
// none, or null.
func (d *Document) Text(path string) (value string, present bool) {
	v := d.source.find(path)
	return text(v), v != nil
}

// Hit is a document that Scan found.
type Hit struct {
	Index, ID string
	Time      time.Time // its @timestamp, to the millisecond
	*Document           // of the fields that were asked for
}

// Scan hands over the documents that q describes, oldest first, each backing index's
// copy once, with these fields. It ends well only if it gave as many as Elasticsearch
// counted. An error of hand ends it.
func Scan(ctx context.Context, client *exporter.Client, q Query, fields []string, hand func(Hit) error) error {
	opts, err := Options{Order: OldestFirst}.withDefaults()
	if err != nil {
		return err
	}
	if err := q.Validate(); err != nil {
		return err
	}
	p := newPager(client, q, []Column{{Fields: fields}}, opts)
	defer p.close(ctx)
	_, err = copyHits(ctx, p, handing(hand), nil)
	return err
}

// handing is an encoder that writes nothing.
type handing func(Hit) error

func (h handing) record(r *record) error {
	return h(Hit{Index: r.hit.Index, ID: r.hit.ID, Time: r.hit.time(), Document: NewDocument(r.hit.Source)})
}

func (handing) end() error { return nil }
