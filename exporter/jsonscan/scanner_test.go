package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// tokens lists the tokens of text, one a line, for comparison with a golden.
func tokens(text string) (string, error) {
	var s Scanner
	var out []string
	s.Reset([]byte(text))
	for {
		switch k := s.Next(); k {
		case EOF:
			return strings.Join(out, " "), nil
		case Invalid:
			return strings.Join(out, " "), s.Err()
		case Key:
			out = append(out, string(s.Bytes())+":")
		default:
			out = append(out, string(s.Bytes()))
		}
	}
}

func TestTokens(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"scalar":          {` 1.5e+3 `, `1.5e+3`},
		"empty object":    {`{}`, `{ }`},
		"empty array":     {` [ ] `, `[ ]`},
		"nested":          {`{"a":[1,{"b":null}],"c":"x"}`, `{ "a": [ 1 { "b": null } ] "c": "x" }`},
		"escapes":         {`{"a\"b":"\\\u00e9"}`, `{ "a\"b": "\\\u00e9" }`},
		"long string":     {`"0123456789abcdef0123456789\"z"`, `"0123456789abcdef0123456789\"z"`},
		"raw utf-8":       {`"é№"`, `"é№"`},
		"duplicate keys":  {`{"a":1,"a":2}`, `{ "a": 1 "a": 2 }`},
		"negative number": {`[-0,-12.0E1]`, `[ -0 -12.0E1 ]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tokens(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSyntaxErrorsSayWhere(t *testing.T) {
	for name, tt := range map[string]struct {
		in     string
		offset int
	}{
		"empty":             {``, 0},
		"cut object":        {`{"a":1`, 6},
		"cut string":        {`{"a":"x`, 7},
		"two values":        {`{} {}`, 3},
		"missing colon":     {`{"a" 1}`, 5},
		"missing comma":     {`[1 2]`, 3},
		"trailing comma":    {`{"a":1,}`, 7},
		"wrong bracket":     {`[1}`, 2},
		"leading zero":      {`01`, 1},
		"bare minus":        {`-`, 1},
		"no exponent":       {`1e`, 2},
		"bad escape":        {`"\x"`, 1},
		"short unicode":     {`"\u12"`, 1},
		"cut in \\u":        {`{"a":"\u21`, 10},
		"cut after \\":      {`{"a":"\`, 7},
		"cut word":          {`{"a":tr`, 7},
		"cut number":        {`{"a":-`, 6},
		"cut exponent":      {`{"a":1e`, 7},
		"newline in string": {"\"a\nb\"", 2},
		"word":              {`nuk`, 0},
		"too deep":          {strings.Repeat("[", MaxDepth+1), MaxDepth},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokens(tt.in)
			var se *SyntaxError
			if !errors.As(err, &se) {
				t.Fatalf("got %v, want a syntax error", err)
			}
			if se.Offset != tt.offset {
				t.Errorf("offset %d (%s), want %d", se.Offset, se.Problem, tt.offset)
			}
		})
	}
}

func TestSkipLeavesTheCursorAfterTheValue(t *testing.T) {
	for _, skip := range []func(*Scanner, Kind) bool{(*Scanner).Skip, (*Scanner).SkipKnown} {
		for _, value := range []string{`{"b":[1,2]}`, `[]`, `["]}\\\"]", {"\\":"}"}]`, `7`, `"x"`} {
			var s Scanner
			s.Reset([]byte(`{"a":` + value + `,"c":3}`))
			s.Next() // {
			s.Next() // "a":
			if !skip(&s, s.Next()) {
				t.Fatal(s.Err())
			}
			if s.Next() != Key || string(s.Bytes()) != `"c"` || s.Next() != Number || s.Next() != EndObject || s.Next() != EOF {
				t.Errorf("after %s stands %s", value, s.Bytes())
			}
		}
	}
}

func TestSkipKnownStaysInsideABrokenText(t *testing.T) {
	for _, text := range []string{`{`, `{"`, `{"a`, `{"a\`, `{"a\"`, `[[]`, `["\u12`} {
		var s Scanner
		s.Reset([]byte(text))
		if s.SkipKnown(s.Next()) || s.Err() == nil || s.Next() != Invalid {
			t.Errorf("%s has an end", text)
		}
	}
}

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2,{"b":"\u00e9"}]}`, `"\ud83d\ude00"`, `[1e5,-0.1]`, "{\"a\":\"\xff\"}", `{"a":1}x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := tokens(string(data))
		if valid := json.Valid(data); valid != (err == nil) && !bytes.Contains(data, []byte(strings.Repeat("[", 1000))) {
			t.Fatalf("json.Valid says %v, the scanner %v", valid, err)
		}
		var checked, known Scanner
		checked.Reset(data)
		known.Reset(data)
		ok := checked.Skip(checked.Next())
		if fast := known.SkipKnown(known.Next()); ok && (!fast || checked.End() != known.End() || checked.Next() != known.Next()) {
			t.Fatalf("the value ends at %d, as a known one %v at %d", checked.End(), fast, known.End())
		}
	})
}

func FuzzQuoteRoundTrip(f *testing.F) {
	f.Add([]byte("plain"), []byte(`"\ud83d\ude00\n"`))
	f.Add([]byte("quote\" \\ \x00 \xff é"), []byte(`"\ud83d"`))
	f.Fuzz(func(t *testing.T, text, quoted []byte) {
		q := AppendQuoted(nil, text)
		var std string
		if err := json.Unmarshal(q, &std); err != nil {
			t.Fatalf("not a JSON string: %v", err)
		}
		if utf8.Valid(text) && std != string(text) {
			t.Fatalf("%q became %q", text, std)
		}
		if got := AppendUnquoted(nil, q); string(got) != std {
			t.Fatalf("unquoted %q, want %q", got, std)
		}
		if json.Unmarshal(quoted, &std) == nil && utf8.Valid(quoted) {
			if got := AppendUnquoted(nil, bytes.TrimSpace(quoted)); len(quoted) > 0 && bytes.TrimSpace(quoted)[0] == '"' && string(got) != std {
				t.Fatalf("unquoted %q, want %q", got, std)
			}
		}
	})
}

func BenchmarkScanRecord(b *testing.B) {
	rec := []byte(`{"id":"5eed0000-0001-4000-8000-000000000000","event_time":1763607845000,"operator":{"id":"u-1","username":"Ops 1","email":"ops1@example.com"},"event_type":"Add Service","http_request":{"method":"POST","uri":"/apisix/admin/services?gateway_group_id=default","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0","headers":{"X-API-KEY":"a7ee-0123456789abcdef0123456789abcdef"},"body":{"name":"httpbin","upstream":{"nodes":[{"host":"10.0.1.2","port":80,"weight":1}]}}},"http_response":{"status_code":200}}`)
	var s Scanner
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(rec)
		for s.Next() > EOF {
			continue
		}
	}
}

// FuzzMembers: an object has the members that encoding/json finds in it.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{}],"c":"\"}"}`))
	f.Add([]byte(`{"a":{"b":{"c":null}}}x`))
	f.Add([]byte(`{"a":1,"a":{}, "\u0061" : [ ]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var want map[string]json.RawMessage
		valid := utf8.Valid(text) && json.Unmarshal(text, &want) == nil && want != nil
		var s Scanner
		s.Reset(text)
		got := map[string]json.RawMessage{}
		ok := s.Next() == BeginObject && s.Members(func(key []byte, first Kind) bool {
			value, ok := s.Value(first)
			got[string(AppendUnquoted(nil, key))] = value
			return ok
		}) && s.Next() == EOF
		if !utf8.Valid(text) {
			return
		}
		if ok != valid {
			t.Fatalf("read: %v, valid: %v: %q", ok, valid, text)
		}
		if !ok {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%d members, not %d: %q", len(got), len(want), text)
		}
		for k, v := range want {
			if !bytes.Equal(got[k], v) {
				t.Errorf("%q is %s, want %s in %s", k, got[k], v, text)
			}
		}
	})
}
