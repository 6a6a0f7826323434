package pipeline

import (
	"sync"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// shipment is a transformed batch: documents for Elasticsearch, dead letters, and
// what is needed to settle them.
type shipment struct {
	batch     event.Batch // without its records
	documents []bulk.Document
	anonymous []anonymous
	letters   []deadletter.Letter
	places    []place // of the documents, for a dead letter
	read      int64
	dropped   int64
	stop      error  // of a record with which the pipeline has to end
	text      []byte // the documents' memory
	account   account
}

// shipments hands out shipments, whose memory is used again and again: a busy agent
// would otherwise make garbage as fast as it reads. The one that came back last goes
// first, and trim lets go of those that are not needed. Its zero value is ready for
// use.
type shipments struct {
	mu   sync.Mutex
	free []*shipment
	idle int // how many of them were free all the time since trim
}

// maxKeptText is the size up to which a shipment's text is kept; more is the trace of
// an unusual record.
const maxKeptText = 4 << 20

// get returns a shipment for a batch with room for so many bytes of text.
func (p *shipments) get(b event.Batch, text int) *shipment {
	s := p.take()
	s.batch = b
	s.batch.Records = nil
	if cap(s.text) < text {
		s.text = make([]byte, 0, text)
	}
	return s
}

// put takes a shipment back, with all that it holds: nothing may read its documents
// any more.
func (p *shipments) put(s *shipment) {
	clear(s.documents)
	clear(s.letters)
	text := s.text[:0]
	if cap(text) > maxKeptText {
		text = nil
	}
	*s = shipment{
		documents: s.documents[:0], anonymous: s.anonymous[:0], letters: s.letters[:0], places: s.places[:0], text: text,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, s)
}

func (p *shipments) take() *shipment {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free) - 1
	p.idle = min(p.idle, max(n, 0))
	if n < 0 {
		return &shipment{}
	}
	s := p.free[n]
	p.free[n] = nil
	p.free = p.free[:n]
	return s
}

// trim lets go of what was not needed since it was called last.
func (p *shipments) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := copy(p.free, p.free[p.idle:])
	clear(p.free[n:])
	p.free = p.free[:n]
	p.idle = n
}
