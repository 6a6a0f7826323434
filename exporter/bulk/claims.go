package bulk

import (
	"sync"
	"time"
)

// claims are the documents that calls of Send are about. Two copies of one at the
// same time, as when a file is copied while its records wait, would both be looked
// up in vain, and a rollover between their creates would keep both. So the second
// copy waits for the verdict of the first, and is looked up then. Its zero value is
// ready for use.
type claims struct {
	mu   sync.Mutex
	held map[[22]byte]struct{}
}

// take reports whether nobody else has the document.
func (c *claims) take(id [22]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, held := c.held[id]; held {
		return false
	}
	if c.held == nil {
		c.held = map[[22]byte]struct{}{}
	}
	c.held[id] = struct{}{}
	return true
}

func (c *claims) free(id [22]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

// heldPause is how often a call looks whether what others hold is free.
const heldPause = 20 * time.Millisecond

// claim reports whether document i is this call's to send.
func (r *run) claim(i int32) bool {
	st := &r.state[i]
	if st.mine {
		return true
	}
	if !r.s.claims.take(r.docs[i].ID) {
		st.waited = true
		return false
	}
	st.mine = true
	if st.waited { // whoever had it may have sent it
		st.waited = false
		r.doubt([]int32{i})
	}
	return true
}

// disclaim lets others have document i.
func (r *run) disclaim(i int32) {
	if r.state[i].mine {
		r.state[i].mine = false
		r.s.claims.free(r.docs[i].ID)
	}
}
