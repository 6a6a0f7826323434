package mask

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/mask/spec"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// seeds are records and texts that take every way through the masker.
func seeds(t testing.TB) []string {
	out := readLines(t, "kept.ndjson")
	out = append(out, readLines(t, "resource_fields.ndjson")...)
	return append(out,
		`{"http_request":{"body":"{\"password\":\"x\"}"}}`,
		`[{"value":"x","name":"password"},["password","x"],"password=x&y=%7B%22a%22%3A1%7D"]`,
		`{"a":"cGFzc3dvcmQ9aHVudGVyMiBhbmQgbW9yZQ==","b":"Bearer abc123def456","c":4111111111111111}`,
		`{"p\u0061ssword":"x","a7ee-0123456789abcdef":1,"password":"y"}`,
		`{"error_message":"invalid token \"abc\": property \"key\" is 'x'"}`,
		`password: x`, `{"password":"x`, `[[[[{"secret":[1,`, "\x00\xff", `"`, ``,
	)
}

func FuzzMask(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	rules := Builtin()
	f.Fuzz(func(t *testing.T, record []byte) {
		m := rules.NewMasker()
		input := bytes.Clone(record)
		res := m.Mask(record)
		out := bytes.Clone(res.Bytes)
		if !bytes.Equal(input, record) {
			t.Fatal("the input was changed")
		}
		if m.tally.hits[rules.errorRule] != 0 {
			t.Fatal("masking failed inside")
		}
		if validJSON(record) {
			if res.Outcome != Kept {
				t.Fatalf("outcome %d", res.Outcome)
			}
			if problem := sameShape(record, out); problem != "" {
				t.Fatalf("%s\nin  %q\nout %q", problem, record, out)
			}
			if again := m.Mask(out); !bytes.Equal(again.Bytes, out) {
				t.Fatalf("not the same twice\nin    %q\nout   %q\nagain %q", record, out, again.Bytes)
			}
		} else if res.Outcome != Broken {
			t.Fatalf("outcome %d", res.Outcome)
		}
	})
}

// sameShape says how two JSON texts differ beyond values and keys that were
// replaced by markers, or "".
func sameShape(in, out []byte) string {
	var a, b jsonscan.Scanner
	a.Reset(in)
	b.Reset(out)
	for {
		x, y := a.Next(), b.Next()
		marked := y == jsonscan.Key || y == jsonscan.String
		marked = marked && bytes.Contains(b.Bytes(), []byte("[REDACTED:"))
		switch {
		case y == jsonscan.Invalid:
			return "the output is no JSON: " + b.Err().Error()
		case x == jsonscan.EOF && y == jsonscan.EOF:
			return ""
		case marked && (x == y || x == jsonscan.Number):
		case marked && (x == jsonscan.BeginObject || x == jsonscan.BeginArray) && string(b.Bytes()) == `"[REDACTED:limit]"`:
			a.Skip(x)
		case x != y:
			return fmt.Sprintf("token %d became %d at %d", x, y, b.Start())
		case !bytes.Equal(a.Bytes(), b.Bytes()) && !embeds(b.Bytes()):
			return fmt.Sprintf("the token at %d changed without a marker", b.Start())
		}
	}
}

// embeds says whether a string holds a marker in an escaped form.
func embeds(token []byte) bool { return bytes.Contains(token, []byte("REDACTED:")) }

func FuzzPlantedSecrets(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	rules := Builtin()
	const secret = "cAnArY-7f3a91"
	f.Fuzz(func(t *testing.T, noise []byte) {
		m := rules.NewMasker()
		text := string(jsonscan.AppendQuoted(nil, noise))
		value := text
		if validJSON(noise) {
			value = string(noise)
		}
		behind := func(text string) string {
			return string(jsonscan.AppendQuoted(nil, append(bytes.Clone(noise), text...)))
		}
		for place, record := range map[string]string{
			"a member before":  `{"password":"` + secret + `","x":` + value + `}`,
			"a member behind":  `{"x":` + value + `,"password":"` + secret + `"}`,
			"members twice":    `{"password":"` + secret + `","x":` + value + `,"password":"` + secret + `"}`,
			"a deep member":    `{"x":[` + value + `,{` + text + `:{"secret":[1,"` + secret + `",` + value + `]}}]}`,
			"beside a name":    `{"x":` + value + `,"value":"` + secret + `","name":"password"}`,
			"in a text":        `{"x":` + behind("\npassword="+secret) + `}`,
			"in an element":    `{"x":` + behind("\n<password>"+secret+"</password>") + `}`,
			"in a form":        `{"x":` + behind("\nname=password&value="+secret) + `}`,
			"in YAML":          `{"x":` + behind("\npassword: |\n  "+secret) + `}`,
			"in a message":     `{"error_message":` + behind("\nfield [password] is ["+secret+"]") + `}`,
			"in a broken line": `{"x":` + value + `,"password":"` + secret,
			"in no JSON":       strings.ToValidUTF8(string(noise), "?") + "\npassword=" + secret,
			"a key":            `{"x":` + value + `,"a7ee-` + secret + `0000000000":1}`,
		} {
			res := m.Mask([]byte(record))
			if bytes.Contains(res.Bytes, []byte(secret)) {
				t.Fatalf("%s: the secret survived\nin  %q\nout %q", place, record, res.Bytes)
			}
		}
		if m.tally.hits[rules.errorRule] != 0 {
			t.Fatal("masking failed inside")
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(string(pack))
	f.Add("masking:\n  rules:\n  - {id: a, select: {path: \"a.*[0].**\"}, action: {partial: {first: 1}}}\ntests:\n- {in: {a: 1}, out: {a: 1}}\n")
	f.Add("masking: {keys: {k: {env: K}}, allow: [{path: a, reason: b}], limits: {max_depth: 3}}")
	f.Fuzz(func(t *testing.T, text string) {
		file, errs := spec.Parse("f.yml", []byte(text), false)
		for _, e := range errs {
			if e.Line < 1 || e.Column < 1 || e.Problem == "" {
				t.Fatalf("an error without a place: %v", e)
			}
		}
		if len(errs) > 0 {
			return
		}
		c := newCompiler(Options{LookupEnv: func(string) (string, bool) { return strings.Repeat("ab", 32), true }, ReadFile: noFiles})
		if rules := c.compile([]spec.File{file}); len(c.errs) == 0 {
			rules.NewMasker().Mask([]byte(`{"a":{"b":["password",1]}}`))
		}
	})
}
