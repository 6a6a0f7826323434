package kibana

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/kibana/kibanatest"
	"github.com/auditship/auditship/mappings"
)

const httpbin = "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae"

// fields is a document, by full names.
type fields map[string]any

// trail is a small audit trail. The name of a document is its _id, day is its
// age in days; the newest stands first.
var trail = []struct {
	name string
	day  float64
	fields
}{
	{"login", 0.5, fields{
		"api7.audit.event_name": "Login", "user.name": "admin", "event.category": "authentication", "event.type": "start",
		"event.outcome": "success", "api7.audit.source": "dashboard", "source.ip": "192.0.2.1", "source.address": "192.0.2.1",
	}},
	{"login refused", 0.6, fields{
		"api7.audit.event_name": "Login", "user.name": "mallory", "event.category": "authentication", "event.type": "start",
		"event.outcome": "failure", "api7.audit.source": "dashboard", "source.address": "not an address",
	}},
	{"authorization refused", 0.7, fields{
		"api7.audit.event_name": "Authorize", "user.name": "Ops", "event.category": "authentication", "event.type": "info",
		"event.outcome": "failure", "api7.audit.source": "api", "source.ip": "192.0.2.2", "source.address": "192.0.2.2",
	}},
	{"token by type", 1, fields{
		"api7.audit.event_name": "Create Access Key", "user.name": "admin", "event.category": "iam", "event.type": []string{"user", "creation"},
		"event.outcome": "success", "api7.audit.source": "api", "api7.audit.resource.type": "token",
	}},
	{"token by name", 1.1, fields{
		"api7.audit.event_name": "Regenerate Instance Token", "user.name": "admin", "event.category": "configuration",
		"event.type": "change", "event.outcome": "success", "api7.audit.source": "dashboard",
	}},
	{"story 1", 2, fields{
		"api7.audit.event_name": "Add Service", "user.name": "Ops", "event.type": "creation", "event.outcome": "success",
		"api7.audit.source": "dashboard", "api7.audit.resource.id": httpbin, "api7.audit.resource.name": "httpbin",
		"api7.audit.resource.type": "service", "source.ip": "192.0.2.3", "source.address": "192.0.2.3",
	}},
	{"other operator", 2.1, fields{
		"api7.audit.event_name": "Add Service", "user.name": "ops", "event.type": "creation", "event.outcome": "success", "api7.audit.source": "adc",
	}},
	{"other event", 2.2, fields{
		"api7.audit.event_name": "Add Service Version", "user.name": "Ops", "event.type": "creation", "event.outcome": "failure", "api7.audit.source": "dashboard",
	}},
	{"other resource", 2.3, fields{
		"api7.audit.event_name": "Update Service", "user.name": "Ops", "event.type": "change", "event.outcome": "success",
		"api7.audit.source": "api", "api7.audit.resource.id": "fb2a549b",
	}},
	{"plugin disabled", 2.4, fields{
		"event.type": "access", "api7.audit.request.body": map[string]any{"plugins": map[string]any{"key-auth": map[string]any{"_meta": map[string]any{"disable": true}}}},
	}},
	{"plugin kept", 2.5, fields{
		"event.type": "access", "api7.audit.request.body": map[string]any{"plugins": map[string]any{"key-auth": map[string]any{"_meta": map[string]any{"disable": false}}}},
	}},
	{"plugin taken out", 2.6, fields{
		"event.type": "access", "api7.audit.request.body": []map[string]any{{"op": "remove", "path": "/plugins/ip-restriction"}},
	}},
	{"label taken out", 2.7, fields{"event.type": "access", "api7.audit.request.body": []map[string]any{{"op": "remove", "path": "/labels/a"}}}},
	{"certificate deleted", 2.8, fields{"event.type": "deletion", "api7.audit.resource.type": "ca_certificate"}},
	{"first hour of work", 3, fields{"api7.audit.local.hour": 8, "api7.audit.local.weekday": 1, "event.type": "access"}},
	{"last hour of work", 3.1, fields{"api7.audit.local.hour": 17, "api7.audit.local.weekday": 5, "event.type": "access"}},
	{"early", 3.2, fields{"api7.audit.local.hour": 7, "api7.audit.local.weekday": 1, "event.type": "access"}},
	{"late", 3.3, fields{"api7.audit.local.hour": 18, "api7.audit.local.weekday": 5, "event.type": "access"}},
	{"saturday", 3.4, fields{"api7.audit.local.hour": 12, "api7.audit.local.weekday": 6, "event.type": "access"}},
	{"sunday", 3.5, fields{"api7.audit.local.hour": 12, "api7.audit.local.weekday": 7, "event.type": "access"}},
	{"story 2", 6.9, fields{
		"api7.audit.event_name": "Update Service", "user.name": "admin", "event.type": "change", "event.outcome": "success",
		"api7.audit.source": "api", "api7.audit.resource.id": httpbin, "api7.audit.resource.name": "httpbin",
	}},
	{"deleted 8 days ago", 8, fields{
		"api7.audit.event_name": "Delete Service", "user.name": "Ops", "event.type": "deletion", "event.outcome": "success",
		"api7.audit.source": "adc", "api7.audit.resource.id": httpbin,
	}},
	{"story 1 just in time", 29.9, fields{
		"api7.audit.event_name": "Add Service", "user.name": "Ops", "event.type": "creation", "api7.audit.source": "api",
	}},
	{"story 1 too old", 30.1, fields{
		"api7.audit.event_name": "Add Service", "user.name": "Ops", "event.type": "creation", "event.outcome": "failure", "api7.audit.source": "dashboard",
	}},
}

// namesOf lists documents of the trail, newest first.
func namesOf(keep func(name string, day float64) bool) []string {
	var names []string
	for _, d := range trail {
		if keep(d.name, d.day) {
			names = append(names, d.name)
		}
	}
	return names
}

func younger(days float64) []string {
	return namesOf(func(_ string, day float64) bool { return day < days })
}

func TestSearchesFindExactlyTheirRecords(t *testing.T) {
	expected := map[string][]string{
		"api7-audit-all":         younger(30),
		"api7-audit-by-date":     younger(7),
		"api7-audit-by-event":    {"story 1", "other operator", "story 1 just in time"},
		"api7-audit-by-operator": {"login", "token by type", "token by name", "story 2"},
		"api7-audit-by-resource": {"story 1", "story 2"},
		"api7-audit-failed":      {"login refused", "authorization refused", "other event"},
		"api7-audit-deletions":   {"certificate deleted", "deleted 8 days ago"},
		"api7-audit-changes-by-api": {
			"token by type", "other operator", "other resource", "story 2", "deleted 8 days ago", "story 1 just in time",
		},
		"api7-audit-changes-by-dashboard": {"token by name", "story 1", "other event"},
		"api7-audit-logins-and-tokens":    {"login", "login refused", "authorization refused", "token by type", "token by name"},
		"api7-audit-outside-office-hours": {"early", "late", "saturday", "sunday"},
		"api7-audit-add-service-by-ops":   {"story 1", "story 1 just in time"},
		"api7-audit-resource-httpbin":     {"story 1", "story 2"},
		"api7-audit-latest":               younger(30),
		"api7-audit-identity-changes":     {"token by type"},
		"api7-audit-switched-off":         {"plugin disabled", "plugin taken out", "certificate deleted"},
	}
	node, stream := indexTrail(t)
	for _, o := range ofType(t, "search") {
		t.Run(o.ID, func(t *testing.T) {
			got := hits(t, node, stream, searchRequest(t, o))
			if want := expected[o.ID]; !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
			delete(expected, o.ID)
		})
	}
	for id := range expected {
		t.Errorf("there is no search %s", id)
	}
}

// searchRequest is what Discover asks when it opens a saved search.
func searchRequest(t *testing.T, o Object) map[string]any {
	t.Helper()
	s := unmarshal[storedSearch](t, o.Attributes)
	sort := []map[string]any{}
	for _, by := range s.Sort {
		sort = append(sort, map[string]any{by[0]: map[string]any{"order": by[1]}})
	}
	return map[string]any{
		"size": 100, "sort": sort, "_source": false,
		"query": allOf(t, sourceOf(t, s.Meta), s.TimeRange.From, s.TimeRange.To),
	}
}

// allOf is the query that Kibana makes of KQL, pills and a time range.
func allOf(t *testing.T, source storedSource, from, to string) map[string]any {
	t.Helper()
	kql, err := kibanatest.KQL(source.Query.Query)
	if err != nil {
		t.Fatal(err)
	}
	clauses := []map[string]any{kql, {"range": map[string]any{"@timestamp": map[string]any{"gte": from, "lte": to}}}}
	for _, f := range source.Filter {
		clauses = append(clauses, f.Query)
	}
	return map[string]any{"bool": map[string]any{"filter": clauses}}
}

func TestControlsOfferTheValuesOfTheTrail(t *testing.T) {
	node, stream := indexTrail(t)
	for id, c := range controlsOf(t, ofType(t, "dashboard")[0]) { // all have the same
		field := c.ExplicitInput.FieldName
		got := ask[struct {
			Aggregations struct {
				Values struct{ Buckets []struct{ Key string } }
			}
		}](t, node, stream, map[string]any{"size": 0, "aggs": map[string]any{
			"values": map[string]any{"terms": map[string]any{"field": field, "size": 100}},
		}})
		var values []string
		for _, b := range got.Aggregations.Values.Buckets {
			values = append(values, b.Key)
		}
		want := map[string]bool{}
		for _, d := range trail {
			if v, ok := d.fields[field].(string); ok {
				want[v] = true
			}
		}
		slices.Sort(values)
		if !slices.Equal(values, slices.Sorted(maps.Keys(want))) {
			t.Errorf("control %s offers %q", id, values)
		}
	}
}

// indexTrail writes the trail to a data stream of this test's own, with the
// fields of the component template.
func indexTrail(t *testing.T) (node *esnode.Node, stream string) {
	t.Helper()
	node = estest.Shared(t)
	namespace := estest.Namespace(t)
	stream = mappings.StreamName(namespace)
	must(t, node, http.MethodPut, "/_index_template/"+namespace, marshal(t, map[string]any{
		"index_patterns": []string{stream}, "priority": 1000, "data_stream": map[string]any{},
		"template": map[string]any{
			"settings": map[string]any{"number_of_replicas": 0}, "mappings": componentMappings(t),
		},
	}))
	now := time.Now().UTC()
	var bulk strings.Builder
	for _, d := range trail {
		doc := fields{"@timestamp": now.Add(-time.Duration(d.day * 24 * float64(time.Hour))).Format(time.RFC3339Nano)}
		for name, v := range d.fields {
			set(doc, strings.Split(name, "."), v)
		}
		fmt.Fprintf(&bulk, "{\"create\":{\"_id\":%q}}\n%s\n", d.name, marshal(t, doc))
	}
	answer := must(t, node, http.MethodPost, "/"+stream+"/_bulk?refresh=true", []byte(bulk.String()))
	if result := unmarshal[struct{ Errors bool }](t, answer); result.Errors {
		t.Fatalf("bulk: %s", answer)
	}
	return node, stream
}

func componentMappings(t *testing.T) any {
	t.Helper()
	assets, err := mappings.Assets(mappings.Options{}, exporter.Info{Version: exporter.MinVersion})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assets {
		if a.Name == mappings.MappingsComponent {
			return a.Body["template"].(map[string]any)["mappings"]
		}
	}
	t.Fatalf("no component template %s", mappings.MappingsComponent)
	return nil
}

// set writes a member of nested objects.
func set(doc map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		if doc[name] == nil {
			doc[name] = map[string]any{}
		}
		doc = doc[name].(map[string]any)
	}
	doc[path[len(path)-1]] = v
}

func must(t *testing.T, node *esnode.Node, method, path string, body []byte) []byte {
	t.Helper()
	status, answer, err := node.Do(t.Context(), method, path, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: status %d, error %v, answer %s", method, path, status, err, answer)
	}
	return answer
}

func ask[T any](t *testing.T, node *esnode.Node, stream string, body map[string]any) T {
	t.Helper()
	return unmarshal[T](t, must(t, node, http.MethodPost, "/"+stream+"/_search", marshal(t, body)))
}

// hits returns the ids that a search finds, in its order.
func hits(t *testing.T, node *esnode.Node, stream string, body map[string]any) []string {
	t.Helper()
	answer := ask[struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
		Error json.RawMessage
	}](t, node, stream, body)
	var ids []string
	for _, h := range answer.Hits.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}
