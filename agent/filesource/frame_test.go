package filesource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
)

// frames cuts text as one stretch and lists what was found.
func frames(text string, final bool) (found []string, rest string) {
	var f framer
	data := []byte(text)
	f.reset(data, layoutOf(data), true, final)
	for f.next() {
		raw := event.Raw{Bytes: data[f.start:f.end]}
		if f.reason != "" {
			raw.Fault = &event.Fault{Reason: f.reason}
		}
		parts := []event.Raw{raw}
		if raw.Fault == nil && !json.Valid(raw.Bytes) {
			parts = Split(raw) // as the pipeline does with what is no JSON
		}
		for _, p := range parts {
			s := string(p.Bytes)
			if p.Fault != nil {
				s = string(p.Fault.Reason) + ": " + s
			}
			found = append(found, s)
		}
	}
	return found, text[f.pos:]
}

func TestFraming(t *testing.T) {
	for name, tt := range map[string]struct {
		in    string
		final bool
		want  []string
		rest  string
	}{
		"lines":              {in: "{\"a\":1}\n{\"a\":2}\n", want: []string{`{"a":1}`, `{"a":2}`}},
		"CRLF":               {in: "{\"a\":1}\r\n{\"a\":2}\r\n", want: []string{`{"a":1}`, `{"a":2}`}},
		"byte order mark":    {in: "\xef\xbb\xbf{\"a\":1}\n", want: []string{`{"a":1}`}},
		"concatenated":       {in: `{"a":1}{"a":2} {"a":3}` + "\n", want: []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		"array":              {in: `[{"a":1},{"a":[{"b":2}]}]`, want: []string{`{"a":1}`, `{"a":[{"b":2}]}`}},
		"array, a line each": {in: "[\n{\"a\":1},\n{\"a\":2}\n]\n", want: []string{`{"a":1}`, `{"a":2}`}},
		"pretty":             {in: "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n  \"a\": 2\n}\n", want: []string{"{\n  \"a\": {\n    \"b\": 1\n  }\n}", "{\n  \"a\": 2\n}"}},
		"half a line":        {in: "{\"a\":1}\n{\"a\":", want: []string{`{"a":1}`}, rest: `{"a":`},
		"whole, no newline":  {in: "{\"a\":1}", want: []string{`{"a":1}`}},
		"half, for good":     {in: "{\"a\":1}\n{\"a\":", final: true, want: []string{`{"a":1}`, `cut_short: {"a":`}},
		"bad line":           {in: "{\"a\":1}\n{\"a\" 2}\n{\"a\":3}\n", want: []string{`{"a":1}`, `broken_json: {"a" 2}`, `{"a":3}`}},
		"cut line":           {in: "{\"a\":{\"b\":1\n{\"a\":2}\n", want: []string{`broken_json: {"a":{"b":1`, `{"a":2}`}},
		"cut after a colon":  {in: "{\"a\":\n{\"a\":2}\n{\"a\":3}\n", want: []string{`broken_json: {"a":`, `{"a":2}`, `{"a":3}`}},
		"cut in a string":    {in: "{\"a\":\"x\n{\"a\":2}\n", want: []string{`broken_json: {"a":"x`, `{"a":2}`}},
		"writer restarted":   {in: "{\"id\":\"1\",\"b{\"id\":\"2\"}\n{\"id\":\"3\"}\n", want: []string{`broken_json: {"id":"1","b`, `{"id":"2"}`, `{"id":"3"}`}},
		"bad one in array":   {in: `[{"id":1},{"id":x},{"id":3}]`, want: []string{`{"id":1}`, `broken_json: {"id":x},`, `{"id":3}`}},
		"broken pretty":      {in: "{\n  \"a\": oops,\n  \"b\": {\n  }\n}\n{\n  \"a\": 2\n}\n", want: []string{"broken_json: {\n  \"a\": oops,\n  \"b\": {\n  }\n}", "{\n  \"a\": 2\n}"}},
		"garbage":            {in: "hello\nworld\n{\"a\":1}\n", want: []string{"broken_json: hello\nworld", `{"a":1}`}},
		"scalars":            {in: "1\n\"x\"\n{\"a\":1}\n", want: []string{"broken_json: 1\n\"x\"", `{"a":1}`}},
		"NULs before":        {in: "\x00\x00\x00{\"a\":1}\n", want: []string{`{"a":1}`}},
		"only space":         {in: " \n\n", want: nil},
		"half garbage":       {in: "hel", rest: "hel"},
		"prefix on a line":   {in: "noise {\"a\":1}\n{\"a\":2}\n", want: []string{"broken_json: noise", `{"a":1}`, `{"a":2}`}},
		"cut behind [":       {in: "[\n{\"a\":1,\"l\":[\n{\"a\":2},\n{\"a\":3},\n", want: []string{`broken_json: {"a":1,"l":[`, `{"a":2}`, `{"a":3}`}},
		"object with others": {in: "{\"a\":1,\"l\":[{\"a\":2},{\"a\":3}]}\n", want: []string{`{"a":1,"l":[{"a":2},{"a":3}]}`}},
		"of many lines":      {in: "{\"a\":1,\"l\":[\n  {\"a\":2},\n  {\"a\":3}\n]}\n", want: []string{"{\"a\":1,\"l\":[\n  {\"a\":2},\n  {\"a\":3}\n]}"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, rest := frames(tt.in, tt.final)
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if strings.TrimSpace(rest) != tt.rest {
				t.Errorf("rest %q, want %q", rest, tt.rest)
			}
		})
	}
}

// However a file is laid out and wherever its stretches are cut, the same records
// come out.
func TestFramingDoesNotDependOnTheCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout := rapid.SampledFrom([]string{"lines", "pretty", "array", "concatenated"}).Draw(t, "layout")
		values := rapid.SliceOfN(rapid.MapOfN(rapid.String(), rapid.String(), 0, 3), 1, 8).Draw(t, "values")
		var want []string
		for _, v := range values {
			text, err := json.Marshal(map[string]any{"id": v, "operator": map[string]any{"id": "<&>", "is": true, "n": -1.5e-7}, "z": nil})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(text))
		}
		text := lay(t, layout, want)
		got := cutEverywhere(t, text, layoutOf(text))
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("%s\ngot  %q\nwant %q", text, got, want)
		}
	})
}

func lay(t *rapid.T, layout string, records []string) []byte {
	switch layout {
	case "pretty":
		var b bytes.Buffer
		for _, r := range records {
			if err := json.Indent(&b, []byte(r), "", "  "); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
		}
		return b.Bytes()
	case "array":
		return []byte("[" + strings.Join(records, ",") + "]")
	case "concatenated":
		return []byte(strings.Join(records, ""))
	}
	return []byte(strings.Join(records, "\n") + "\n")
}

// cutEverywhere feeds text in random steps, as a file that grows.
func cutEverywhere(t *rapid.T, text []byte, l layout) (found []string) {
	var f framer
	from, size := 0, 0
	for size < len(text) {
		size = min(len(text), size+rapid.IntRange(1, 40).Draw(t, "step"))
		f.reset(text[from:size], l, from == 0 || text[from-1] == '\n', false)
		for f.next() {
			if f.reason != "" {
				t.Fatalf("%s at %d: %q", f.reason, from+f.start, f.data[f.start:f.end])
			}
			var b bytes.Buffer
			if err := json.Compact(&b, f.data[f.start:f.end]); err != nil {
				t.Fatal(err)
			}
			found = append(found, b.String())
			from += f.end
			f.reset(text[from:size], l, false, false)
		}
	}
	return found
}

func FuzzFraming(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"a\":"), false)
	f.Add([]byte("[{\"id\":1},{\"id\":x},{\"id\":3}]"), true)
	f.Add([]byte("{\n\"a\": oops,\n}\n{}\n"), true)
	f.Add([]byte("{\"total\":2,\"list\":[{\"id\":1,\"l\":[,{\"id\":2}]}\n"), true)
	f.Add([]byte("\x1e{\"id\":\n\x1e{\"id\":2}\n\xef\xbb\xbf{\"id\":3,\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		var f framer
		f.reset(data, layoutOf(data), true, final)
		last := 0
		for f.next() {
			if f.start < last || f.end <= f.start || f.pos < f.end {
				t.Fatalf("found %d..%d after %d, continues at %d", f.start, f.end, last, f.pos)
			}
			last = f.end
		}
		if final && f.pos != len(data) {
			t.Fatalf("%d of %d bytes were left in a file that is finished", len(data)-f.pos, len(data))
		}
	})
}
