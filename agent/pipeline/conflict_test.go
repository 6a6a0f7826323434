package pipeline

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/event"
)

// The second of two records with one id is no duplicate. What the gateway gives later,
// what an export leaves out and a time in seconds make no other record.
func TestAnotherRecordWithTheSameIDIsADeadLetter(t *testing.T) {
	s := newStand(t)
	const first = `{"id":"x","event_time":1772366400123,"event_type":"AddService","operator":{"id":"u-1","username":"Ops"},"resource_id":"s-1"}`
	s.write("a.json", strings.Join([]string{
		first,
		first,
		`{"id":"x","event_time":1772366400,"event_type":"AddService"}`,
		`{"id":"x","event_time":1772366400123,"event_type":"AddService","operator":{"id":"u-1","username":"Ops"},"resource_id":"s-1","http_response":{"status_code":500},"error_message":"late"}`,
		`{"id":"x","event_time":1772366400123,"event_type":"DeleteRoute","operator":{"id":"u-1","username":"Ops"},"resource_id":"s-1"}`,
		`{"id":"x","event_time":1772366400123,"event_type":"AddService","operator":{"id":"u-2","username":"Eve"},"resource_id":"s-1"}`,
		`{"id":"y","event_time":1772366400123,"event_type":"AddService"}`,
	}, "\n")+"\n")
	got := s.once()
	if got.Indexed != 2 || got.Duplicate != 3 || got.DeadLettered != 2 {
		t.Errorf("ledger %+v, want 2 indexed, 3 duplicates and 2 dead letters", got)
	}
	letters := s.letters()
	if len(letters) != 2 {
		t.Fatalf("%d dead letters", len(letters))
	}
	ids := map[string]bool{}
	for _, d := range s.documents() {
		ids[d.ID] = true
	}
	for i, field := range []string{"event.action", "user.id"} {
		l := letters[i]
		if event.Reason(l.Reason) != event.ReasonIDConflict || l.Error.Field != field || !l.Finished() || ids[l.ID] {
			t.Errorf("letter %d: %+v", i, l)
		}
		ids[l.ID] = true
	}
	log := s.log.String()
	if n := strings.Count(log, "two different records have the same id"); n != 1 || !strings.Contains(log, "a.json at byte 0") {
		t.Errorf("said %d times:\n%s", n, log)
	}
}

// Over a rollover the first is in an older index, and is compared there.
func TestAnotherRecordWithTheSameIDInAnOlderIndex(t *testing.T) {
	s := newStand(t)
	s.write("a.json", `{"id":"x","event_time":1772366400,"event_type":"AddService"}`+"\n")
	s.once()
	s.call("POST", "/"+s.stream+"/_rollover", "")
	s.write("b.json", `{"id":"x","event_time":1772366400,"event_type":"AddService"}`+"\n"+`{"id":"x","event_time":1772366401,"event_type":"AddService"}`+"\n")
	if got := s.once(); got.Indexed != 0 || got.Duplicate != 1 || got.DeadLettered != 1 {
		t.Errorf("ledger %+v", got)
	}
}

// An id that stands for none names no record: all of them arrive.
func TestRecordsWithPlaceholderIDsAllArrive(t *testing.T) {
	s := newStand(t)
	text, err := os.ReadFile("testdata/placeholder-ids.ndjson")
	s.must(err)
	s.write("a.json", string(text))
	want := int64(strings.Count(string(text), "\n"))
	if got := s.once(); got.Indexed != want || got.Duplicate != 0 || got.DeadLettered != 0 {
		t.Errorf("ledger %+v, want %d indexed", got, want)
	}
	// Read again they are the same records.
	s.must(os.RemoveAll(s.config.StateDir + "/positions.log"))
	if got := s.once(); got.Indexed != 0 || got.Duplicate != want {
		t.Errorf("again: ledger %+v, want %d duplicates", got, want)
	}
	recorded := 0
	for _, d := range s.documents() {
		var source struct{ Event struct{ ID *string } }
		raw := s.call("GET", "/"+d.Index+"/_source/"+d.ID, "")
		if s.must(json.Unmarshal(raw, &source)); source.Event.ID != nil {
			recorded++
		}
	}
	if recorded == 0 {
		t.Error("what stood there is not in the documents")
	}
}
