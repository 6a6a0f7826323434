package demo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/kibana/kibanatest"
)

// expectedInPanel says, for each chart that does not count everything, which
// operations it is to count.
var expectedInPanel = map[string]func(operation) bool{
	"api7-audit-failed-operations":                func(o operation) bool { return o.status >= 400 },
	"api7-audit-failed-operations-by-event":       func(o operation) bool { return o.status >= 400 },
	"api7-audit-failed-logins":                    operation.failedLogin,
	"api7-audit-failed-logins-by-operator":        operation.failedLogin,
	"api7-audit-failed-logins-by-address":         operation.failedLogin,
	"api7-audit-failed-logins-over-time":          operation.failedLogin,
	"api7-audit-deleted":                          func(o operation) bool { return o.verb == "Delete" },
	"api7-audit-deletions-by-type":                func(o operation) bool { return o.verb == "Delete" },
	"api7-audit-identity-changes":                 operation.changesIdentity,
	"api7-audit-switched-off":                     operation.switchesOff,
	"api7-audit-changes-outside-office-hours":     operation.changesAtNight,
	"api7-audit-outside-office-hours-by-operator": operation.changesAtNight,
}

func (o operation) failedLogin() bool { return o.verb == "Login" && o.status >= 400 }

func (o operation) changesAtNight() bool {
	return o.changes() && expectedOperations["api7-audit-outside-office-hours"](o)
}

// Every chart, asked as Lens asks, counts what can be counted by hand: its rows are
// the largest groups of the right operations, its numbers are theirs.
func TestR20PanelsCountTheDemosRecords(t *testing.T) {
	node := estest.Shared(t)
	operations, stream := shipHistory(t, node)
	documents := documentsOf(t, node, stream)
	objects, err := kibana.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Type != "lens" {
			continue
		}
		t.Run(o.ID, func(t *testing.T) {
			var counted []document
			for _, one := range operations {
				if expected := expectedInPanel[o.ID]; one.within(30) && (expected == nil || expected(one)) {
					counted = append(counted, documents[one.ID])
				}
			}
			if len(counted) == 0 {
				t.Fatal("the demo's data holds nothing for it")
			}
			chart, err := kibanatest.NewChart(o.Attributes)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, chart, counted, askChart(t, node, stream, chart))
		})
	}
}

// document is what Elasticsearch returns of one: the values of each field, as text.
type document map[string][]string

func (d document) first(field string) string {
	if values := d[field]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// panelFields are the fields that charts group and count by.
var panelFields = []string{
	"@timestamp", "event.id", "event.outcome", "event.type", "user.name", "source.address", "http.response.status_code",
	"api7.audit.event_name", "api7.audit.source", "api7.audit.resource.id", "api7.audit.resource.name", "api7.audit.resource.type",
}

func documentsOf(t *testing.T, node *esnode.Node, stream string) map[string]document {
	t.Helper()
	if err := call(t.Context(), node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Hits struct {
			Hits []struct{ Fields map[string][]any }
		}
	}
	query := map[string]any{"size": 10_000, "_source": false, "fields": panelFields}
	if err := call(t.Context(), node, "POST", "/"+stream+"/_search", query, &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]document{}
	for _, h := range answer.Hits.Hits {
		d := document{}
		for field, values := range h.Fields {
			for _, v := range values {
				d[field] = append(d[field], fmt.Sprint(v))
			}
		}
		all[d.first("event.id")] = d
	}
	return all
}

func askChart(t *testing.T, node *esnode.Node, stream string, chart kibanatest.Chart) []kibanatest.Row {
	t.Helper()
	aggs, err := chart.Aggregations()
	if err != nil {
		t.Fatal(err)
	}
	month := map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": "now-30d", "lte": "now"}}}
	var answer struct {
		Hits         struct{ Total struct{ Value int } }
		Aggregations json.RawMessage
	}
	err = call(t.Context(), node, "POST", "/"+stream+"/_search", map[string]any{
		"size": 0, "track_total_hits": true, "aggs": aggs,
		"query": map[string]any{"bool": map[string]any{"filter": []any{month, chart.Query}}},
	}, &answer)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := chart.Rows(answer.Hits.Total.Value, answer.Aggregations)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkRows compares the rows of a chart with the documents that it is to count,
// grouped by hand.
func checkRows(t *testing.T, chart kibanatest.Chart, counted []document, rows []kibanatest.Row) {
	t.Helper()
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	checkRanking(t, chart, counted, rows)
	for _, row := range rows {
		var group []document
		for _, d := range counted {
			if inRow(chart, d, row.Keys) {
				group = append(group, d)
			}
		}
		for _, id := range chart.Metrics() {
			if want := byHand(t, chart, id, group); row.Values[id] != want {
				t.Errorf("row %q: %s is %v, by hand %v", row.Keys, chart.Columns[id].Label, row.Values[id], want)
			}
		}
	}
}

// inRow says whether a document belongs to the row with these keys.
func inRow(chart kibanatest.Chart, d document, keys []string) bool {
	for i, id := range chart.Buckets() {
		if keyOf(chart.Columns[id], d) != keys[i] {
			return false
		}
	}
	return true
}

// keyOf is the bucket of a column that a document falls into; "" is none.
func keyOf(column kibanatest.Column, d document) string {
	v := d.first(column.SourceField)
	if column.OperationType == "date_histogram" {
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return ""
		}
		return at.UTC().Truncate(12 * time.Hour).Format("2006-01-02T15:04:05.000Z")
	}
	if v == "" && column.Params.MissingBucket {
		return kibanatest.Missing
	}
	return v
}

// checkRanking wants the outermost rows to be the largest groups: as many as there
// are, or as the chart has room for, and none left out that is larger than one shown.
func checkRanking(t *testing.T, chart kibanatest.Chart, counted []document, rows []kibanatest.Row) {
	t.Helper()
	if len(chart.Buckets()) == 0 {
		return
	}
	column := chart.Columns[chart.Buckets()[0]]
	by := column.Params.OrderBy.ColumnID
	groups := map[string][]document{}
	for _, d := range counted {
		if key := keyOf(column, d); key != "" {
			groups[key] = append(groups[key], d)
		}
	}
	shown := map[string]bool{}
	for _, row := range rows {
		shown[row.Keys[0]] = true
	}
	if want := min(len(groups), column.Params.Size); len(shown) != want {
		t.Errorf("%d rows of %s, by hand %d", len(shown), column.Label, want)
	}
	least, most := "", ""
	for key, group := range groups {
		rank := rankOf(t, chart, by, group)
		if shown[key] && (least == "" || rank < least) {
			least = rank
		} else if !shown[key] && rank > most {
			most = rank
		}
	}
	if most > least {
		t.Errorf("%s leaves a group out that ranks %s and shows one that ranks %s", column.Label, most, least)
	}
	for key := range maps.Keys(shown) {
		if groups[key] == nil {
			t.Errorf("%s shows %q, which is not in the records", column.Label, key)
		}
	}
}

// rankOf is a metric as text that sorts as the metric does.
func rankOf(t *testing.T, chart kibanatest.Chart, id string, group []document) string {
	t.Helper()
	if n, ok := byHand(t, chart, id, group).(int); ok {
		return fmt.Sprintf("%09d", n)
	}
	return byHand(t, chart, id, group).(string)
}

// byHand is the metric of a column over a group of documents.
func byHand(t *testing.T, chart kibanatest.Chart, id string, group []document) any {
	t.Helper()
	column := chart.Columns[id]
	newest := slices.Clone(group)
	slices.SortFunc(newest, func(a, b document) int { return cmp.Compare(b.first("@timestamp"), a.first("@timestamp")) })
	switch column.OperationType {
	case "count":
		return len(filtered(t, column, group))
	case "unique_count":
		values := map[string]bool{}
		for _, d := range group {
			values[d.first(column.SourceField)] = true
		}
		delete(values, "")
		return len(values)
	case "max":
		return newest[0].first("@timestamp")
	case "min":
		return newest[len(newest)-1].first("@timestamp")
	case "last_value":
		for _, d := range newest {
			if v := d.first(column.SourceField); v != "" {
				return v
			}
		}
		return ""
	}
	t.Fatalf("operation %s", column.OperationType)
	return nil
}

// filtered are the documents that the filter of a column, field : "value", keeps.
func filtered(t *testing.T, column kibanatest.Column, group []document) []document {
	t.Helper()
	if column.Filter == nil {
		return group
	}
	field, value, ok := strings.Cut(column.Filter.Query, " : ")
	if !ok {
		t.Fatalf("column %s is filtered by %q", column.Label, column.Filter.Query)
	}
	var kept []document
	for _, d := range group {
		if slices.Contains(d[field], strings.Trim(value, `"`)) {
			kept = append(kept, d)
		}
	}
	return kept
}
