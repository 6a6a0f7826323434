package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/printable"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata/golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", path, got, want)
	}
}

// fixture is testdata/hits.json: an answer with a full record, one with its
// time only, one full of attacks, one with dotted keys, one with long values.
func fixture(t *testing.T) []hit {
	t.Helper()
	body, err := os.ReadFile("testdata/hits.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsePage(body)
	if err != nil {
		t.Fatal(err)
	}
	return p.Hits.Hits
}

// write renders hits as Run would.
func write(t testing.TB, hits []hit, opts Options) []byte {
	t.Helper()
	opts, err := opts.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	columns, err := opts.selectColumns()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	enc, err := newEncoder(w, columns, opts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range hits {
		if err := enc.record(newRecord(&hits[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.end(); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFormats(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]Options{
		"page.csv":             {Format: CSV},
		"page-raw.csv":         {Format: CSV, NoDefuse: true},
		"page-berlin.csv":      {Format: CSV, Location: berlin},
		"details.csv":          {Format: CSV, Details: true},
		"columns.csv":          {Format: CSV, Columns: []string{"Resource ID", "event.outcome", "status_code", "@timestamp", "_id"}},
		"page.json":            {Format: JSON},
		"details.json":         {Format: JSON, Details: true},
		"page.ndjson":          {Format: NDJSON},
		"page-berlin.ndjson":   {Format: NDJSON, Location: berlin},
		"details.ndjson":       {Format: NDJSON, Details: true},
		"columns.ndjson":       {Format: NDJSON, Columns: []string{"tags", "request_body", "http.response.status_code"}},
		"page.table":           {Format: Table},
		"page-80.table":        {Format: Table, Width: 80},
		"page-200.table":       {Format: Table, Width: 200},
		"details.table":        {Format: Table, Details: true},
		"details-berlin.table": {Format: Table, Details: true, Width: 60, Location: berlin},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, write(t, fixture(t), opts))
		})
	}
}

func TestNothingFound(t *testing.T) {
	for format, want := range map[Format]string{
		CSV:    "Time,Operator,Event,Resource ID,Resource Name,IP Address,Source\n",
		JSON:   "[]\n",
		NDJSON: "",
		Table:  "TIME  OPERATOR  EVENT  RESOURCE ID  RESOURCE NAME  IP ADDRESS  SOURCE\n",
	} {
		t.Run(string(format), func(t *testing.T) {
			if got := string(write(t, nil, Options{Format: format})); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// With details the JSON formats hold the document, nothing added or lost.
func TestDetailsAreTheDocument(t *testing.T) {
	hits := fixture(t)
	var array []json.RawMessage
	if err := json.Unmarshal(write(t, hits, Options{Format: JSON, Details: true}), &array); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(write(t, hits, Options{Format: NDJSON, Details: true})), []byte("\n"))
	if len(array) != len(hits) || len(lines) != len(hits) {
		t.Fatalf("%d elements and %d lines of %d records", len(array), len(lines), len(hits))
	}
	for i, h := range hits {
		if !sameJSON(t, array[i], h.Source) || !sameJSON(t, lines[i], h.Source) {
			t.Errorf("record %d is not the document:\n%s\n%s\n%s", i, array[i], lines[i], h.Source)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	decode := func(text []byte) any {
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

func TestDefuse(t *testing.T) {
	for name, c := range map[string]struct{ cell, want string }{
		"formula":              {"=1+1", "'=1+1"},
		"command":              {"=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"},
		"plus":                 {"+49 30 1234", "'+49 30 1234"},
		"minus":                {"-1", "'-1"},
		"at":                   {"@SUM(A1:A9)", "'@SUM(A1:A9)"},
		"tab":                  {"\t=1", "'\t'=1"},
		"carriage return":      {"\r=1", "'\r'=1"},
		"line feed":            {"\n=1", "'\n'=1"},
		"full-width equals":    {"＝1", "'＝1"},
		"full-width at":        {"＠SUM", "'＠SUM"},
		"small plus":           {"﹢1", "'﹢1"},
		"raised equals":        {"⁼1", "'⁼1"},
		"minus sign":           {"−1", "'−1"},
		"after a semicolon":    {"a;=1;b;@x", "a;'=1;b;'@x"},
		"full-width semicolon": {"a；=1", "a；'=1"},
		"after a tab":          {"a\t=1", "a\t'=1"},
		"after a line break":   {"a\n=1\r\n+2", "a\n'=1\r\n'+2"},
		"quoted after it":      {`a;"=1"`, `a;'"=1"`},
		"after blanks":         {" \u00a0\u3000=1", "' \u00a0\u3000=1"},
		"after what is unseen": {"\u200b\u202e\ufeff\u115f\u2800=1", "'\u200b\u202e\ufeff\u115f\u2800=1"},
		"after a control":      {"\x00\x1b=1", "'\x00\x1b=1"},
		"unseen and semicolon": {"a; \u200b=1", "a;' \u200b=1"},
		"after a comma":        {"a,=1", "a,=1"}, // quoted in the file
		"empty":                {"", ""},
		"plain":                {"httpbin", "httpbin"},
		"formula not at start": {"a=1", "a=1"},
		"quote already":        {"'=1", "'=1"},
		"JSON":                 {`{"a":"=1"}`, `{"a":"=1"}`},
		"not UTF-8":            {"\xff=1", "\xff=1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := defuse(c.cell, ','); got != c.want {
				t.Errorf("defuse(%q) = %q, want %q", c.cell, got, c.want)
			}
		})
	}
}

// A CSV that is read again gives the values, each with at most the defusing
// quote before it, and no cell that a spreadsheet would run.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"", "=1+1", "a,b", "\"", "a\"b\"", "line\nbreak", "\r\n", "\r", " lead", "\\.", "'", "'=1", "＝1", "\x00", "\xff", "更新路由"} {
		f.Add(seed, "httpbin")
		f.Add("Ops", seed)
	}
	f.Fuzz(func(t *testing.T, operator, resource string) {
		h := hit{Source: []byte(`{"user":{"name":` + string(quoted(operator)) + `},"api7":{"audit":{"resource":{"name":` + string(quoted(resource)) + `}}}}`), Sort: []int64{0, 0}}
		rows, err := csv.NewReader(bytes.NewReader(write(t, []hit{h}, Options{}))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for column, value := range map[int]string{1: operator, 4: resource} {
			// What is not UTF-8 cannot be in Elasticsearch, and csv.Reader
			// takes \r\n inside quotes for \n.
			value = strings.ToValidUTF8(value, "\uFFFD")
			value = strings.ReplaceAll(decodedByJSON(t, value), "\r\n", "\n")
			cell := rows[1][column]
			if strings.ReplaceAll(cell, "'", "") != strings.ReplaceAll(value, "'", "") {
				t.Errorf("column %d: wrote %q, read %q", column, value, cell)
			}
			for _, part := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
				if seen := strings.TrimLeft(part, " \u200b\u3000\""); seen != "" && strings.ContainsAny(seen[:1], "=+-@") {
					t.Errorf("column %d: a spreadsheet would run %q of %q", column, part, cell)
				}
			}
		}
	})
}

// With another separator the cells are split there, and a comma splits none for those who
// take it for one.
func TestSeparator(t *testing.T) {
	h := hit{Source: []byte(`{"user":{"name":"a,=1;b"}}`), Sort: []int64{0, 0}}
	for separator, want := range map[rune]string{0: `,"a,=1;b"`, ',': `,"a,=1;b"`, ';': `;"a,'=1;b"`, '\t': "\ta,'=1;b"} {
		if got := string(write(t, []hit{h}, Options{Separator: separator})); !strings.Contains(got, want) {
			t.Errorf("%q: %s", separator, got)
		}
	}
}

func decodedByJSON(t *testing.T, s string) string {
	t.Helper()
	var back string
	if err := json.Unmarshal(quoted(s), &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// No text of a record moves the cursor or breaks the line.
func FuzzTable(f *testing.F) {
	f.Add("\x1b[2J\x1b]0;title\a", "a\nb", 80)
	f.Add("更新路由\u202e", "\u0301", 20)
	f.Add("\u2028", "👩‍👩‍👧", 0)
	f.Fuzz(func(t *testing.T, operator, resource string, width int) {
		h := hit{Source: []byte(`{"user":{"name":` + string(quoted(operator)) + `},"api7":{"audit":{"resource":{"name":` + string(quoted(resource)) + `}}}}`), Sort: []int64{0, 0}}
		width = max(0, min(width, 400))
		for _, details := range []bool{false, true} {
			out := string(write(t, []hit{h}, Options{Format: Table, Details: details, Width: width}))
			for _, r := range out {
				if r != '\n' && r != printableRune(r) {
					t.Fatalf("%q lets %q through", out, r)
				}
			}
			if lines := strings.Count(out, "\n"); !details && lines != 2 {
				t.Errorf("%d lines for a heading and a record: %q", lines, out)
			}
		}
	})
}

func printableRune(r rune) rune {
	for _, p := range printable.Line(string(r)) {
		return p
	}
	return -1
}

func TestPrintable(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":           {"Add Service", "Add Service"},
		"colour":          {"\x1b[31mred\x1b[0m", "\uFFFD[31mred\uFFFD[0m"},
		"C1 introducer":   {"\u009b31m", "\uFFFD31m"},
		"line break":      {"a\r\nb\tc", "a  b c"},
		"line separator":  {"a\u2028b", "a b"},
		"right to left":   {"a\u202eb", "a\uFFFDb"},
		"zero width":      {"a\u200bb", "a\uFFFDb"},
		"NUL":             {"a\x00b", "a\uFFFDb"},
		"other languages": {"支付 Zoë", "支付 Zoë"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := printable.Line(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		width int
		want  string
	}{
		"fits":      {"httpbin", 7, "httpbin"},
		"too long":  {"httpbin", 6, "httpb…"},
		"wide":      {"支付服务", 8, "支付服务"},
		"half wide": {"支付服务", 6, "支付…"},
		"one cell":  {"httpbin", 1, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cut(c.in, c.width); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Cells that Excel would cut are counted, by its own count of characters.
func TestCellsThatExcelCutsAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		operator string
		want     int64
	}{
		"just right": {strings.Repeat("x", ExcelCell), 0},
		"too long":   {strings.Repeat("x", ExcelCell+1), 1},
		"in bytes":   {strings.Repeat("ä", ExcelCell), 0},
		"in pairs":   {strings.Repeat("😀", ExcelCell/2+1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newCSVEncoder(bufio.NewWriter(io.Discard), PageColumns(), Options{Location: time.UTC, Separator: ','})
			h := hit{Source: []byte(`{"user":{"name":"` + c.operator + `"}}`), Sort: []int64{0, 0}}
			if err := e.record(newRecord(&h)); err != nil || e.long != c.want {
				t.Errorf("%d cells, %v", e.long, err)
			}
		})
	}
}
