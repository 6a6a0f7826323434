package pipeline

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/health"
)

// notices tells of what waits, and of what works again: in the conditions that
// /readyz shows, and on the log as often as is good for it.
type notices struct {
	log        zerolog.Logger
	conditions *health.Conditions
	told       throttle
}

// set notes that a part waits, or with an empty reason that it works again. It reports
// whether that is news that belongs on the log.
func (n *notices) set(part health.Part, reason string) bool {
	return n.tell(health.Condition{Part: part, Reason: reason})
}

// tell is set for a condition that may be lasting.
func (n *notices) tell(c health.Condition) bool {
	part, reason := c.Part, c.Reason
	if !n.conditions.Set(c) {
		return false
	}
	allowed, untold := n.told.allow(part, time.Now())
	if !allowed {
		return false
	}
	if untold > 0 {
		n.log.Warn().Int("changes", untold).Msg(string(part) + " keeps changing; not every change is logged")
	}
	if reason == "" {
		n.log.Info().Msg(string(part) + " works again")
	}
	return true
}

// What a part may say on the log, for a fault that comes and goes.
const (
	tellsAtOnce = 6
	tellsEvery  = time.Minute
)

// throttle lets each part say so much in a time. Its zero value is ready for use.
type throttle struct {
	mu    sync.Mutex
	parts map[health.Part]*spell
}

// spell is a time in which a part said something.
type spell struct {
	began  time.Time
	told   int
	untold int
}

// allow reports whether a part may say something now, and how often it was not
// allowed to since it last was.
func (t *throttle) allow(part health.Part, now time.Time) (allowed bool, untold int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parts == nil {
		t.parts = map[health.Part]*spell{}
	}
	s := t.parts[part]
	if s == nil {
		s = &spell{}
		t.parts[part] = s
	}
	if now.Sub(s.began) >= tellsEvery {
		untold = s.untold
		*s = spell{began: now}
	}
	if s.told == tellsAtOnce {
		s.untold++
		return false, 0
	}
	s.told++
	return true, untold
}
