package ecs_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

var update = flag.Bool("update", false, "write what is computed into the golden files")

// A golden file has parts that begin with a line "-- NAME --": what the file
// shows, options (JSON, may be missing), and then record and document in turn.
// A record is one JSON text; a document is its _id and the document, indented.
type part struct{ name, text string }

func readParts(t *testing.T, file string) []part {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var parts []part
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			parts = append(parts, part{name: strings.TrimSuffix(strings.TrimSpace(name), " --")})
			continue
		}
		if len(parts) == 0 {
			parts = append(parts, part{name: "story"})
		}
		parts[len(parts)-1].text += line
	}
	return parts
}

// options are what a golden file may set.
type options struct {
	Gateway, Namespace, Timezone, Input, Path string
	Tags                                      []string
	Rename, EventNames                        map[string]string
	KeepOriginal                              bool
	Whole                                     bool // show the constant members too
}

// constants are in every document; only one golden file shows them.
var constants = []string{
	`,"ecs":{"version":"9.4.0"},"data_stream":{"type":"logs","dataset":"api7.audit","namespace":"default"}` +
		`,"agent":{"type":"auditship","id":"a1","name":"gw-1","version":"1.0.0"}`,
	`"kind":"event","module":"api7","dataset":"api7.audit",`,
	`,"created":"2026-11-23T12:00:00.000Z"`,
	`,"observer":{"vendor":"API7","product":"API7 Enterprise","type":"gateway","name":"prod"}`,
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			parts := readParts(t, file)
			got := run(t, parts)
			if *update {
				write(t, file, got)
				return
			}
			for i, p := range parts {
				if i < len(got) && p.text != got[i].text {
					t.Errorf("%s %d:\ngot\n%s\nwant\n%s", p.name, i, got[i].text, p.text)
				}
			}
			if len(parts) != len(got) {
				t.Errorf("%d parts, want %d", len(parts), len(got))
			}
		})
	}
}

func write(t *testing.T, file string, parts []part) {
	t.Helper()
	var b strings.Builder
	for _, p := range parts {
		if p.name != "story" {
			fmt.Fprintf(&b, "-- %s --\n", p.name)
		}
		b.WriteString(p.text)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run returns the parts with every document as it is computed.
func run(t *testing.T, parts []part) []part {
	t.Helper()
	var out []part
	o := options{Gateway: "prod"}
	var m *maker
	for _, p := range parts {
		switch p.name {
		case "document":
			continue
		case "options":
			if err := json.Unmarshal([]byte(p.text), &o); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, p)
		if p.name == "record" {
			if m == nil {
				m = newMaker(t, o)
			}
			out = append(out, part{"document", m.document(t, []byte(strings.TrimSpace(p.text)))})
		}
	}
	return out
}

// failer is what tests, benchmarks, fuzz tests and properties have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// maker makes documents the way the pipeline does.
type maker struct {
	options  options
	decoder  *decode.Decoder
	builder  *ecs.Builder
	identity *ecs.Identity
	record   event.Record
}

func newMaker(t failer, o options) *maker {
	t.Helper()
	location, err := time.LoadLocation(o.Timezone)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := decode.New(decode.Options{Rename: o.Rename})
	if err != nil {
		t.Fatal(err)
	}
	return &maker{
		options: o,
		decoder: decoder,
		builder: ecs.NewBuilder(ecs.Config{
			Namespace: o.Namespace, AgentID: "a1", AgentName: "gw-1", AgentVersion: "1.0.0",
			Tags: o.Tags, Location: location, KeepOriginal: o.KeepOriginal,
			EventNames: func(t string) string { return o.EventNames[t] }, Names: ecs.NewNames(0),
		}),
		identity: ecs.NewIdentity([]byte("0123456789abcdef0123456789abcdef")),
	}
}

func (m *maker) meta() ecs.Meta {
	return ecs.Meta{
		Gateway: m.options.Gateway, Input: m.options.Input, Path: m.options.Path, Offset: 4711,
		Created: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
}

func (m *maker) document(t failer, raw []byte) string {
	t.Helper()
	if err := m.decoder.Decode(raw, &m.record); err != nil {
		return err.Error() + "\n"
	}
	id, ok := m.identity.OfToken(m.options.Gateway, m.record.ID)
	if !ok {
		id = m.identity.OfRaw(m.options.Gateway, raw).Finish(0)
	}
	doc := m.builder.Append(nil, &m.record, m.meta())
	checkDocument(t, doc)
	if !m.options.Whole {
		for _, c := range constants {
			if bytes.Count(doc, []byte(c)) != 1 {
				t.Fatalf("%s is not in %s", c, doc)
			}
			doc = bytes.Replace(doc, []byte(c), nil, 1)
		}
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, doc, "", "  "); err != nil {
		t.Fatal(err)
	}
	return id.String() + "\n" + pretty.String() + "\n"
}

func TestOperations(t *testing.T) {
	data, err := os.ReadFile("testdata/operations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, options{Gateway: "prod"})
	var got strings.Builder
	got.WriteString("method\tpath\tevent.category\tevent.type\tresource.type\n")
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for _, line := range lines[1:] {
		method, path, _ := strings.Cut(line, "\t")
		d := m.fields(t, fmt.Sprintf(`{"event_time":1795143845,"http_request":{"method":%q,"uri":%q}}`, method, path))
		fmt.Fprintf(&got, "%s\t%s\t%s\t%s\t%s\n", method, path,
			d.get("event", "category"), d.get("event", "type"), d.get("api7", "audit", "resource", "type"))
	}
	const golden = "testdata/operations.derived.tsv"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wantLines := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got.String(), "\n") {
		if i >= len(wantLines) || line != wantLines[i] {
			t.Errorf("got  %s", line)
		}
	}
}

// fields is a document as a reader sees it.
type fields map[string]any

func (m *maker) fields(t failer, raw string) fields {
	t.Helper()
	text := m.document(t, []byte(raw))
	_, doc, _ := strings.Cut(text, "\n")
	var f fields
	if err := json.Unmarshal([]byte(doc), &f); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// get is the text of a field, "" where it is missing.
func (f fields) get(path ...string) string {
	var v any = map[string]any(f)
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[name]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
