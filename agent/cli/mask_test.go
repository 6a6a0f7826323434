package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func runWith(stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := Main(args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

func TestMask(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(`{"id":"1","password":"c4nary"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	masked := `{"id":"1","password":"[REDACTED:names]"}` + "\n"
	for name, tt := range map[string]struct{ in, out string }{
		"a record a line":   {`{"id":"1","password":"c4nary"}` + "\n" + `{"id":"2"}` + "\n", masked + `{"id":"2"}` + "\n"},
		"over lines":        {"{\n  \"id\": \"1\",\n  \"password\": \"c4nary\"\n}", masked},
		"an array":          {`[{"id":"1","password":"c4nary"},{"id":"2"}]`, masked + `{"id":"2"}` + "\n"},
		"concatenated":      {`{"id":"1","password":"c4nary"}{"id":"2"}`, masked + `{"id":"2"}` + "\n"},
		"compressed":        {zipped.String(), masked},
		"CSV":               {"id,event_time,http_request.body\n1,7,\"{\"\"password\"\":\"\"c4nary\"\"}\"\n", `{"id":"1","event_time":"7","http_request":{"body":{"password":"[REDACTED:names]"}}}` + "\n"},
		"order and numbers": {`{"z":1.50e3,"a":12345678901234567890,"z":null}`, `{"z":1.50e3,"a":12345678901234567890,"z":null}` + "\n"},
		"no record":         {"started with password=c4nary-s3cret-9\n" + `{"id":"1","password":"c4nary"}` + "\n", "started with password=[REDACTED:names]\n" + masked},
		"nothing":           {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(path, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			for how, got := range map[string]outcome{
				"file": runMain("mask", path), "stdin": runWith(tt.in, "mask"), "both": runWith(tt.in, "mask", "-"),
			} {
				if want := (outcome{exitDone, tt.out, ""}); got != want {
					t.Errorf("%s: got\n%+v\nwant\n%+v", how, got, want)
				}
			}
		})
	}
}

func TestMaskExplains(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "masking.yml")
	text := "masking:\n  rules:\n    - {id: team, select: {path: token_name}, action: redact}\n    - {id: health, when: {event_type: Probe}, select: {path: event_type}, action: drop_event}\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runWith(`{"token_name":"ci","http_request":{"body":{"users":[{"password":"c4nary"}]}}}`+"\n"+`{"event_type":"Probe"}`+"\n"+`{"id":"1"}`,
		"mask", "--explain", "--rules", rules)
	want := outcome{exitDone, `{"token_name":"[REDACTED:team]","http_request":{"body":{"users":[{"password":"[REDACTED:names]"}]}}}
    token_name: redact by rule team
    http_request.body.users[0].password: redact by rule names
    event_type: drop_event by rule health
{"id":"1"}
`, ""}
	if got != want {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestMaskTests(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rule := "masking:\n  rules:\n    - {id: pin, select: {key: pin}, action: redact}\ntests:\n  - {name: a pin, in: {pin: \"1234\"}, out: {pin: "
	good := write("good.yml", rule+"\"[REDACTED:pin]\"}}\n  - {in: {pen: x}, out: {pen: x}}\n")
	failing := write("failing.yml", rule+"\"1234\"}}\n")
	bad := write("bad.yml", "masking:\n  rule: []\n")
	want(t, runMain("mask", "test", good), exitDone, "2 tests ok\n")
	want(t, runMain("mask", "test", "--rules", good), exitDone, "2 tests ok\n")
	want(t, runMain("mask", "test", failing), exitFailed, failing+":5:5: ", `test "a pin" failed`, `"[REDACTED:pin]"`)
	want(t, runMain("mask", "test", bad), exitMisused, bad+`:2:3: masking.rule: unknown key (did you mean "rules"?)`)
	want(t, runMain("mask", "--rules", bad, good), exitMisused, bad+":2:3: ")
	want(t, runMain("mask", filepath.Join(dir, "none.json")), exitMisused, "none.json: no such file")
}
