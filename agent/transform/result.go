package transform

import (
	"slices"

	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// Result is what became of a batch. Its memory can be used again: see Reset.
type Result struct {
	Batch     event.Batch // without its records
	Documents []bulk.Document
	Places    []Place // where the records of the documents stood
	Letters   []deadletter.Letter
	Read      int64 // records, and what was read in their place
	Dropped   int64 // by a masking rule
	// Stop is an error with which everything has to end; nothing of the batch may
	// be sent then.
	Stop error

	anonymous []anonymous
	text      []byte // the documents' memory
}

// Place is where a document's record stood.
type Place struct {
	Offset, Length int64
	// Named says that the record has an id of its own, which another may have too.
	Named bool
	// Settled is how many equal records before it in its stream an earlier run has
	// settled, where it has no id.
	Settled uint64
}

// anonymous is a document whose record has no id: its _id is known when equal records
// before it are counted.
type anonymous struct {
	base     ecs.Base
	document int // index in Documents, -1: only counted
}

// maxKeptText is the size up to which a result's text is kept; more is the trace of
// an unusual record.
const maxKeptText = 4 << 20

// maxKept is how many documents or letters a result keeps the memory of.
const maxKept = 8192

// Reset empties a result and keeps its memory: nothing may read its documents any
// more.
func (r *Result) Reset() {
	clear(r.Documents)
	clear(r.Letters)
	text := r.text[:0]
	if cap(text) > maxKeptText {
		text = nil
	}
	if cap(r.Documents) > maxKept || cap(r.Letters) > maxKept || cap(r.anonymous) > maxKept {
		*r = Result{text: text}
		return
	}
	*r = Result{
		Documents: r.Documents[:0], anonymous: r.anonymous[:0], Letters: r.Letters[:0], Places: r.Places[:0], text: text,
	}
}

// Bytes is the size of the memory that holds the documents.
func (r *Result) Bytes() int64 { return int64(cap(r.text)) + documentBytes*int64(len(r.Documents)) }

// documentBytes is what a document takes beside its text: here, in the sender and in
// its account.
const documentBytes = 256

// Anonymous is how many of the documents have an _id that Counters give them.
func (r *Result) Anonymous() int { return len(r.anonymous) }

// begin makes room for the documents of a batch.
func (r *Result) begin(b event.Batch) {
	r.Batch = b
	r.Batch.Records = nil
	if b.Seen {
		return
	}
	size := len(b.Records) * 512
	for i := range b.Records {
		size += len(b.Records[i].Bytes) * 3 / 2
	}
	if cap(r.text) < size {
		r.text = make([]byte, 0, size)
	}
	r.Documents = slices.Grow(r.Documents, len(b.Records))
	r.Places = slices.Grow(r.Places, len(b.Records))
}

// extent is how far a result is filled.
type extent struct {
	documents, anonymous, letters, places, text int
	read, dropped                               int64
}

func (r *Result) extent() extent {
	return extent{len(r.Documents), len(r.anonymous), len(r.Letters), len(r.Places), len(r.text), r.Read, r.Dropped}
}

// cut empties a result down to what it was.
func (r *Result) cut(m extent) {
	r.Documents, r.anonymous, r.Letters = r.Documents[:m.documents], r.anonymous[:m.anonymous], r.Letters[:m.letters]
	r.Places, r.text, r.Read, r.Dropped = r.Places[:m.places], r.text[:m.text], m.read, m.dropped
}
