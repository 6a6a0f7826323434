package filesource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
)

// auditRecord is a record as the gateway writes it: with objects of its own keys, lists
// of objects, braces and escapes in texts.
func auditRecord(n int) string {
	return fmt.Sprintf(`{"id":"r%03d","event_time":%d,"operator":{"id":"u%d","username":"O"},"event_type":"Add {S}",`+
		`"http_request":{"body":{"id":"s","nodes":[{"a":"a","id":"1"},{}],"note":"\"{\n}\", [x]"}},"status":2e2}`,
		n, 1772366400+n, n)
}

// longRecord ends with a list.
func longRecord(n int) string {
	return fmt.Sprintf(`{"id":"r%03d","event_time":%d,"operator":{"id":"u"},"changes":[{"id":"a","to":[1,{}]},{"id":"b"}]}`, n, 1772366400+n)
}

func indented(prefix, indent string) func(string) string {
	return func(record string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(record), prefix, indent); err != nil {
			panic(err)
		}
		return b.String()
	}
}

func asIs(record string) string { return record }

// jsonLayout is how records are put into a file.
type jsonLayout struct {
	record               func(string) string // how one is written
	begin, before, after string
	between, end         string
	group                int // records between two pairs of before and after
}

// lay writes records, and returns where each of them stands.
func (l jsonLayout) lay(records []string) (text string, at [][2]int) {
	text = l.begin
	for i, r := range records {
		first, last := i == 0, i == len(records)-1
		if l.group > 0 {
			first, last = i%l.group == 0, i%l.group == l.group-1 || last
		}
		if first {
			text += l.before
		} else {
			text += l.between
		}
		start := len(text)
		text += l.record(r)
		at = append(at, [2]int{start, len(text)})
		if last {
			text += l.after
		}
	}
	return text + l.end, at
}

var jsonLayouts = map[string]jsonLayout{
	"NDJSON":                      {record: asIs, before: "", after: "\n", group: 1},
	"CRLF":                        {record: asIs, after: "\r\n", group: 1},
	"CR alone":                    {record: asIs, after: "\r", group: 1},
	"blank lines":                 {record: asIs, after: "\n\n \n", group: 1},
	"RS and LF":                   {record: asIs, before: "\x1e", after: "\n", group: 1},
	"RS alone":                    {record: asIs, before: "\x1e", group: 1},
	"NUL after each":              {record: asIs, after: "\x00", group: 1},
	"BOM before each line":        {record: asIs, before: "\xef\xbb\xbf", after: "\n", group: 1},
	"CR before each line":         {record: asIs, before: "\r", after: "\n", group: 1},
	"white space before":          {record: asIs, before: " \t  ", after: "\n", group: 1},
	"commas at line ends":         {record: asIs, after: ",\n", group: 1},
	"array on one line":           {record: asIs, before: "[", between: ",", after: "]"},
	"array on one line, spaced":   {record: asIs, before: "[ ", between: " , ", after: " ]\n"},
	"array, a line each":          {record: asIs, before: "[\n", between: ",\n", after: "\n]\n"},
	"array, an indented line":     {record: asIs, before: "[\n  ", between: ",\n  ", after: "\n]\n"},
	"array, comma first":          {record: asIs, before: "[\n ", between: "\n,", after: "\n]\n"},
	"array a line":                {record: asIs, before: "[", after: "]\n", group: 1},
	"two in an array a line":      {record: asIs, before: "[", between: ",", after: "]\n", group: 2},
	"three on a line":             {record: asIs, between: " ", after: "\n", group: 3},
	"concatenated":                {record: asIs},
	"concatenated, spaced":        {record: asIs, between: " "},
	"pretty":                      {record: indented("", "  "), after: "\n", group: 1},
	"pretty, tabs":                {record: indented("", "\t"), after: "\n", group: 1},
	"pretty, not indented":        {record: indented("", ""), after: "\n", group: 1},
	"pretty, concatenated":        {record: indented("", "  ")},
	"pretty array":                {record: indented("  ", "  "), before: "[\n  ", between: ",\n  ", after: "\n]\n"},
	"pretty array, flat":          {record: indented("", "  "), before: "[\n", between: ",\n", after: "\n]\n"},
	"pretty array, braces joined": {record: indented("", "  "), before: "[", between: ", ", after: "]\n"},
	"pretty array, comma first":   {record: indented("  ", "  "), before: "[ ", between: "\n, ", after: "\n]\n"},
	"pretty, CRLF": {record: func(r string) string {
		return strings.ReplaceAll(indented("", "  ")(r), "\n", "\r\n")
	}, after: "\r\n", group: 1},
	"indented behind a banner":   {record: asIs, begin: "audit log of prod\n", before: "  ", after: "\n", group: 1},
	"banner of two lines":        {record: asIs, begin: "-- audit --\n\"of prod\"\n", before: "   ", after: "\n", group: 1},
	"array behind a banner":      {record: asIs, begin: "audit\n", before: "[", between: ",", after: "]"},
	"pretty behind a banner":     {record: indented("    ", "  "), begin: "# audit\n", before: "    ", after: "\n", group: 1},
	"banner lines in between":    {record: asIs, before: "-- page --\n", after: "\n", group: 2, between: "\n"},
	"answer on one line":         {record: asIs, before: `{"total":9,"list":[`, between: ",", after: "]}\n"},
	"answer a line":              {record: asIs, before: `{"total":9,"list":[`, between: ",", after: "]}\n", group: 2},
	"answer, pretty":             {record: indented("    ", "  "), before: "{\n  \"total\": 9,\n  \"list\": [\n    ", between: ",\n    ", after: "\n  ]\n}\n"},
	"lines of different indents": {record: asIs, before: "\t", between: "\n        ", after: "\n", group: 3},
}

// damages are what is done to a record at one of its bytes. Each returns the damaged
// text and how many bytes it grew.
var damages = map[string]func(text string, record [2]int, at int) (string, bool){
	"cut": func(text string, r [2]int, at int) (string, bool) { // the rest of the record was never written
		return text[:at] + text[r[1]:], at > r[0]
	},
	"lost": func(text string, r [2]int, at int) (string, bool) { return text[:at] + text[at+1:], true },
	"doubled": func(text string, r [2]int, at int) (string, bool) {
		return text[:at] + text[at:at+1] + text[at:], true
	},
	"replaced": nil,
}

var replacements = "x\"\\{}[]:,\n\r\x00\x1e 0\xff"

// parts cuts text as the pipeline sees it: records that are JSON, and faults.
func parts(t fataler, text []byte, final bool) (records []string, faults []event.Raw) {
	t.Helper()
	var f framer
	f.reset(text, layoutOf(text[:min(len(text), window)]), true, final)
	for f.next() {
		raw := event.Raw{Bytes: text[f.start:f.end], Offset: int64(f.start)}
		if f.reason != "" {
			raw.Fault = &event.Fault{Reason: f.reason}
		}
		all := []event.Raw{raw}
		if raw.Fault == nil && !json.Valid(raw.Bytes) {
			all = Split(raw)
		}
		for _, part := range all {
			var b bytes.Buffer
			switch {
			case part.Fault != nil:
				faults = append(faults, part)
			case json.Compact(&b, part.Bytes) != nil:
				faults = append(faults, part)
			default:
				records = append(records, b.String())
			}
		}
	}
	return records, faults
}

// damaged calls check for damages of one record at every byte; for all of them or
// those that lose bytes.
func damaged(text string, record [2]int, all bool, check func(what, text string, broke bool)) {
	for name, damage := range damages {
		for at := record[0]; at < record[1]; at++ {
			if name != "replaced" {
				if bad, ok := damage(text, record, at); ok {
					check(fmt.Sprintf("%s at %d", name, at-record[0]), bad, false)
				}
				continue
			}
			for _, c := range []byte(replacements) {
				if !all {
					break
				}
				check(fmt.Sprintf("%q at %d", c, at-record[0]), text[:at]+string([]byte{c})+text[at+1:], c == '{' || isSeparator(c))
			}
		}
	}
}

// othersCame reports whether all records but the damaged one are among what came, in
// their order.
func othersCame(came, records []string, bad int) bool {
	others := slices.Concat(records[:bad], records[bad+1:])
	kept := slices.DeleteFunc(slices.Clone(came), func(r string) bool { return !slices.Contains(others, r) })
	return slices.Equal(kept, others)
}

// Whatever happens to one byte of a record, and wherever it is cut, all others arrive,
// in every layout. No part of a record becomes one, unless a line break or a separator got into it.
func TestADamagedRecordHarmsNoOther(t *testing.T) {
	for name, l := range jsonLayouts {
		for kind, make := range map[string]func(int) string{"gateway": auditRecord, "list last": longRecord} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				records := []string{make(0), make(1), make(2), make(3)}
				text, at := l.lay(records)
				if got, _ := parts(t, []byte(text), true); !slices.Equal(got, records) {
					t.Fatalf("undamaged: %q", got)
				}
				for _, bad := range []int{1, 0, 3} {
					damaged(text, at[bad], bad == 1, func(what, text string, broke bool) {
						if got, faults := parts(t, []byte(text), true); (!othersCame(got, records, bad) || len(got) > len(records) && !broke) && !t.Failed() {
							t.Errorf("record %d, %s: of\n%s\ncame %q", bad, what, text, got)
							for _, f := range faults {
								t.Logf("fault at %d: %s", f.Offset, f.Bytes)
							}
						}
					})
				}
			})
		}
	}
}

// drawRecord draws a record with these keys and any values. All records of one writer
// have the same: behind a record that is cut, an object with other keys could as well be
// a value of it.
func drawRecord(t *rapid.T, n int, keys []string) string {
	value := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, 1.5e-7, "", "}{", "a \"b\" \\ [,]", map[string]any{}, []any{}}),
		rapid.Map(rapid.SliceOfN(rapid.MapOfN(rapid.StringMatching(`[a-d]{1,2}`), rapid.Int(), 0, 3), 0, 3), func(l []map[string]int) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-d]{1,2}`), rapid.String(), 0, 3), func(m map[string]string) any { return m }),
	)
	drawn := map[string]any{}
	for _, key := range keys {
		drawn[key] = value.Draw(t, key)
	}
	members, err := json.Marshal(drawn)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"id":"r%d","event_time":%d,"event_type":"x",%s`, n, n, members[1:])
}

// The same for records of any shape, read from a file by the source, in stretches of any
// size, by a run that may be interrupted.
func TestAnyDamagedRecordHarmsNoOther(t *testing.T) {
	names := slices.Sorted(maps.Keys(jsonLayouts))
	kinds := slices.Sorted(maps.Keys(damages))
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		l := jsonLayouts[rapid.SampledFrom(names).Draw(rt, "layout")]
		var records []string
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[e-z]{1,3}`), 1, 4, rapid.ID[string]).Draw(rt, "keys")
		for n := range rapid.IntRange(2, 12).Draw(rt, "records") {
			records = append(records, drawRecord(rt, n, keys))
		}
		text, at := l.lay(records)
		bad := rapid.IntRange(0, len(records)-1).Draw(rt, "bad")
		where := rapid.IntRange(at[bad][0], at[bad][1]-1).Draw(rt, "byte")
		if damage := damages[rapid.SampledFrom(kinds).Draw(rt, "damage")]; damage != nil {
			text, _ = damage(text, at[bad], where)
		} else {
			text = text[:where] + string(rapid.SampledFrom([]byte(replacements)).Draw(rt, "replacement")) + text[where+1:]
		}
		sub, err := os.MkdirTemp(dir, "damaged")
		if err != nil {
			rt.Fatal(err)
		}
		d := newDesk(rt, sub, "*")
		d.config.BatchBytes = rapid.IntRange(64, 3000).Draw(rt, "batch")
		d.writeRaw("file", text)
		d.stopAfter(rapid.IntRange(0, 5).Draw(rt, "stop after"))
		d.once()
		var came []string
		for _, r := range d.records {
			for _, part := range Split(event.Raw{Bytes: []byte(r)}) {
				var b bytes.Buffer
				if part.Fault == nil && json.Compact(&b, part.Bytes) == nil {
					came = append(came, b.String())
				}
			}
		}
		if !othersCame(came, records, bad) {
			rt.Fatalf("record %d of\n%s\ncame %q", bad, text, came)
		}
	})
}

// A record that is cut takes none of many neighbours with it, wherever it is
// cut: also where all that follows it could be taken for its own.
func TestACutRecordTakesNoneOfItsNeighbours(t *testing.T) {
	const n = 1000
	for name, l := range jsonLayouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var records []string
			for i := range n {
				records = append(records, longRecord(i))
			}
			text, at := l.lay(records)
			list := at[100][0] + strings.Index(text[at[100][0]:], "[") + 1
			for _, where := range []int{at[100][0] + 20, list, at[100][1] - 1} {
				d := newDesk(t, t.TempDir(), "*")
				d.config.MaxRecord = 64 << 10
				d.writeRaw("file", text[:where]+text[at[100][1]:])
				d.once()
				came, faults := 0, 0
				for _, r := range d.records {
					for _, part := range Split(event.Raw{Bytes: []byte(r)}) {
						if part.Fault == nil && json.Valid(part.Bytes) {
							came++
						} else {
							faults++
						}
					}
				}
				if banners := strings.Count(text, "--") / 2; came < n-1 || faults-banners > 3 {
					t.Errorf("cut at byte %d of it: %d of %d came, %d faults", where-at[100][0], came, n, faults)
				}
			}
		})
	}
}

// The same for the rows of CSV files, with any line end, and cells with quotes, separators
// and line breaks in them.
func TestADamagedRowHarmsNoOther(t *testing.T) {
	const rows = 5
	for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n", "CR": "\r"} {
		for kind, row := range map[string]func(i int) string{
			"plain":  func(i int) string { return fmt.Sprintf("r%d,%d,AddRoute,n%d", i, 1772366400+i, i) },
			"quoted": func(i int) string { return fmt.Sprintf(`"r%d","%d","Add, ""x""","n%d"`, i, 1772366400+i, i) },
			"lines":  func(i int) string { return fmt.Sprintf("r%d,%d,\"a%sb\",n%d", i, 1772366400+i, end, i) },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				text := "id,event_time,event_type,resource_name" + end
				var at [rows][2]int
				for i := range rows {
					at[i][0] = len(text)
					text += row(i)
					at[i][1] = len(text)
					text += end
				}
				for _, bad := range []int{0, 2, rows - 1} {
					damaged(text, at[bad], bad == 2, func(what, text string, _ bool) {
						d := newDesk(t, t.TempDir(), "*")
						var got taken
						d.config.Reader, d.config.Paths = strings.NewReader(text), nil
						if err := New(d.config).Run(t.Context(), nil, got.take); err != nil {
							t.Fatal(err)
						}
						all := strings.Join(got.records, "\n")
						for i := range rows {
							if i != bad && strings.Count(all, fmt.Sprintf(`{"id":"r%d","event_time":"%d"`, i, 1772366400+i)) != 1 && !t.Failed() {
								t.Errorf("row %d, %s: row %d did not come of\n%s\ngot\n%s", bad, what, i, text, all)
							}
						}
					})
				}
			})
		}
	}
}
