package apisource

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// EventNames knows the display names of a gateway's event types. The inputs of one
// gateway share it, and it may be used by many goroutines. Make it with
// NewEventNames.
type EventNames struct {
	names   atomic.Pointer[map[string]string]
	tried   chan struct{}
	settled sync.Once
}

// NewEventNames makes an EventNames that knows nothing yet.
func NewEventNames() *EventNames { return &EventNames{tried: make(chan struct{})} }

// Name is the display name of an event type, "" where it is not known.
func (n *EventNames) Name(eventType string) string {
	names := n.names.Load()
	if names == nil {
		return ""
	}
	return (*names)[eventType]
}

// Tried is closed once the gateway was asked for the first time, whether it answered
// or not: a record that is documented earlier has no display name.
func (n *EventNames) Tried() <-chan struct{} { return n.tried }

func (n *EventNames) set(names map[string]string) { n.names.Store(&names) }

const (
	// namesEvery is how often display names are asked for again, namesAgain how
	// soon a type without a name asks for them.
	namesEvery = time.Hour
	namesAgain = time.Minute
	// namesBytes bounds the answer.
	namesBytes = 1 << 20
)

// Fetch asks for the display names once and reports whether they came. Until they do
// event types stand for themselves.
func (n *EventNames) Fetch(ctx context.Context, c *Client) bool {
	defer n.settled.Do(func() { close(n.tried) })
	var answer struct {
		List []struct {
			Key  string `json:"key"`
			Name string `json:"name"`
		} `json:"list"`
	}
	err := c.get(ctx, "/api/audit_logs/event_types", nil, call{
		bound: namesBytes, once: true, handle: func(body []byte) error { return json.Unmarshal(body, &answer) },
	})
	if err != nil {
		return false
	}
	names := make(map[string]string, len(answer.List))
	for _, t := range answer.List {
		names[t.Key] = t.Name
	}
	n.set(names)
	return true
}
