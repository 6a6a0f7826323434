package health

import (
	"sort"
	"sync"
	"time"
)

// Condition is something that keeps the agent from working at the moment.
type Condition struct {
	Part   string    `json:"part"`   // "elasticsearch", "state", "dead-letter", "input/ID"
	Reason string    `json:"reason"` // for a person; no record content
	Since  time.Time `json:"since"`
}

// Conditions is the set of what is wrong now; empty means ready. Its zero value is
// ready for use.
type Conditions struct {
	mu  sync.Mutex
	now map[string]Condition
}

// Set says that a part waits, or with an empty reason that it works. It reports
// whether that is news, so that the caller logs it once.
func (c *Conditions) Set(part, reason string) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, waits := c.now[part]
	switch {
	case reason == "":
		delete(c.now, part)
		return waits
	case !waits:
		if c.now == nil {
			c.now = map[string]Condition{}
		}
		c.now[part] = Condition{Part: part, Reason: reason, Since: time.Now()}
		return true
	case old.Reason != reason:
		old.Reason = reason
		c.now[part] = old
		return true
	}
	return false
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
