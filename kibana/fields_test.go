package kibana

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/kibana/kibanatest"
	"github.com/auditship/auditship/mappings"
)

// mappedFields returns the type of each field of the component template, with
// the subfields.
func mappedFields(t *testing.T) map[string]string {
	t.Helper()
	assets, err := mappings.Assets(mappings.Options{}, exporter.Info{Version: exporter.MinVersion})
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, a := range assets {
		if a.Name == mappings.MappingsComponent {
			body := unmarshal[struct {
				Template struct{ Mappings mapping }
			}](t, marshal(t, a.Body))
			body.Template.Mappings.collect("", fields)
		}
	}
	if len(fields) < 20 {
		t.Fatalf("the component template %s maps %d fields", mappings.MappingsComponent, len(fields))
	}
	return fields
}

type mapping struct {
	Type       string
	Properties map[string]mapping
	Fields     map[string]mapping
}

func (m mapping) collect(path string, fields map[string]string) {
	if m.Type != "" {
		fields[path] = m.Type
	}
	if path != "" {
		path += "."
	}
	for _, children := range []map[string]mapping{m.Properties, m.Fields} {
		for name, child := range children {
			child.collect(path+name, fields)
		}
	}
}

func TestSearchesUseMappedFields(t *testing.T) {
	fields := mappedFields(t)
	for _, o := range ofType(t, "search") {
		s := unmarshal[storedSearch](t, o.Attributes)
		for _, column := range s.Columns {
			if fields[column] == "" {
				t.Errorf("%s: column %s is not mapped", o.ID, column)
			}
		}
		source := sourceOf(t, s.Meta)
		checkFilterFields(t, o.ID, source.Filter, fields)
		checkKQL(t, o.ID, source.Query.Query, fields)
	}
}

func checkFilterFields(t *testing.T, id string, filters []storedFilter, fields map[string]string) {
	t.Helper()
	for _, f := range filters {
		used := queriedFields(t, f.Query)
		if len(used) == 0 {
			t.Errorf("%s: a filter on no field", id)
		}
		for _, field := range used {
			if fields[field] == "" {
				t.Errorf("%s: filter on %s, which is not mapped", id, field)
			}
		}
	}
}

// queriedFields lists the fields of a query made of bool, match_phrase,
// range and wildcard.
func queriedFields(t *testing.T, query map[string]any) []string {
	t.Helper()
	var fields []string
	for kind, body := range query {
		switch kind {
		case "match_phrase", "range", "wildcard":
			for field := range body.(map[string]any) {
				fields = append(fields, field)
			}
		case "bool":
			for _, clause := range body.(map[string]any)["should"].([]any) {
				fields = append(fields, queriedFields(t, clause.(map[string]any))...)
			}
		default:
			t.Errorf("a filter with %s", kind)
		}
	}
	return fields
}

// checkKQL wants every field that a KQL text asks for to be mapped, if only as a
// part of one of type flattened.
func checkKQL(t *testing.T, id, text string, fields map[string]string) {
	t.Helper()
	asked, err := kibanatest.Fields(text)
	if err != nil {
		t.Errorf("%s: %v", id, err)
	}
	for _, field := range asked {
		if fields[field] == "" && fields[flattenedParent(field)] != "flattened" {
			t.Errorf("%s: asks for %s, which is not mapped", id, field)
		}
	}
}

// flattenedParent is the field that holds a part of a body or of the headers.
func flattenedParent(field string) string {
	for _, parent := range []string{"api7.audit.request.body", "api7.audit.request.headers", "api7.audit.response.body", "api7.audit.changes"} {
		if strings.HasPrefix(field, parent+".") {
			return parent
		}
	}
	return ""
}

func TestLensUsesMappedFieldsOfTheRightType(t *testing.T) {
	fields := mappedFields(t)
	// What each operation can work on: terms that may be missing need strings.
	allowed := map[string][]string{
		"terms": {"keyword"}, "unique_count": {"keyword", "ip", "long"}, "max": {"date"}, "min": {"date"},
		"date_histogram": {"date"}, "last_value": {"keyword", "ip", "long"},
	}
	for _, o := range ofType(t, "lens") {
		state := unmarshal[storedLens](t, o.Attributes).State
		checkFilterFields(t, o.ID, state.Filters, fields)
		checkKQL(t, o.ID, state.Query.Query, fields)
		for _, layer := range state.DatasourceStates.FormBased.Layers {
			for _, c := range layer.Columns {
				if c.OperationType != "count" && !slices.Contains(allowed[c.OperationType], fields[c.SourceField]) {
					t.Errorf("%s: %s of %s, which is mapped as %q", o.ID, c.OperationType, c.SourceField, fields[c.SourceField])
				}
				if c.Filter != nil {
					checkKQL(t, o.ID, c.Filter.Query, fields)
				}
			}
		}
	}
}

func TestControlsUseFieldsWithOptions(t *testing.T) {
	fields := mappedFields(t)
	for _, dashboard := range ofType(t, "dashboard") {
		for id, c := range controlsOf(t, dashboard) {
			if fields[c.ExplicitInput.FieldName] != "keyword" {
				t.Errorf("control %s lists %s, which is mapped as %q", id, c.ExplicitInput.FieldName, fields[c.ExplicitInput.FieldName])
			}
		}
	}
}

func TestDataViewNamesMappedFields(t *testing.T) {
	fields := mappedFields(t)
	v := unmarshal[storedDataView](t, ofType(t, "index-pattern")[0].Attributes)
	if fields[v.TimeFieldName] != "date" {
		t.Errorf("time field %s", v.TimeFieldName)
	}
	for field := range dataViewLabels(t) {
		if fields[field] == "" {
			t.Errorf("a label for %s, which is not mapped", field)
		}
	}
	// Whatever a person meets in a document has a name in plain words.
	labels := dataViewLabels(t)
	for field := range fields {
		if labels[field] == "" && !technical.MatchString(field) && !strings.HasSuffix(field, ".text") {
			t.Errorf("%s has no label and is not left out", field)
		}
	}
	// The types that Kibana offers each format for.
	takes := map[string][]string{
		"date": {"date"}, "ip": {"ip"}, "number": {"long", "byte"}, "string": {"keyword"}, "static_lookup": {"byte", "keyword"},
	}
	for field, format := range strict[map[string]struct {
		ID     string          `json:"id"`
		Params json.RawMessage `json:"params"`
	}](t, []byte(v.FieldFormatMap)) {
		if !slices.Contains(takes[format.ID], fields[field]) {
			t.Errorf("%s is mapped as %q and formatted as %q", field, fields[field], format.ID)
		}
	}
}
