package report

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The gateway's page has these columns, in this order.
func TestPageColumns(t *testing.T) {
	titles := []string{}
	for _, c := range PageColumns() {
		titles = append(titles, c.Title)
	}
	want := []string{"Time", "Operator", "Event", "Resource ID", "Resource Name", "IP Address", "Source"}
	if !slices.Equal(titles, want) || !slices.EqualFunc(DetailColumns()[:len(want)], want, func(c Column, title string) bool { return c.Title == title }) {
		t.Errorf("got %q", titles)
	}
}

// derived are the fields that a details table leaves out: they are the same in
// every record, say what another column says, or are about the agent.
var derived = []string{
	"agent.ephemeral_id", "agent.id", "agent.type", "agent.version", "data_stream.dataset", "data_stream.namespace",
	"data_stream.type", "ecs.version", "event.dataset", "event.kind", "event.module", "observer.product",
	"observer.vendor", "observer.type", "related.ip", "related.user", "url.query",
	"event.created", "event.reason", "message", "user.roles",
	"api7.audit.changes", "api7.audit.changes_text", // parts of the bodies
}

// filled are what only an ingest pipeline of the user fills, and who an operation was
// done to, which stands in the bodies.
var filled = []string{"host.", "source.as.", "source.geo.", "user.changes.", "user.target.", "user_agent."}

func isFilled(field string) bool {
	return field != "user_agent.original" && slices.ContainsFunc(filled, func(p string) bool { return strings.HasPrefix(field, p) })
}

// Details are the whole record: every field of the mapping has a column, or is
// one of derived.
func TestDetailColumnsAreTheWholeRecord(t *testing.T) {
	text, err := os.ReadFile("../../mappings/assets/component_template/logs-api7.audit@mappings.json")
	if err != nil {
		t.Fatal(err)
	}
	var component struct {
		Template struct {
			Mappings mapping `json:"mappings"`
		} `json:"template"`
	}
	if err := json.Unmarshal(text, &component); err != nil {
		t.Fatal(err)
	}
	mapped := component.Template.Mappings.fields("")
	shown := []string{"@timestamp"}
	for _, c := range DetailColumns() {
		shown = append(shown, c.Fields...)
	}
	for _, f := range mapped {
		if slices.Contains(shown, f) == (slices.Contains(derived, f) || isFilled(f)) {
			t.Errorf("field %s: in a column or derived, one of them", f)
		}
	}
	for _, f := range append(shown, derived...) {
		if !slices.Contains(mapped, f) && f[0] != '_' {
			t.Errorf("field %s is not in the mapping", f)
		}
	}
}

type mapping struct {
	Properties map[string]mapping `json:"properties"`
}

func (m mapping) fields(at string) []string {
	if len(m.Properties) == 0 {
		return []string{strings.TrimPrefix(at, ".")}
	}
	var all []string
	for name, child := range m.Properties {
		all = append(all, child.fields(at+"."+name)...)
	}
	return all
}

// Names and titles are each unique, and a column is found by either.
func TestColumnsAreFoundByNameAndTitle(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range DetailColumns() {
		if seen[c.Name] || seen[c.Title] {
			t.Errorf("%s or %s is there twice", c.Name, c.Title)
		}
		seen[c.Name], seen[c.Title] = true, true
		for _, name := range []string{c.Name, c.Title, strings.ToUpper(c.Title)} {
			if found, err := findColumn(name); err != nil || found.Name != c.Name {
				t.Errorf("%q finds %v, %v", name, found, err)
			}
		}
	}
}

func TestField(t *testing.T) {
	for name, c := range map[string]struct{ source, path, want string }{
		"nested":                  {`{"a":{"b":{"c":1}}}`, "a.b.c", `1`},
		"dotted":                  {`{"a.b.c":1}`, "a.b.c", `1`},
		"both ways":               {`{"a":{"b.c":1}}`, "a.b.c", `1`},
		"the other way":           {`{"a.b":{"c":1}}`, "a.b.c", `1`},
		"nested is empty":         {`{"a":{"b":{}},"a.b.c":2}`, "a.b.c", `2`},
		"below a null":            {`{"a":null,"a.b":3}`, "a.b", `3`},
		"below a string":          {`{"a":"x"}`, "a.b", ``},
		"below an array":          {`{"a":[{"b":1}]}`, "a.b", ``},
		"null":                    {`{"a":null}`, "a", ``},
		"object":                  {`{"a":{"b":[1,"2"]}}`, "a", `{"b":[1,"2"]}`},
		"number as it is written": {`{"a":1.0e400}`, "a", `1.0e400`},
		"no document":             {``, "a", ``},
		"not an object":           {`[1]`, "a", ``},
		"_id":                     {`{"_id":"no"}`, "_id", `"i<d"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecord(&hit{ID: "i<d", Source: []byte(c.source)})
			for range 2 { // the second time from what was decoded
				if got := string(r.field(c.path)); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

// An answer that is not one gives an error, and a document of any shape gives
// cells.
func FuzzPage(f *testing.F) {
	text, err := os.ReadFile("testdata/hits.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"hits":{"hits":[{"_source":{"user":{"name":["a",null,{}]}},"sort":[1,2]}]}}`))
	f.Add([]byte(`{"hits":{"hits":[{"sort":[1]}]}}`))
	f.Add([]byte(`{"hits":{"hits":[{"_source":"text","sort":[-9223372036854775808,9223372036854775807]}]}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parsePage(body)
		if err != nil {
			return
		}
		for _, format := range Formats() {
			for _, details := range []bool{false, true} {
				write(t, p.Hits.Hits, Options{Format: format, Details: details})
			}
		}
	})
}

// A column's name never gets anything but a field into the search.
func FuzzColumns(f *testing.F) {
	for _, seed := range []string{"time", "Resource ID", "user.name", "@timestamp", "_id", "user.*", "a..b", "", " ", "*", "a.b\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, err := findColumn(name)
		if err != nil {
			return
		}
		for _, field := range c.Fields {
			if strings.ContainsAny(field, "*?, \n\"\\") || field == "" {
				t.Errorf("%q asks for the field %q", name, field)
			}
		}
	})
}
