package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	exports "github.com/auditship/auditship/exporter/report"
)

// What export --details wrote, as JSON, as NDJSON or as CSV, is imported under the _id
// that each record had, and not as records of their own.
func TestOwnExportsKeepTheirIDs(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rehearse := func(name, text string) (ids []string, sources []map[string]any) {
		t.Helper()
		got := runMain("import", "--dry-run", put(name, text))
		if got.code != exitDone {
			t.Fatalf("%s: %+v", name, got)
		}
		for line := range strings.Lines(got.stdout) {
			var d struct {
				ID     string         `json:"_id"`
				Source map[string]any `json:"_source"`
			}
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatal(err)
			}
			ids, sources = append(ids, d.ID), append(sources, d.Source)
		}
		return ids, sources
	}
	ids, sources := rehearse("audit.json", `{"id":"77","event_time":1764000000,"event_type":"AddService","operator":{"id":"7","username":"Ops","email":"ops@example.com"},"source":"dashboard","resource_id":"s1","resource_name":"httpbin","resource_type":"service","ip_address":"203.0.113.7","http_request":{"method":"POST","uri":"/apisix/admin/services","body":{"name":"httpbin"}},"http_response":{"status_code":200}}`+"\n")
	if len(ids) != 1 {
		t.Fatalf("%d documents", len(ids))
	}
	document, err := json.Marshal(sources[0])
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]string{
		"Time": "2025-11-24T16:00:00Z", "Operator": "Ops", "Event": "Add Service", "Resource ID": "s1", "Resource Name": "httpbin",
		"IP Address": "203.0.113.7", "Source": "dashboard", "Event Type": "AddService", "Event ID": "77", "Operator ID": "7",
		"Method": "POST", "URL": "/apisix/admin/services", "Status Code": "200", "Document ID": ids[0],
	}
	var titles, row []string
	for _, c := range exports.DetailColumns() {
		titles, row = append(titles, c.Title), append(row, cells[c.Title])
	}
	for name, text := range map[string]string{
		"export.ndjson": string(document) + "\n",
		"export.json":   "[\n" + string(document) + "\n]\n",
		"export.csv":    strings.Join(titles, ",") + "\n" + strings.Join(row, ",") + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			again, came := rehearse(name, text)
			if len(again) != 1 || again[0] != ids[0] {
				t.Fatalf("came as %v, was %v", again, ids)
			}
			for _, path := range []string{"@timestamp", "event.action", "user.name", "user.id", "source.address", "api7.audit.resource.id", "api7.audit.source", "http.request.method", "url.original", "http.response.status_code"} {
				if got, want := fieldAt(came[0], path), fieldAt(sources[0], path); got != want {
					t.Errorf("%s is %v, was %v", path, got, want)
				}
			}
		})
	}
}

// Against the real thing: what was exported is there already when it is imported.
func TestImportOfAnExportAddsNothing(t *testing.T) {
	d := newImportDesk(t)
	var records strings.Builder
	for i := range 37 {
		fmt.Fprintf(&records, `{"id":"own-%d","event_time":%d,"event_type":"AddService","operator":{"id":"7","username":"Ops"},"resource_id":"s%d","ip_address":"203.0.113.7","http_request":{"method":"POST","uri":"/apisix/admin/services"}}`+"\n", i, 1764000000+i, i)
	}
	want(t, d.run(records.String(), "-"), exitDone, "37 indexed")
	d.call("POST", "/_refresh", nil)
	for _, format := range []string{"csv", "json", "ndjson"} {
		path := filepath.Join(t.TempDir(), "export."+format)
		got := runMain("export", "-c", d.cfg, "--from", "2025-11-01", "--to", "2025-12-31", "--details", "--format", format, "-o", path)
		if got.code != exitDone {
			t.Fatalf("%+v", got)
		}
		want(t, d.run("", path), exitDone, "read 37 records: 0 indexed, 37 were there already, 0 rejected")
	}
	if n := len(d.sources()); n != 37 {
		t.Errorf("%d documents", n)
	}
}

// fieldAt is the value at a dotted path.
func fieldAt(object map[string]any, path string) any {
	head, rest, deeper := strings.Cut(path, ".")
	if inner, ok := object[head].(map[string]any); ok && deeper {
		return fieldAt(inner, rest)
	}
	return object[head]
}
