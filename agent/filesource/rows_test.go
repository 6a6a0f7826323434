package filesource

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/event"
)

func rowLines(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf("%d,\"Add\n%d\"", i, i))
	}
	return lines
}

func rowRecords(from, to int) (records []string) {
	for i := from; i < to; i++ {
		records = append(records, fmt.Sprintf(`{"id":"%d","event_type":"Add\n%d"}`, i, i))
	}
	return records
}

// A CSV file is followed like any other: over restarts, the half-written row
// included, and as .gz.
func TestCSVFilesAreFollowed(t *testing.T) {
	t.Run("growing, with restarts", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.csv")
		d.writeRaw("a.csv", "\xef\xbb\xbfid,ev")
		d.start()
		d.write("a.csv", append([]string{"ent"}, rowLines(0, 3)...)...)
		d.writeRaw("a.csv", "3,\"Add\n")
		d.expectOnce(rowRecords(0, 3)...)
		d.stop()
		d.write("a.csv", append([]string{`3"`, "4,5,6"}, rowLines(5, 8)...)...)
		d.start()
		defer d.stop()
		d.expectOnce(slices.Concat(rowRecords(0, 4), []string{"broken_row: 4,5,6"}, rowRecords(5, 8))...)
	})
	t.Run("killed in the middle of a .gz", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.gz")
		d.config.BatchBytes = 1000
		d.must(os.WriteFile(d.path("a.csv.gz"), gzipped(t, "id,event\n"+strings.Join(rowLines(0, 3000), "\n")), 0o600))
		d.start()
		for len(d.got()) < 100 {
			time.Sleep(time.Millisecond)
		}
		d.stop()
		d.once()
		d.expectOnce(rowRecords(0, 3000)...)
	})
	t.Run("counted from its start", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.csv")
		d.write("a.csv", append([]string{"id,event"}, rowLines(0, 3)...)...)
		d.once()
		for stream, s := range d.saved {
			s.Recount = true
			d.saved[stream] = s
		}
		d.write("a.csv", rowLines(3, 5)...)
		d.once()
		d.expectOnce(rowRecords(0, 5)...)
		if !slices.Equal(d.counted, rowRecords(0, 3)) {
			t.Errorf("counted %q", d.counted)
		}
	})
	t.Run("truncated to JSON", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*")
		d.write("a", append([]string{"id,event"}, rowLines(0, 3)...)...)
		d.start()
		defer d.stop()
		d.expectOnce(rowRecords(0, 3)...)
		d.must(os.Truncate(d.path("a"), 0))
		d.write("a", record(1))
		d.expectOnce(append(rowRecords(0, 3), record(1))...)
	})
}

func TestARowThatIsTooLarge(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.csv")
	d.config.MaxRecord, d.config.BatchBytes = 8<<10, 5<<10
	large := func(n int) string { return "x,\"" + strings.Repeat("\"\"\n", n) + "\"" }
	d.write("a.csv", slices.Concat([]string{"id,event"}, rowLines(0, 2), []string{large(100_000)}, rowLines(2, 3), []string{large(2800)}, rowLines(3, 5))...)
	d.once()
	d.expect(slices.Concat(rowRecords(0, 5), []string{string(event.ReasonTooLarge) + ": "})...)
}

// An answer of the audit API that was saved is read as its records.
func TestSavedAnswersOfTheAPI(t *testing.T) {
	for name, text := range map[string]string{
		"one line":   `{"total":2,"list":[` + record(1) + `,` + record(2) + `]}`,
		"list first": `{"list":[` + record(1) + `,` + record(2) + `],"total":2}` + "\n",
		"several":    "{\"total\":2,\"list\":[" + record(1) + "]}\n{\"total\":2,\"list\":[" + record(2) + "]}\n{\"total\":2,\"list\":[]}\n",
		"pretty":     "{\n  \"total\": 2,\n  \"list\": [\n    " + record(1) + ",\n    " + record(2) + "\n  ]\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, rest := frames(text, true); !slices.Equal(got, recordRange(1, 3)) || strings.TrimSpace(rest) != "" {
				t.Errorf("got %q, rest %q", got, rest)
			}
		})
	}
}
