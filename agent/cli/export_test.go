package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode/estest"
	reports "github.com/auditship/auditship/exporter/report"
	"github.com/auditship/auditship/mappings"
)

const serviceHTTPBin = "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae"

// analystConfig fills a namespace of the real node with the records of both
// stories and gives the configuration of somebody who may only read.
func analystConfig(t *testing.T) (path string) {
	t.Helper()
	node, namespace := estest.Shared(t), estest.Namespace(t)
	admin, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := mappings.Apply(t.Context(), admin, mappings.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateUser(t.Context(), "analyst-"+namespace, "analyst-c4nary", mappings.AnalystRole); err != nil {
		t.Fatal(err)
	}
	var bulk bytes.Buffer
	for i, r := range []struct {
		age             time.Duration
		operator, event string
		resource, name  string
	}{
		{time.Hour, "Ops", "Add Service", serviceHTTPBin, "httpbin"},
		{26 * time.Hour, "Dev", "Update Service", serviceHTTPBin, "httpbin"},
		{20 * 24 * time.Hour, "Ops", "Add Service", "0b1c", "=orders"},
		{40 * 24 * time.Hour, "Ops", "Add Service", serviceHTTPBin, "httpbin"},
	} {
		fmt.Fprintf(&bulk, `{"create":{"_id":"record-%d"}}
{"@timestamp":%q,"user":{"name":%q},"api7":{"audit":{"event_name":%q,"resource":{"id":%q,"name":%q},"source":"dashboard","request":{"body":{"name":%[6]q}}}},"source":{"address":"203.0.113.7","ip":"203.0.113.7"},"event":{"outcome":"success"}}
`, i, time.Now().Add(-r.age).UTC().Format(time.RFC3339Nano), r.operator, r.event, r.resource, r.name)
	}
	status, answer, err := node.Do(t.Context(), http.MethodPost, "/logs-api7.audit-"+namespace+"/_bulk?refresh=true", bulk.Bytes())
	if err != nil || status != http.StatusOK || !bytes.Contains(answer, []byte(`"errors":false`)) {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	return writeConfig(t, fmt.Sprintf("elasticsearch: {urls: %q, ca_file: %q, username: analyst-%s, password: analyst-c4nary, namespace: %[3]s}\n",
		node.URL, node.CAFile, namespace))
}

func TestExport(t *testing.T) {
	cfg := analystConfig(t)
	export := func(args ...string) outcome {
		got := runMain(append([]string{"export", "-c", cfg}, args...)...)
		if strings.Contains(got.stdout+got.stderr, "c4nary") {
			t.Error("the password was printed")
		}
		return got
	}
	t.Run("story of an operator, as CSV in a file", func(t *testing.T) {
		folder := t.TempDir()
		file := filepath.Join(folder, "add-service.csv")
		got := export("--event", "Add Service", "--operator", "Ops", "--last", "30d", "--details", "-o", file)
		want(t, got, exitDone, "2 records in "+file+", SHA-256 ")
		if got.stdout != "" {
			t.Errorf("stdout: %s", got.stdout)
		}
		rows := readCSV(t, file)
		if len(rows) != 3 || rows[1][4] != "httpbin" || rows[2][4] != "'=orders" || len(rows[0]) != len(reports.DetailColumns()) {
			t.Errorf("rows: %q", rows)
		}
		check := exec.Command("sha256sum", "-c", "add-service.csv.sha256")
		check.Dir = folder
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		wantFiles(t, folder, "add-service.csv", "add-service.csv.sha256")
	})
	t.Run("story of an operator, as JSON in a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "add-service.json")
		want(t, export("--event", "Add Service", "--operator", "Ops", "--last", "30d", "--details", "-o", file), exitDone)
		text, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(text, []byte("[\n{\"@timestamp\":")) || bytes.Count(text, []byte(`"request":{"body":{"name":"`)) != 2 {
			t.Errorf("%v %s", err, text)
		}
	})
	t.Run("compressed, for Excel, until the end of time", func(t *testing.T) {
		folder := t.TempDir()
		file := filepath.Join(folder, "all.csv.gz")
		want(t, export("--from", "2020-01-01", "--to", "9999-12-31", "--bom", "-o", file), exitDone, "4 records in "+file)
		out, err := exec.Command("zcat", file).Output()
		if err != nil || !bytes.HasPrefix(out, []byte("\ufeffTime,Operator,")) || bytes.Count(out, []byte("\n")) != 5 {
			t.Errorf("%v %q", err, out)
		}
		check := exec.Command("sha256sum", "-c", "all.csv.gz.sha256")
		check.Dir = folder
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("story of a resource, as a table", func(t *testing.T) {
		got := export("--resource-id", serviceHTTPBin, "--last", "7d", "--details", "--format", "table")
		want(t, got, exitDone, " · Add Service · Ops · success ─", " · Update Service · Dev · success ─", "Request Body        {\n", "2 records, SHA-256 ")
		if strings.Count(got.stdout, "Document ID") != 2 {
			t.Errorf("stdout:\n%s", got.stdout)
		}
	})
	t.Run("CSV is what a pipe gets", func(t *testing.T) {
		got := export("--columns", "Resource Name,user.name", "--sort", "asc", "--limit", "2", "--no-defuse")
		want(t, got, exitDone)
		if got.stdout != "Resource Name,user.name\nhttpbin,Ops\n=orders,Ops\n" {
			t.Errorf("stdout:\n%s", got.stdout)
		}
	})
	t.Run("dates", func(t *testing.T) {
		at := time.Now().UTC().Add(-26 * time.Hour).Format(time.DateOnly)
		got := export("--from", at, "--to", at, "--columns", "event", "--operator", "Dev", "--format", "ndjson")
		want(t, got, exitDone)
		if got.stdout != "{\"event\":\"Update Service\"}\n" {
			t.Errorf("stdout:\n%s", got.stdout)
		}
	})
	t.Run("nothing found", func(t *testing.T) {
		want(t, export("--operator", "ops"), exitDone, "0 records, SHA-256 ", "with their case")
	})
	t.Run("no such data stream", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.csv")
		want(t, export("--namespace", "nowhere", "-o", file), exitFailed, "no such data stream: logs-api7.audit-nowhere")
		wantFiles(t, filepath.Dir(file))
	})
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v, want mode 0600", info, err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read from
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func wantFiles(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, append([]string{}, names...)) {
		t.Errorf("files %q, want %q", got, names)
	}
}

func TestExportRefusesWhatMakesNoSense(t *testing.T) {
	cfg := writeConfig(t, "elasticsearch: {urls: http://127.0.0.1:1}\n")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"argument":            {[]string{"audit.csv"}, exitMisused, "takes no arguments"},
		"last without unit":   {[]string{"--last", "30"}, exitMisused, "--last: not a time span"},
		"last and from":       {[]string{"--last", "30d", "--from", "2026-11-01"}, exitMisused, "[from last]"},
		"details and columns": {[]string{"--details", "--columns", "time"}, exitMisused, "[columns details]"},
		"bad date":            {[]string{"--from", "20.11.2026"}, exitMisused, "2026-11-20T15:04:05Z"},
		"to before from":      {[]string{"--from", "2026-11-20", "--to", "2026-11-19"}, exitMisused, "is not before"},
		"bad zone":            {[]string{"--timezone", "Mars/Olympus"}, exitMisused, "Mars/Olympus"},
		"bad format":          {[]string{"--format", "xlsx"}, exitMisused, "must be one of csv"},
		"bad order":           {[]string{"--sort", "up"}, exitMisused, "must be asc or desc"},
		"bad column":          {[]string{"--columns", "operatr"}, exitMisused, `did you mean "operator"?`},
		"bad address":         {[]string{"--ip", "gateway"}, exitMisused, "neither an address"},
		"bad namespace":       {[]string{"--namespace", "a-b"}, exitMisused, "namespace"},
		"folder as file":      {[]string{"-o", os.TempDir()}, exitMisused, "not a regular file"},
		"device as file":      {[]string{"-o", "/dev/null"}, exitMisused, "not a regular file"},
		"nobody there":        {nil, exitUnreachable, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"export", "-c", cfg}, c.args...)...), c.code, c.says)
		})
	}
}

func TestExportNeedsCredentialsThatAreThere(t *testing.T) {
	for name, c := range map[string]struct{ es, says string }{
		"variable not set": {`api_key: "${AUDITSHIP_NO_SUCH_VARIABLE}"`, "AUDITSHIP_NO_SUCH_VARIABLE"},
		"file not there":   {`api_key: "${file:/nonexistent/key}"`, "/nonexistent/key"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := writeConfig(t, "elasticsearch: {urls: http://127.0.0.1:1, "+c.es+"}\n")
			want(t, runMain("export", "-c", cfg), exitMisused, c.says)
		})
	}
}

// An analyst cannot read the gateway's key, and does not have to.
func TestExportNeedsNoOtherSecrets(t *testing.T) {
	cfg := writeConfig(t, `
inputs: [{type: api, id: dashboard, url: "https://gw:7443", api_key: "${file:/nonexistent/token}"}]
elasticsearch: {urls: http://127.0.0.1:1}
`)
	want(t, runMain("export", "-c", cfg), exitUnreachable)
}

func TestPeriod(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		last, from, to   string
		wantFrom, wantTo string
	}{
		"always":            {"", "", "", "", ""},
		"last 30 days":      {"30d", "", "", "2026-10-21T12:00:00Z", ""},
		"last week":         {"1w", "", "", "2026-11-13T12:00:00Z", ""},
		"a day":             {"", "2026-11-20", "2026-11-20", "2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"},
		"a day of 25 hours": {"", "2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"instants":          {"", "2026-11-20T01:02:03Z", "2026-11-20T03:02:03.5+01:00", "2026-11-20T01:02:03Z", "2026-11-20T02:02:03.5Z"},
		"from a day on":     {"", "2026-11-20", "", "2026-11-19T23:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := period{last: c.last, from: c.from, to: c.to, timezone: "Europe/Berlin"}
			from, to, _, err := p.bounds(now)
			if err != nil {
				t.Fatal(err)
			}
			if stamp(from) != c.wantFrom || stamp(to) != c.wantTo {
				t.Errorf("from %s to %s, want from %s to %s", stamp(from), stamp(to), c.wantFrom, c.wantTo)
			}
		})
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// What would match nothing, or be written as something else than its name says, is
// refused with words that help.
func TestExportRefusesWhatWouldMislead(t *testing.T) {
	cfg := writeConfig(t, "elasticsearch: {urls: http://127.0.0.1:1}\n")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a spreadsheet":        {[]string{"-o", "a.xlsx"}, "-o FILE.csv --bom"},
		"a page":               {[]string{"-o", "a.html"}, "is not written"},
		"a mark for JSON":      {[]string{"-o", "a.json", "--bom"}, "a byte order mark is for CSV"},
		"a source, misspelt":   {[]string{"--source", "dashbord"}, "did you mean dashboard?"},
		"a source in capitals": {[]string{"--source", "API"}, "did you mean api?"},
		"an outcome":           {[]string{"--outcome", "sucess"}, "did you mean success?"},
		"a column":             {[]string{"--columns", "time,operater"}, `did you mean "operator"?`},
		"a value too long":     {[]string{"--event", strings.Repeat("ä", 1025)}, "1025 characters cannot be looked for"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"export", "-c", cfg}, c.args...)...), exitMisused, c.says)
		})
	}
}

func TestFormatFollowsFlagThenNameThenReader(t *testing.T) {
	for name, c := range map[string]struct {
		format, output string
		want           reports.Format
	}{
		"flag":           {"table", "a.json", reports.Table},
		"json":           {"", "a.JSON", reports.JSON},
		"ndjson":         {"", "a.ndjson", reports.NDJSON},
		"jsonl":          {"", "a.jsonl", reports.NDJSON},
		"compressed":     {"", "a.csv.gz", reports.CSV},
		"compressed too": {"", "a.json.GZ", reports.JSON},
		"csv":            {"", "a.csv", reports.CSV},
		"any other name": {"", "audit", reports.CSV},
		"a pipe":         {"", "", reports.CSV},
		"a pipe by name": {"", "-", reports.CSV},
	} {
		t.Run(name, func(t *testing.T) {
			e := &export{program: &program{stdout: &bytes.Buffer{}}, period: period{timezone: "UTC"}, format: c.format, output: c.output, sort: "asc"}
			if err := e.complete(time.Now()); err != nil || e.opts.Format != c.want {
				t.Errorf("got %s, want %s: %v", e.opts.Format, c.want, err)
			}
			if e.opts.Gzip != strings.HasSuffix(strings.ToLower(c.output), ".gz") {
				t.Errorf("compressed: %v", e.opts.Gzip)
			}
		})
	}
}

// Ctrl-C in the middle leaves neither the report nor half of it.
func TestExportInterrupted(t *testing.T) {
	cfg := analystConfig(t)
	node := estest.Shared(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		if r.URL.Path != "/_search" {
			_, _ = w.Write([]byte(`{"id":"view"}`)) // the client may be gone
			return
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
		<-r.Context().Done()
	}))
	defer server.Close()
	text, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	slow := writeConfig(t, strings.Replace(string(text), node.URL, server.URL, 1))
	file := filepath.Join(t.TempDir(), "audit.csv")
	want(t, runMain("export", "-c", slow, "-o", file), exitFailed, "interrupted")
	wantFiles(t, filepath.Dir(file))
}
