package filesource

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
)

var update = flag.Bool("update", false, "write what is computed into the golden files")

// cutRows lists what is found in the text of a CSV file: "record" or "reason:
// stretch" each, and what is left.
func cutRows(t fataler, text string, final bool) (found []string, rest string) {
	t.Helper()
	data := []byte(text)
	table, header, _ := readHeader(data, final)
	if table == nil {
		t.Fatalf("not taken for CSV: %.80q", text)
	}
	var r rows
	var w rowWriter
	r.reset(table, data, header, final)
	for r.next() {
		if r.reason != "" {
			found = append(found, fmt.Sprintf("%s: %s", r.reason, data[r.start:r.end]))
		} else {
			found = append(found, string(w.append(nil, data, table, r.cells)))
		}
	}
	return found, text[r.pos:]
}

// A golden file is a story, a line "-- file --", a CSV file, a line "-- records
// --", and what is found in it.
func TestRowsBecomeRecords(t *testing.T) {
	files, err := filepath.Glob("testdata/csv/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".golden"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			story, rest, ok := strings.Cut(string(data), "-- file --\n")
			file, want, ok2 := strings.Cut(rest, "-- records --\n")
			if !ok || !ok2 {
				t.Fatal("no file or no records in it")
			}
			found, left := cutRows(t, file, true)
			got := strings.Join(found, "\n") + "\n" + left
			for _, text := range found {
				if strings.HasPrefix(text, "{") && !json.Valid([]byte(text)) {
					t.Errorf("no JSON: %s", text)
				}
			}
			if *update {
				got := story + "-- file --\n" + file + "-- records --\n" + got
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestCutRows(t *testing.T) {
	const header = "id,time,event\n"
	for name, tt := range map[string]struct {
		in    string
		final bool
		want  []string
		rest  string
	}{
		"rows":             {in: header + "1,2,Login\n2,3,Logout\n", want: []string{`1 2 Login`, `2 3 Logout`}},
		"CRLF":             {in: "id,time,event\r\n1,2,\"Login\"\r\n2,3,Logout\r\n", want: []string{`1 2 Login`, `2 3 Logout`}},
		"byte order mark":  {in: "\xef\xbb\xbf" + header + "1,2,Login\n", want: []string{`1 2 Login`}},
		"blank lines":      {in: "\n\r\n" + header + "\n1,2,Login\n \n", want: []string{`1 2 Login`}},
		"quotes":           {in: header + "\"1\",2,\"say \"\"Login\"\", please\"\n", want: []string{`1 2 say "Login", please`}},
		"lines in a cell":  {in: header + "1,2,\"Log\nin\r\n\"\n2,3,x\n", want: []string{"1 2 Log\nin\r\n", `2 3 x`}},
		"spaces":           {in: "id , Time, Event\n 1 ,2, \" \"\n", want: []string{`broken_row:  1 ,2, " "`}},
		"semicolons":       {in: "id;time;event\n1;2;Login, please\n", want: []string{`1 2 Login, please`}},
		"tabs":             {in: "id\ttime\tevent\n1\t2\tLogin\n", want: []string{`1 2 Login`}},
		"two exports":      {in: header + "1,2,Login\n\xef\xbb\xbf" + header + "2,3,Logout\n", want: []string{`1 2 Login`, `2 3 Logout`}},
		"half a row":       {in: header + "1,2,Login\n2,3,Log", want: []string{`1 2 Login`}, rest: "2,3,Log"},
		"half, for good":   {in: header + "1,2,Login\n2,3", final: true, want: []string{`1 2 Login`, `cut_short: 2,3`}},
		"no last newline":  {in: header + "1,2,Login", final: true, want: []string{`1 2 Login`}},
		"half in a quote":  {in: header + "1,2,\"Log\nin", want: nil, rest: "1,2,\"Log\nin"},
		"half, quoted":     {in: header + "1,2,\"Log\nin", final: true, want: []string{"cut_short: 1,2,\"Log\nin"}},
		"half, after CR":   {in: header + "1,2,\"Login\"\r", want: nil, rest: "1,2,\"Login\"\r"},
		"too few":          {in: header + "1,2\n2,3,Logout\n", want: []string{`broken_row: 1,2`, `2 3 Logout`}},
		"too many":         {in: header + "1,2,3,4\n\n2,3,Logout\n", want: []string{`broken_row: 1,2,3,4`, `2 3 Logout`}},
		"two bad ones":     {in: header + "1\n2\n3,3,Logout\n", want: []string{`broken_row: 1`, `broken_row: 2`, `3 3 Logout`}},
		"bare quote":       {in: header + "1,2,Log\"in\n2,3,Logout\n", want: []string{`broken_row: 1,2,Log"in`, `2 3 Logout`}},
		"quote not closed": {in: header + "1,2,\"Login\n2,3,x\n3,4,\"y\"\n", want: []string{`broken_row: 1,2,"Login`, `2 3 x`, `3 4 y`}},
		"never closed":     {in: header + "1,2,\"Login\n2,3,x\n3,4,y\n4,5,z\n", want: []string{`broken_row: 1,2,"Login`, `2 3 x`, `3 4 y`, `4 5 z`}},
		"not closed, last": {in: header + "1,2,\"Login\n2,3,x\n", final: true, want: []string{`broken_row: 1,2,"Login`, `2 3 x`}},
		"text behind":      {in: header + "1,2,\"Log\"in\n2,3,x\n", want: []string{`broken_row: 1,2,"Log"in`, `2 3 x`}},
		"bad, last":        {in: header + "1,2,\"Log\"in\n", want: []string{`broken_row: 1,2,"Log"in`}},
		"bad, half":        {in: header + "1,2,\"Log\"in", rest: `1,2,"Log"in`},
		"only a header":    {in: header},
	} {
		t.Run(name, func(t *testing.T) {
			found, rest := cutRows(t, tt.in, tt.final)
			var got []string
			for _, text := range found {
				var r struct{ ID, Event_time, Event_type string } //nolint:revive // matches the keys without regard to case
				if json.Unmarshal([]byte(text), &r) == nil {
					text = strings.Join([]string{r.ID, r.Event_time, r.Event_type}, " ")
				}
				got = append(got, text)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if rest != tt.rest {
				t.Errorf("rest %q, want %q", rest, tt.rest)
			}
		})
	}
}

func TestWhatIsACSVFile(t *testing.T) {
	for name, tt := range map[string]struct {
		in        string
		final     bool
		csv, told bool
	}{
		"keys":             {in: "id,event_time\n", csv: true, told: true},
		"titles":           {in: "Time,Operator,Event,Resource ID,Resource Name,IP Address,Source\n", csv: true, told: true},
		"half a header":    {in: "Time,Opera"},
		"it is all":        {in: "Time,Operator", final: true, csv: true, told: true},
		"nothing yet":      {in: "\xef\xbb\xbf\n"},
		"JSON":             {in: `{"id":1}`, told: true},
		"half of it":       {in: `{`, told: true},
		"array":            {in: " [", told: true},
		"one known column": {in: "id,colour\n", told: true},
		"log lines":        {in: "time to go\n", told: true},
		"open quote":       {in: "\"id"},
		"no end":           {in: strings.Repeat("x", window), told: true},
	} {
		t.Run(name, func(t *testing.T) {
			table, _, told := readHeader([]byte(tt.in), tt.final)
			if (table != nil) != tt.csv || told != tt.told {
				t.Errorf("csv %t, told %t", table != nil, told)
			}
		})
	}
}

// What a CSV writer writes comes out again, wherever the stretches are cut.
func TestRowsDoNotDependOnTheCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[a-z",;\n 1-9]{1,12}`), 1, 8).Draw(t, "values")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		all := [][]string{{"id", "event", "note"}}
		for i, v := range values {
			all = append(all, []string{fmt.Sprint(i), v, v})
		}
		if err := w.WriteAll(all); err != nil {
			t.Fatal(err)
		}
		text := b.Bytes()
		table, from, _ := readHeader(text, true)
		var r rows
		var writer rowWriter
		var got []string
		for size := from; size < len(text); {
			size = min(len(text), size+rapid.IntRange(1, 40).Draw(t, "step"))
			r.reset(table, text[from:size], 0, false)
			for r.next() {
				if r.reason != "" {
					t.Fatalf("%s: %q", r.reason, r.data[r.start:r.end])
				}
				got = append(got, string(writer.append(nil, r.data, table, r.cells)))
			}
			from += r.pos
		}
		var want []string
		for _, row := range all[1:] {
			row[1], row[2] = asRead(row[1]), asRead(row[2])
			text := fmt.Sprintf(`{"id":%s`, appendString(nil, []byte(row[0])))
			if row[1] != "" {
				text += fmt.Sprintf(`,"event_type":%[1]s,"note":%[1]s`, appendString(nil, []byte(row[1])))
			}
			want = append(want, text+"}")
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q\ngot  %q\nwant %q", text, got, want)
		}
	})
}

// asRead is a cell without the spaces around it, which count only within quotes.
func asRead(cell string) string {
	if strings.ContainsAny(cell, "\",\n") || strings.HasPrefix(cell, " ") {
		return cell
	}
	return strings.TrimSpace(cell)
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("1,2,Login\n\"2\",\"3\n\",\"a\"\"b\"\n"), true)
	f.Add([]byte("1,2,\"Login\n2,3,x\n3,4,y\n4,5,z\n"), false)
	f.Add([]byte("1\r\n\"a\"b,\n\n{\"id\":1}\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, final bool) {
		data := append([]byte("id,time,http_request.body\n"), body...)
		table, last, told := readHeader(data, final)
		if table == nil || !told {
			t.Fatal("not taken for CSV")
		}
		var r rows
		var w rowWriter
		r.reset(table, data, last, final)
		for r.next() {
			if r.start < last || r.end <= r.start || r.pos < r.end {
				t.Fatalf("found %d..%d after %d, continues at %d", r.start, r.end, last, r.pos)
			}
			last = r.end
			if r.reason != "" {
				continue
			}
			if text := w.append(nil, data, table, r.cells); !json.Valid(text) {
				t.Fatalf("%q became %q, which is no JSON", data[r.start:r.end], text)
			}
		}
		if final && r.pos != len(data) {
			t.Fatalf("%d of %d bytes were left in a file that is finished", len(data)-r.pos, len(data))
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("Time,Operator,Event\n"), []byte("a,b,c\n"), false)
	f.Add([]byte("id;id;operator;operator.x.y;;id (2)\r\n"), []byte("1;2;3;4;5;6"), true)
	f.Fuzz(func(t *testing.T, header, row []byte, final bool) {
		data := slices.Concat(header, row)
		table, end, _ := readHeader(data, final)
		if table == nil {
			return
		}
		var r rows
		var w rowWriter
		r.reset(table, data, end, final)
		for r.next() {
			if r.reason != "" {
				continue
			}
			if text := w.append(nil, data, table, r.cells); !json.Valid(text) {
				t.Fatalf("%q became %q, which is no JSON", data[r.start:r.end], text)
			}
		}
	})
}

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
