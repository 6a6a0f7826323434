package csvrows

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

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write what is computed into the golden files")

// cutRows lists what is found in the text of a CSV file: "record" or "reason:
// stretch" each, and what is left.
func cutRows(t testing.TB, text string, final bool) (found []string, rest string) {
	t.Helper()
	data := []byte(text)
	table, header, _ := Read(data, final, nil)
	if table == nil {
		t.Fatalf("not taken for CSV: %.80q", text)
	}
	var r Rows
	var w Writer
	r.Reset(table, data, header, final)
	for r.Next() {
		if r.Reason != "" {
			found = append(found, fmt.Sprintf("%s: %s", r.Reason, data[r.Start:r.End]))
		} else {
			found = append(found, string(w.Append(nil, &r)))
		}
	}
	return found, text[r.Pos:]
}

// A golden file is a story, a line "-- file --", a CSV file, a line "-- records
// --", and what is found in it.
func TestRowsBecomeRecords(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
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
		"one known column": {in: "id,colour\n", final: true, told: true},
		"log lines":        {in: "time to go\n", final: true, told: true},
		"maybe a title":    {in: "time to go\n"},
		"many of them":     {in: strings.Repeat("time to go\n", preamble), told: true},
		"JSON behind one":  {in: "time to go\n{", told: true},
		"open quote":       {in: "\"id"},
		"no end":           {in: strings.Repeat("x", Longest), told: true},
	} {
		t.Run(name, func(t *testing.T) {
			table, _, told := Read([]byte(tt.in), tt.final, nil)
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
		table, from, _ := Read(text, true, nil)
		var r Rows
		var writer Writer
		var got []string
		for size := from; size < len(text); {
			size = min(len(text), size+rapid.IntRange(1, 40).Draw(t, "step"))
			r.Reset(table, text[from:size], 0, false)
			for r.Next() {
				if r.Reason != "" {
					t.Fatalf("%s: %q", r.Reason, r.data[r.Start:r.End])
				}
				got = append(got, string(writer.Append(nil, &r)))
			}
			from += r.Pos
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
	f.Add([]byte("1,20261128\na\"b,3,x\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, final bool) {
		data := append([]byte("id,time,http_request.body\n"), body...)
		table, last, told := Read(data, final, nil)
		if table == nil || !told {
			t.Fatal("not taken for CSV")
		}
		var r Rows
		var w Writer
		r.Reset(table, data, last, final)
		for r.Next() {
			if r.Start < last || r.End <= r.Start || r.Pos < r.End {
				t.Fatalf("found %d..%d after %d, continues at %d", r.Start, r.End, last, r.Pos)
			}
			last = r.End
			if r.Reason != "" {
				continue
			}
			if text := w.Append(nil, &r); !json.Valid(text) {
				t.Fatalf("%q became %q, which is no JSON", data[r.Start:r.End], text)
			}
		}
		if final && r.Pos != len(data) {
			t.Fatalf("%d of %d bytes were left in a file that is finished", len(data)-r.Pos, len(data))
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("Time,Operator,Event\n"), []byte("a,b,c\n"), false)
	f.Add([]byte("id;id;operator;operator.x.y;;id (2)\r\n"), []byte("1;2;3;4;5;6"), true)
	f.Fuzz(func(t *testing.T, header, row []byte, final bool) {
		data := slices.Concat(header, row)
		table, end, _ := Read(data, final, nil)
		if table == nil {
			return
		}
		var r Rows
		var w Writer
		r.Reset(table, data, end, final)
		for r.Next() {
			if r.Reason != "" {
				continue
			}
			if text := w.Append(nil, &r); !json.Valid(text) {
				t.Fatalf("%q became %q, which is no JSON", data[r.Start:r.End], text)
			}
		}
	})
}
