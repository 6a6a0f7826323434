package transform

import (
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/event"
)

func TestAResultKeepsItsMemoryUnlessItIsUnusual(t *testing.T) {
	for name, tt := range map[string]struct {
		record int
		kept   bool
	}{"usual": {1000, true}, "unusual": {maxKeptText, false}} {
		var r Result
		r.begin(event.Batch{Input: "files", Records: []event.Raw{{Bytes: []byte(strings.Repeat("x", tt.record))}}})
		if r.Batch.Input != "files" || r.Batch.Records != nil || r.Bytes() < int64(tt.record) || cap(r.Documents) == 0 {
			t.Errorf("%s: %+v", name, r.Batch)
		}
		r.Reset()
		if kept := r.Bytes() > 0; kept != tt.kept || r.Batch.Input != "" {
			t.Errorf("%s: %d bytes are kept", name, r.Bytes())
		}
	}
}

// Equal records without an id differ by how many came before; where a stream may hold
// a record more than once they are one.
func TestCountersTellEqualRecordsApart(t *testing.T) {
	nameless := event.Raw{Bytes: []byte(`{"event_time":1772366400,"event_type":"Login"}`)}
	var log strings.Builder
	transformer := transformerForTests(t, &log)
	batch := event.Batch{Input: "files", Stream: event.Stream{Input: "files", Name: "a"}, Records: []event.Raw{nameless, nameless}}
	ids := func(c Counters, b event.Batch) (ids []event.ID, counted bool) {
		var r Result
		transformer.Transform(b, &r)
		counted = c.Identify(&r)
		for _, d := range r.Documents {
			ids = append(ids, d.ID)
		}
		return ids, counted
	}
	c := NewCounters()
	first, counted := ids(c, batch)
	if !counted || first[0] == first[1] {
		t.Errorf("counted %v: %v", counted, first)
	}
	seen := batch
	seen.Seen = true
	again := NewCounters()
	if none, counted := ids(again, seen); len(none) != 0 || !counted {
		t.Errorf("those that were seen: %v, %v", none, counted)
	}
	third, _ := ids(c, batch)
	if resumed, _ := ids(again, batch); resumed[0] != third[0] || resumed[1] != third[1] || third[0] == first[0] {
		t.Errorf("after a restart %v, without one %v", resumed, third)
	}
	c.Forget(batch.Stream)
	if renewed, _ := ids(c, batch); renewed[0] != first[0] {
		t.Error("a stream that was forgotten is counted on")
	}
	repeats := batch
	repeats.Repeats = true
	if same, counted := ids(NewCounters(), repeats); counted || same[0] != same[1] || same[0] != first[0] {
		t.Errorf("of an audit API: %v, %v", same, counted)
	}
}
