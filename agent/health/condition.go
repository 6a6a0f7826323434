package health

import (
	"sort"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// Part is a part of the agent that can have to wait.
type Part string

// The parts beside the inputs.
const (
	Elasticsearch Part = "elasticsearch"
	DeadLetter    Part = "dead-letter"
	State         Part = "state"
)

// InputPart is that of an input.
func InputPart(id event.InputID) Part { return Part("input/" + id) }

// Condition is something that keeps the agent from working at the moment.
type Condition struct {
	Part   Part      `json:"part"`
	Reason string    `json:"reason"` // for a person; no record content
	Since  time.Time `json:"since"`
	// Lasting says that it does not pass by itself: somebody has to do something.
	Lasting bool `json:"lasting,omitempty"`
}

// Conditions is the set of what is wrong now; empty means ready. Its zero value is
// ready for use.
type Conditions struct {
	mu  sync.Mutex
	now map[Part]Condition
}

// Set says that a part waits, or with an empty Reason that it works. It reports
// whether that is news, so that the caller logs it once. Since is filled in.
func (c *Conditions) Set(x Condition) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, waits := c.now[x.Part]
	switch {
	case x.Reason == "":
		delete(c.now, x.Part)
		return waits
	case waits:
		x.Since = old.Since
	default:
		x.Since = time.Now()
	}
	if c.now == nil {
		c.now = map[Part]Condition{}
	}
	c.now[x.Part] = x
	return old.Reason != x.Reason
}

// List is the conditions that hold now, by part.
func (c *Conditions) List() []Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Condition, 0, len(c.now))
	for _, x := range c.now {
		list = append(list, x)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Part < list[j].Part })
	return list
}
