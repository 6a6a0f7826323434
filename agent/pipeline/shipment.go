package pipeline

import (
	"sync"

	"github.com/auditship/auditship/agent/transform"
)

// shipment is a transformed batch with what is needed to settle it.
type shipment struct {
	transform.Result
	account account
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

// put takes a shipment back, with all that it holds: nothing may read its documents
// any more.
func (p *shipments) put(s *shipment) {
	s.Reset()
	s.account = account{}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, s)
}

// get returns an empty shipment.
func (p *shipments) get() *shipment {
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
