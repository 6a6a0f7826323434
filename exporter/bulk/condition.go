package bulk

import (
	"sync"
	"time"
)

// Condition says whether documents are waiting for Elasticsearch, and for what.
type Condition struct {
	Waiting bool
	Reason  Reason // "" when not waiting
	// Detail is for people: status, error type, missing privilege; never a
	// document's content.
	Detail string
	// Since is when this began; zero when not waiting.
	Since time.Time
}

// conditions merges what several calls of Send wait for into one Condition and
// tells it when it changes: the call that waits longest speaks for all.
type conditions struct {
	mu     sync.Mutex
	now    func() time.Time
	notify func(Condition)
	calls  []waitingCall // in the order in which they began to wait
	told   Condition
}

type waitingCall struct {
	call *run
	Condition
}

// set says that a call waits, or waits for something else now.
func (c *conditions) set(call *run, why Reason, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.calls {
		if c.calls[i].call == call {
			c.calls[i].Reason, c.calls[i].Detail = why, detail
			c.tell()
			return
		}
	}
	c.calls = append(c.calls, waitingCall{call, Condition{Waiting: true, Reason: why, Detail: detail, Since: c.now()}})
	c.tell()
}

// clear says that a call got on, or ended.
func (c *conditions) clear(call *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.calls {
		if c.calls[i].call == call {
			c.calls = append(c.calls[:i], c.calls[i+1:]...)
			break
		}
	}
	c.tell()
}

// tell notifies of a change, in order: the lock is held.
func (c *conditions) tell() {
	var now Condition
	if len(c.calls) > 0 {
		now = c.calls[0].Condition
	}
	if c.told.Waiting && now.Waiting {
		now.Since = c.told.Since
	}
	if now == c.told {
		return
	}
	c.told = now
	if c.notify != nil {
		c.notify(now)
	}
}
