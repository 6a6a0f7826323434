package report

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// The members found are those that encoding/json finds, and text that is no
// JSON does no harm.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : [1,{"b":"]}"}] , "c" : "\"}" } `, `{"\u0061\"":null,"":true}`, "{\"a\":\t-1.5e3\n}",
		`{"a`, `{"a":`, `{"a":"\`, `{"a":{`, `{"a":}`, `[1]`, `"{"`, `{"a":1}}`, `{,}`, `{"a" 1}`, `{"a":1 2}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := object{text: text}
		o.find("a.b.c")
		if !json.Valid(text) || !utf8.Valid(text) || bytes.TrimSpace(text)[0] != '{' {
			return
		}
		d := json.NewDecoder(bytes.NewReader(text))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for i := 0; d.More(); i++ {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if i >= len(o.members) {
				t.Fatalf("%s has more members than the %d found", text, i)
			}
			if m := o.members[i]; string(m.key) != key || !bytes.Equal(m.value, value) {
				t.Fatalf("member %d of %s is %q: %s, want %q: %s", i, text, m.key, m.value, key, value)
			}
		}
	})
}
