package mask

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// canary is a secret without a looks of its own: only its place gives it away.
const canary = "Sunny Day 42"

// readLines reads a file of testdata without its comments.
func readLines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read from
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// document builds the object that holds the canary at a dotted path; [] means
// an array of objects, {} a map whose every value is secret.
func document(path string) string {
	head, rest, more := strings.Cut(path, ".")
	inner := `"` + canary + `"`
	if more {
		inner = document(rest)
	}
	switch {
	case strings.HasSuffix(head, "[]"):
		head, inner = strings.TrimSuffix(head, "[]"), "["+inner+"]"
	case strings.HasSuffix(head, "{}"):
		head, inner = strings.TrimSuffix(head, "{}"), `{"x-first":`+inner+`,"x-second":`+inner+`}`
	}
	return `{"` + head + `":` + inner + `}`
}

// shapes are the ways in which the configuration of a plugin is written.
var shapes = map[string]string{
	"in a resource":        `{"http_request":{"body":{"plugins":{"PLUGIN":CONFIG}}}}`,
	"in an answer":         `{"http_response":{"body":{"key":"/apisix/routes/1","value":{"plugins":{"PLUGIN":CONFIG}}}}}`,
	"in a list":            `{"http_response":{"body":{"list":[{"value":{"plugins":{"PLUGIN":CONFIG}}}]}}}`,
	"by its type":          `{"http_request":{"body":{"consumers":[{"credentials":[{"name":"a","type":"PLUGIN","config":CONFIG}]}]}}}`,
	"by its name, behind":  `{"http_request":{"body":{"spec":{"http":[{"plugins":[{"config":CONFIG,"enable":true,"name":"PLUGIN"}]}]}}}}`,
	"in a pair":            `{"http_request":{"body":{"plugins":{"workflow":{"rules":[{"actions":[["PLUGIN",CONFIG]]}]}}}}}`,
	"as metadata":          `{"http_request":{"uri":"/apisix/admin/plugin_metadata/PLUGIN?gateway_group_id=default","body":CONFIG}}`,
	"as metadata, late":    `{"http_request":{"body":CONFIG,"uri":"/apisix/admin/plugin_metadata/PLUGIN"}}`,
	"in a patch":           `{"http_request":{"body":[{"op":"add","path":"/plugins/PLUGIN","value":CONFIG}]}}`,
	"in a patch, backward": `{"http_request":{"body":[{"value":CONFIG,"path":"/plugins/PLUGIN","op":"add"}]}}`,
}

func TestBuiltinRulesCoverEveryPluginField(t *testing.T) {
	m := Builtin().NewMasker()
	for _, line := range readLines(t, "plugin_fields.txt") {
		plugin, path, ok := strings.Cut(line, " ")
		if !ok {
			t.Fatalf("testdata/plugin_fields.txt: %q has no path", line)
		}
		for shape, record := range shapes {
			record = strings.ReplaceAll(strings.ReplaceAll(record, "PLUGIN", plugin), "CONFIG", document(path))
			checkHidden(t, m, shape, record)
			asText := strings.Replace(record, document(path), string(jsonscan.AppendQuoted(nil, []byte(document(path)))), 1)
			checkHidden(t, m, shape+", as JSON in a string", asText)
		}
		patch := strings.NewReplacer(".", "/", "[]", "/0", "{}", "/x-first").Replace(path)
		checkHidden(t, m, "a patch of the field", `{"http_request":{"body":[{"op":"replace","path":"/plugins/`+plugin+`/`+patch+`","value":"`+canary+`"}]}}`)
	}
}

func checkHidden(t *testing.T, m *Masker, shape, record string) {
	t.Helper()
	if !json.Valid([]byte(record)) {
		t.Fatalf("%s: the test's record is no JSON: %s", shape, record)
	}
	res := m.Mask([]byte(record))
	if res.Outcome != Kept || !json.Valid(res.Bytes) {
		t.Errorf("%s: outcome %d: %s", shape, res.Outcome, res.Bytes)
	}
	if bytes.Contains(res.Bytes, []byte("Sunny")) {
		t.Errorf("%s: not hidden: %s", shape, res.Bytes)
	}
}

func TestBuiltinRulesCoverEveryResource(t *testing.T) {
	m := Builtin().NewMasker()
	for _, line := range readLines(t, "resource_fields.ndjson") {
		checkHidden(t, m, "resource", line)
	}
}

// What only looks like a secret comes out byte for byte.
func TestBuiltinRulesKeep(t *testing.T) {
	m := Builtin().NewMasker()
	for _, line := range readLines(t, "kept.ndjson") {
		if hits, res := m.Explain([]byte(line)); string(res.Bytes) != line {
			t.Errorf("changed\n%s\nto\n%s\n%v", line, res.Bytes, hits)
		}
	}
}

// Codes are secret in the body of a request that signs in, and nowhere else.
func TestLoginBodies(t *testing.T) {
	m := Builtin().NewMasker()
	checkHidden(t, m, "a code", `{"http_request":{"uri":"/api/oidc/callback","body":{"code":"`+canary+`"}}}`)
	checkHidden(t, m, "a seed", `{"http_request":{"uri":"/api/login/mfa","body":{"seed":"`+canary+`"}}}`)
	checkHidden(t, m, "a form", `{"http_request":{"uri":"/oauth/token","body":"grant_type=authorization_code&code=Sunny_Day_42"}}`)
	for _, line := range []string{
		`{"http_request":{"uri":"/apisix/admin/routes/1","body":{"code":"EU-7","seed":"abc123"}}}`,
		`{"http_request":{"uri":"/oauth/token"},"http_response":{"body":{"code":"invalid_grant"}}}`,
	} {
		if got := string(m.Mask([]byte(line)).Bytes); got != line {
			t.Errorf("changed %s to %s", line, got)
		}
	}
}
