package mappings

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mappedField is a field of the mapping that holds values.
type mappedField struct {
	kind string
	subs map[string]string // sub-fields and their types
}

// mappedFields are the fields of the shipped mapping by their dotted paths.
func mappedFields(t *testing.T) map[string]mappedField {
	t.Helper()
	data, err := os.ReadFile("assets/component_template/logs-api7.audit@mappings.json")
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Type       string
		Fields     map[string]struct{ Type string }
		Properties map[string]json.RawMessage
	}
	var file struct {
		Template struct{ Mappings json.RawMessage }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	found := map[string]mappedField{}
	var walk func(path string, raw json.RawMessage)
	walk = func(path string, raw json.RawMessage) {
		var n node
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatal(err)
		}
		for name, below := range n.Properties {
			walk(strings.TrimPrefix(path+"."+name, "."), below)
		}
		if n.Properties == nil {
			f := mappedField{n.Type, map[string]string{}}
			for name, sub := range n.Fields {
				f.subs[name] = sub.Type
			}
			found[path] = f
		}
	}
	walk("", file.Template.Mappings)
	return found
}

// tsv reads a table of two columns.
func tsv(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && line[0] != '#' {
			rows[name] = value
		}
	}
	return rows
}

// family are types that are searched in the same way. The first of each is in every
// Elasticsearch.
var family = map[string]string{"wildcard": "keyword", "constant_keyword": "keyword", "match_only_text": "text"}

// Every field that is not ours is one of ECS, of its type, with the sub-fields it has
// there. log.offset is Filebeat's, whose documents people know.
func TestEveryFieldIsOneOfECS(t *testing.T) {
	known := tsv(t, "testdata/ecs-fields.tsv")
	for path, f := range mappedFields(t) {
		if strings.HasPrefix(path, "api7.") || path == "log.offset" {
			continue
		}
		want, ok := known[path]
		if other := family[want]; other != "" {
			want = other
		}
		if !ok || f.kind != want {
			t.Errorf("%s is a %s, in ECS %q", path, f.kind, known[path])
		}
		_, text := known[path+".text"]
		if f.subs["text"] == "text" != text {
			t.Errorf("%s has the sub-fields %v, in ECS with .text: %v", path, f.subs, text)
		}
	}
}

var fieldRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| `(.+)` \\|$")

// The page about the document names every field, with its type, where it is from and
// an example.
func TestTheREADMENamesEveryField(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := mappedFields(t)
	for _, row := range fieldRow.FindAllStringSubmatch(string(page), -1) {
		f, ok := want[row[1]]
		kind := f.kind
		if f.subs["text"] != "" {
			kind += ", `.text`"
		}
		if !ok || row[2] != kind {
			t.Errorf("%s is said to be a %s; it is %q", row[1], row[2], kind)
		}
		delete(want, row[1])
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		t.Errorf("%s is missing", path)
	}
}
