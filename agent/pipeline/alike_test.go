package pipeline

import (
	"fmt"
	"testing"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/bulk"
)

// rowOf is a row of a file with its _id, before which an earlier run settled equal ones.
func rowOf(file, id string, settled uint64) unnamed {
	s := &shipment{Result: transform.Result{
		Batch:     event.Batch{Stream: event.Stream{Input: "import", Name: file}},
		Documents: make([]bulk.Document, 1), Places: []transform.Place{{Settled: settled}},
	}}
	copy(s.Documents[0].ID[:], fmt.Sprintf("%-22s", id))
	return unnamed{s: s}
}

func documentsOf(ids ...string) []string {
	for i := range ids {
		ids[i] = fmt.Sprintf("%-22s", ids[i])
	}
	return ids
}

// Of n equal rows of a file and m documents alike, n-m are new: in one run, for each file
// on its own, and where a run goes on behind rows that an earlier one has settled.
func TestEachDocumentCountsForOneRow(t *testing.T) {
	for m := range 4 {
		documents := documentsOf("a", "b", "c")[:m]
		for begin := range 6 {
			a := newAlike()
			for _, file := range []string{"one", "two"} {
				known := begin
				if begin > m {
					known = m
				}
				for row := begin; row < 6; row++ {
					if a.has(rowOf(file, fmt.Sprint("row", row), uint64(begin)), documents) {
						known++
					}
				}
				if known != m {
					t.Errorf("%d documents, from row %d of %s on: %d rows known", m, begin, file, known)
				}
			}
		}
	}
	a := newAlike()
	if a.has(rowOf("one", "own", 0), documentsOf("a", "own")) {
		t.Error("a row that is there under its own _id is known by another")
	}
	if !a.has(rowOf("one", "next", 0), documentsOf("a", "own")) || a.has(rowOf("one", "last", 0), documentsOf("a", "own")) {
		t.Error("what a row has itself counts for another")
	}
}

// Two documents are of one record if the columns agree, however the event is spelled, and
// whichever of them has a name of the resource.
func TestSameRecord(t *testing.T) {
	const there = `{"event":{"id":"1","action":"addService"},"user":{"name":"Ops"},"observer":{"name":"prod"},"http":{"request":{"method":"POST"}},` +
		`"api7":{"audit":{"event_name":"Add Service","source":"dashboard","resource":{"id":"s1","name":"httpbin"}}}}`
	for row, same := range map[string]bool{
		`{"event":{"action":"Add Service"},"user":{"name":"Ops"},"observer":{"name":"prod"},"api7":{"audit":{"source":"Dashboard","resource":{"id":"s1"}}}}`:                                     true,
		`{"event":{"action":"add_service"},"user":{"name":"Ops"},"observer":{"name":"prod"},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1","name":"httpbin"}}}}`:                    true,
		`{"event":{"action":"Add Service"},"user":{"name":"Ops"},"observer":{"name":"prod"},"http":{"request":{"method":"PUT"}},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1"}}}}`: false,
		`{"event":{"action":"Add Route"},"user":{"name":"Ops"},"observer":{"name":"prod"},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1"}}}}`:                                       false,
		`{"user":{"name":"Ops"},"observer":{"name":"prod"},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1"}}}}`:                                                                      false,
		`{"event":{"action":"Add Service"},"observer":{"name":"prod"},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1"}}}}`:                                                           false,
		`{"event":{"action":"Add Service"},"user":{"name":"Ops"},"observer":{"name":"test"},"api7":{"audit":{"source":"dashboard","resource":{"id":"s1"}}}}`:                                     false,
		`{"event":{"action":"Add Service"},"user":{"name":"Ops"},"observer":{"name":"prod"},"api7":{"audit":{"resource":{"id":"s1"}}}}`:                                                          false,
	} {
		if got := sameRecord([]byte(there), []byte(row)); got != same {
			t.Errorf("%t for %s", got, row)
		}
	}
}
