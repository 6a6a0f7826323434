package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Secrets in all kinds of places, named in all kinds of ways: none survives.
func TestCanaries(t *testing.T) {
	m := Builtin().NewMasker()
	lines := append(readLines(t, "canaries.ndjson"), readLines(t, "classes.ndjson")...)
	if len(lines) < 60 {
		t.Fatalf("%d canaries only", len(lines))
	}
	for _, line := range lines {
		var c []string
		if err := json.Unmarshal([]byte(line), &c); err != nil || len(c) < 3 {
			t.Fatalf("testdata/canaries.ndjson: %v in %s", err, line)
		}
		t.Run(c[0], func(t *testing.T) {
			hits, res := m.Explain([]byte(c[1]))
			checkGone(t, "the record", string(res.Bytes), c[2:])
			for _, h := range hits {
				checkGone(t, "the explanation", h.Path, c[2:])
			}
			checkGone(t, "the record as a text", string(m.MaskText([]byte("rejected: "+c[1]))), c[2:])
		})
	}
}

func checkGone(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			t.Errorf("%q survived in %s: %.600s", s, what, text)
		}
	}
}

func TestNothingIsCopiedWhereNothingIsFound(t *testing.T) {
	m := Builtin().NewMasker()
	for _, line := range readLines(t, "kept.ndjson") {
		record := []byte(line)
		res := m.Mask(record)
		if len(res.Bytes) != len(record) || &res.Bytes[0] != &record[0] {
			t.Errorf("%s was copied", line)
		}
		if n := testing.AllocsPerRun(20, func() { m.Mask(record) }); n > 8 {
			t.Errorf("%v allocations for %s", n, line)
		}
	}
}

// What no rule touches keeps its bytes, whatever they are.
func TestBytesStay(t *testing.T) {
	m := Builtin().NewMasker()
	for name, tt := range map[string]struct{ in, want string }{
		"numbers":       {`{"a":9007199254740993,"b":1e400,"c":-0.10,"password":"x"}`, `{"a":9007199254740993,"b":1e400,"c":-0.10,"password":"[REDACTED:names]"}`},
		"blanks":        {"{ \"a\" :\t1 ,\r\n \"password\" : \"x\" }", "{ \"a\" :\t1 ,\r\n \"password\" : \"[REDACTED:names]\" }"},
		"order":         {`{"z":1,"password":"x","a":2}`, `{"z":1,"password":"[REDACTED:names]","a":2}`},
		"duplicates":    {`{"a":1,"password":"x","a":2,"password":"y"}`, `{"a":1,"password":"[REDACTED:names]","a":2,"password":"[REDACTED:names]"}`},
		"escapes":       {`{"a":"\u00e9\/\ud800","password":"x"}`, `{"a":"\u00e9\/\ud800","password":"[REDACTED:names]"}`},
		"invalid UTF-8": {"{\"a\":\"\xff\xfe\",\"password\":\"\xff\"}", "{\"a\":\"\xff\xfe\",\"password\":\"[REDACTED:names]\"}"},
		"a scalar":      {`"password=x"`, `"password=[REDACTED:names]"`},
		"an array":      {`[{"password":"x"},{"a":1}]`, `[{"password":"[REDACTED:names]"},{"a":1}]`},
	} {
		t.Run(name, func(t *testing.T) {
			res := m.Mask([]byte(tt.in))
			if string(res.Bytes) != tt.want || res.Outcome != Kept {
				t.Errorf("outcome %d\ngot  %s\nwant %s", res.Outcome, res.Bytes, tt.want)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	const rules = `
masking:
  limits: {max_depth: 4, max_string: 100B, max_decode_depth: 1}
  rules:
    - {id: gone, select: {path: "**.heartbeat"}, action: drop_event}
    - {id: noise, select: {match: 'noise-[0-9]'}, action: drop_event}
`
	closed := loadText(t, rules).NewMasker()
	refusing := loadText(t, strings.Replace(rules, "masking:", "masking:\n  on_error: dead_letter", 1)).NewMasker()
	stopping := loadText(t, strings.Replace(rules, "masking:", "masking:\n  on_error: stop", 1)).NewMasker()
	for name, tt := range map[string]struct {
		in, want string
		outcome  Outcome
	}{
		"kept":                 {`{"a":1}`, `{"a":1}`, Kept},
		"dropped":              {`{"a":{"heartbeat":1}}`, ``, Dropped},
		"dropped by a text":    {`{"a":"x noise-1"}`, ``, Dropped},
		"dropped in a layer":   {`{"a":"{\"heartbeat\":1}"}`, ``, Dropped},
		"too deep":             {`{"a":{"b":{"c":{"d":1}}}}`, `{"a":{"b":{"c":{"d":1}}}}`, Kept},
		"one too deep":         {`{"a":{"b":{"c":{"d":{"e":1}}}}}`, `{"a":{"b":{"c":{"d":"[REDACTED:limit]"}}}}`, Refused},
		"too long":             {`{"a":"` + strings.Repeat("x=1&", 40) + `"}`, `{"a":"[REDACTED:limit]"}`, Refused},
		"long, but harmless":   {`{"a":"` + strings.Repeat("x ", 80) + `"}`, `{"a":"` + strings.Repeat("x ", 80) + `"}`, Kept},
		"too many layers":      {`{"a":"{\"b\":\"{\\\"c\\\":1}\"}"}`, `{"a":"{\"b\":\"[REDACTED:limit]\"}"}`, Refused},
		"broken":               {`{"a":1`, `{"a":1`, Broken},
		"broken and secret":    {`{"password":"x`, `{"password": "[REDACTED:names]"`, Broken},
		"broken before a name": {`{"headers":[{"value":"x","na`, `{"headers":[{"value":"[REDACTED:limit]","na`, Broken},
		"broken in a value":    {`{"headers":[{"value":"xyz`, `{"headers":[{"value": "[REDACTED:limit]"`, Broken},
		"broken behind a name": {`{"headers":[{"name":"Accept","value":"xyz`, `{"headers":[{"name":"Accept","value":"xyz`, Broken},
		"broken behind a body": {`{"http_request":{"body":{"key":"x"},"uri":"/ap`, `{"http_request":{"body":{"key":"[REDACTED:limit]"},"uri":"/ap`, Broken},
		"broken in a body":     {`{"http_request":{"body":{"key":"x","a":["b","c`, `{"http_request":{"body":"[REDACTED:limit]": "[REDACTED:limit]"`, Broken},
		"no JSON":              {`password: x`, `password: [REDACTED:names]`, Broken},
		"nothing":              {``, ``, Broken},
		"identity is a limit":  {`{"id":"` + strings.Repeat("x=1&", 40) + `"}`, `{"id":"` + strings.Repeat("x=1&", 40) + `"}`, Kept},
	} {
		t.Run(name, func(t *testing.T) {
			res := refusing.Mask([]byte(tt.in))
			if res.Outcome != tt.outcome || string(res.Bytes) != tt.want {
				t.Errorf("got  %d %s\nwant %d %s", res.Outcome, res.Bytes, tt.outcome, tt.want)
			}
			if tt.outcome == Refused {
				if got := stopping.Mask([]byte(tt.in)).Outcome; got != Stopped {
					t.Errorf("on_error: stop gives %d", got)
				}
				tt.outcome = Kept
			}
			res = closed.Mask([]byte(tt.in))
			if res.Outcome != tt.outcome || string(res.Bytes) != tt.want {
				t.Errorf("without on_error: got %d %s\nwant %d %s", res.Outcome, res.Bytes, tt.outcome, tt.want)
			}
		})
	}
}

// A detector that fails takes the value with it, and nothing else.
func TestPanicsFailClosed(t *testing.T) {
	rules := loadText(t, "masking: {on_error: dead_letter}")
	rules.addMatcher(0, regexp.MustCompile("boom"), "boom")
	rules.matchers[0].re = nil // fails where it is used
	m := rules.NewMasker()
	res := m.Mask([]byte(`{"id":"1","x":{"y":"go boom now","z":"fine"},"password":"x"}`))
	const want = `{"id":"1","x":{"y":"[REDACTED:error]","z":"fine"},"password":"[REDACTED:names]"}`
	if string(res.Bytes) != want || res.Outcome != Refused {
		t.Errorf("got  %d %s\nwant %d %s", res.Outcome, res.Bytes, Refused, want)
	}
	if got := string(m.MaskText([]byte("go boom now"))); got != "[REDACTED:error]" {
		t.Errorf("as a text: %s", got)
	}

	m = rules.NewMasker()
	m.keys.look = func(string, bool) *keyInfo { panic("whatever goes wrong outside a value") }
	res = m.Mask([]byte(`{"zzz":{"yyy":"x"}}`))
	if string(res.Bytes) != `"[REDACTED:error]"` || res.Outcome != Refused || res.Hits != 1 {
		t.Errorf("a failure outside a value: %d %s", res.Outcome, res.Bytes)
	}
}

func TestHitsAreCounted(t *testing.T) {
	rules := Builtin()
	m := rules.NewMasker()
	in := []byte(`{"password":"a","x":["Bearer abc123def456",{"value":"v","name":"secret"}],"y":"{\"token\":\"t\"}"}`)
	for range 3 {
		if res := m.Mask(in); res.Hits != 4 {
			t.Fatalf("%d hits in %s", res.Hits, res.Bytes)
		}
	}
	got := map[string]uint64{}
	for i, n := range m.Hits() {
		if n > 0 {
			got[rules.Names()[i]] = n
		}
	}
	if len(got) != 2 || got["names"] != 9 || got["auth-scheme"] != 3 {
		t.Errorf("hits %v", got)
	}
}

func TestExplain(t *testing.T) {
	in := `{"password":"a","http_request":{"headers":[["Authorization","b"]],"body":"{\"plugins\":[{\"config\":{\"key\":\"c\"},\"name\":\"key-auth\"}]}"},"list":[0,"Bearer abc123def456"],"a7ee-0123456789abcdef":{"token":1}}`
	hits, res := Builtin().NewMasker().Explain([]byte(in))
	want := []Hit{
		{"names", "password", "redact"},
		{"credentials", "http_request.headers[0][1]", "redact"},
		{"plugins", "http_request.body.plugins[0].config.key", "redact"},
		{"auth-scheme", "list[1]", "redact"},
		{"gateway-token", "[REDACTED]", "redact"},
		{"names", "[REDACTED].token", "redact"},
	}
	if len(hits) != len(want) {
		t.Fatalf("got %v for %s", hits, res.Bytes)
	}
	for i := range want {
		if hits[i] != want[i] {
			t.Errorf("hit %d is %v, want %v", i, hits[i], want[i])
		}
	}
}

// differentWords makes a text of words that do not come twice.
func differentWords(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "word%dx ", i)
	}
	return b.String()
}

// Very deep and very long records take their time, but not more than that.
func TestMonsters(t *testing.T) {
	m := Builtin().NewMasker()
	began := time.Now()
	m.Mask([]byte(`{"error_message":"` + differentWords(100_000) + `"}`))
	yardstick := time.Since(began)
	deep := strings.Repeat(`{"value":[`, 4000) + `{"password":"cnry"}` + strings.Repeat(`],"name":"x"}`, 4000)
	for name, in := range map[string]string{
		"deep with names behind": deep,
		"deep arrays":            strings.Repeat("[", 9999) + `"password=cnry"` + strings.Repeat("]", 9999),
		"many brackets":          `{"x":"` + strings.Repeat("[{", 100_000) + ` password=cnry"}`,
		"many quotes":            `{"x":"` + strings.Repeat("' ", 100_000) + ` password=cnry"}`,
		"many separators":        `{"x":"` + strings.Repeat("a=b:c=", 50_000) + ` password=cnry"}`,
		"many keys":              `{` + strings.Repeat(`"k":{},`, 50_000) + `"password":"cnry"}`,
		"a long value":           `{"x":"` + strings.Repeat("filler ", 200_000) + ` password=cnry"}`,
		"a long key":             `{"` + strings.Repeat("filler ", 50_000) + ` password":"cnry"}`,
		"a long number":          `{"password":1` + strings.Repeat("0", 100_000) + `7777e1}`,
		"many percent signs":     `{"x":"` + strings.Repeat("%25", 50_000) + `%26password=cnry"}`,
		"many sensitive pairs":   `{"x":"` + strings.Repeat("password=cnry&", 150_000) + `"}`,
		"many names and values":  `{"x":"` + strings.Repeat("name=a&value=b&", 130_000) + ` password=cnry"}`,
		"many addresses":         `{"x":"` + strings.Repeat("://", 700_000) + ` password=cnry"}`,
		"many open brackets":     `{"x":"` + strings.Repeat("[ ", 1_000_000) + ` password=cnry"}`,
		"many quotes that open":  `{"x":"` + strings.Repeat("« ", 500_000) + ` password=cnry"}`,
		"many tokens in a word":  `{"x":"x` + strings.Repeat("AKIA", 500_000) + ` password=cnry"}`,
		"many JWTs in a word":    `{"x":"x` + strings.Repeat("eyJ", 700_000) + ` password=cnry"}`,
		"many broken markers":    `{"x":"` + strings.Repeat("[REDACTED:", 200_000) + ` password=cnry"}`,
		"many elements":          `{"x":"` + strings.Repeat("<password>", 200_000) + ` password=cnry </x>"}`,
		"many tags without end":  `{"x":"` + strings.Repeat("<password", 200_000) + ` password=cnry"}`,
		"many different words":   `{"error_message":"` + differentWords(100_000) + ` password=cnry"}`,
		"many fields":            `{"x":"` + strings.Repeat("form-data; name=password", 90_000) + ` password=cnry \r\n\r\n"}`,
		"many fields with ends":  `{"x":"` + strings.Repeat("form-data; name=a\\r\\n\\r\\n", 80_000) + ` password=cnry"}`,
		"many entities":          `{"x":"` + strings.Repeat("&amp;", 400_000) + ` password=cnry"}`,
		"many escapes in quotes": `{"x":"` + strings.Repeat(`\"\\x`, 300_000) + ` password=cnry"}`,
		"many lines":             `{"x":"` + strings.Repeat(`a: b\n `, 300_000) + ` password=cnry"}`,
		"a value of many lines":  `{"x":"password:` + strings.Repeat(`\n cnry`, 300_000) + `"}`,
		"much base64":            `{"x":"` + strings.Repeat("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh", 10_000) + ` password=cnry"}`,
	} {
		t.Run(name, func(t *testing.T) {
			defer func(began time.Time) {
				if took := time.Since(began); took > 30*yardstick {
					t.Errorf("%d bytes took %v, a megabyte of different words %v", len(in), took, yardstick)
				}
			}(time.Now())
			if res := m.Mask([]byte(in)); bytes.Contains(res.Bytes, []byte("cnry")) || bytes.Contains(res.Bytes, []byte("7777e1")) {
				t.Error("the secret survived")
			}
		})
	}
}
