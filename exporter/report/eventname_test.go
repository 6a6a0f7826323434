package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// One stream is written by an agent that reads the audit API and knows the display
// names, by one that reads files and knew none, and by writers with ways of their own.
// Whoever asks for the event by one of its names gets all of them.
func TestAnEventIsFoundUnderEveryNameThatItHas(t *testing.T) {
	tr := newTrail(t)
	var all []entry
	add := func(n int, event, action string) {
		for range n {
			id := fmt.Sprint("e-", len(all))
			all = append(all, entry{id: id, at: noon.Add(time.Duration(len(all)) * time.Second), event: event, action: action})
		}
	}
	add(61, "Add Service", "AddService")
	add(180, "AddService", "AddService")
	add(3, "", "AddService")
	add(2, "add_service", "add_service")
	add(1, "Add Service", "Add Service")
	add(5, "Create a Route", "AddRoute") // as this gateway calls it
	add(4, "AddRoute", "AddRoute")
	add(9, "Add Service Version", "AddServiceVersion")
	tr.index(t, all...)
	for called, want := range map[string]int{
		"Add Service": 247, "AddService": 247, "add_service": 247, "Create a Route": 9, "AddRoute": 9, "Add Route": 9,
		"Add Service Version": 9, "Add": 0,
	} {
		var out bytes.Buffer
		sum, err := Run(t.Context(), tr.analyst, tr.query(Query{Events: []string{called}}), &out, Options{Columns: []string{"event"}})
		if err != nil || sum.Rows != int64(want) {
			t.Errorf("%q: %d of %d records, %v", called, sum.Rows, want, err)
		}
		if strings.HasPrefix(called, "Add S") && strings.Contains(out.String(), "AddService") {
			t.Errorf("%q: the column Event has a raw event type", called)
		}
	}
}
