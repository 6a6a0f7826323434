package filesource

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/event"
)

// A position inside an array, a pretty-printed record's neighbourhood, an answer of
// the audit API or a CSV file is one like any other, also in a compressed file: a run
// that ends after any batch goes on behind it, with each record once.
func TestAPositionInsideAnyLayoutSurvivesARestart(t *testing.T) {
	const n = 40
	var rows, objects, pretty []string
	for i := range n {
		rows = append(rows, fmt.Sprintf("%d,1772366400,\"Ops, %d\"", i, i))
		objects = append(objects, fmt.Sprintf(`{"id":"%d","event_time":1772366400}`, i))
		pretty = append(pretty, fmt.Sprintf("  {\n    \"id\": \"%d\",\n    \"tags\": [{}, []]\n  }", i))
	}
	for name, text := range map[string]string{
		"array":        "[" + strings.Join(objects, ",") + "]",
		"pretty array": "[\n" + strings.Join(pretty, ",\n") + "\n]\n",
		"pretty":       strings.Join(pretty, "\n"),
		"concatenated": strings.Join(objects, ""),
		"answer":       `{"total":40,"list":[` + strings.Join(objects, ",") + "]}",
		"CSV":          "id,event_time,operator\n" + strings.Join(rows, "\n") + "\n",
	} {
		for _, form := range []string{text, zipped(t, text)} {
			for stopAfter := 1; ; stopAfter++ {
				d := newDesk(t, t.TempDir(), "*")
				d.config.BatchBytes = 200
				d.writeRaw("file", form)
				interrupted := d.stopAfter(stopAfter)
				d.once()
				if got := d.got(); len(got) != n || len(d.records) != n || slices.ContainsFunc(got, func(r string) bool { return !strings.HasPrefix(r, "{") }) {
					t.Fatalf("%s, stopped after %d batches: %d records, %d different: %q", name, stopAfter, len(d.records), len(got), got)
				}
				if !interrupted {
					break
				}
			}
		}
	}
}

var errStop = errors.New("stopped")

// stopAfter runs the source until it has emitted so many batches, and reports whether
// there were so many.
func (d *desk) stopAfter(batches int) bool {
	d.config.Once = true
	err := New(d.config).Run(context.Background(), nil, func(ctx context.Context, b event.Batch) error {
		if batches--; batches < 0 {
			return errStop
		}
		return d.take(ctx, b)
	})
	if err != nil && !errors.Is(err, errStop) {
		d.t.Fatal(err)
	}
	return err != nil
}
