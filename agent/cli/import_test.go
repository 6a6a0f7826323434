package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/peer"
)

// importDesk is a configuration, a folder of files and a data stream.
type importDesk struct {
	t      *testing.T
	cfg    string // path
	dir    string
	stream string
}

func newImportDesk(t *testing.T) *importDesk {
	t.Helper()
	elasticsearch, stream := liveAgent(t)
	dir := t.TempDir()
	cfg := writeConfig(t, fmt.Sprintf("elasticsearch: %s\nstate_dir: %s/state\ngateway: prod\n", elasticsearch, dir))
	return &importDesk{t, cfg, dir, stream}
}

func (d *importDesk) write(name, text string) string {
	d.t.Helper()
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, text); err != nil {
			d.t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			d.t.Fatal(err)
		}
		text = b.String()
	}
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *importDesk) run(stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := Main(append([]string{"import", "-c", d.cfg}, args...), strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

func (d *importDesk) call(method, path string, answer any) {
	d.t.Helper()
	status, body, err := estest.Shared(d.t).Do(d.t.Context(), method, "/"+d.stream+path, nil)
	if err != nil || status >= 300 {
		d.t.Fatalf("%s %s: %d %s %v", method, path, status, body, err)
	}
	if answer != nil {
		if err := json.Unmarshal(body, answer); err != nil {
			d.t.Fatal(err)
		}
	}
}

// sources are the documents of the stream by their event.id.
func (d *importDesk) sources() map[string]map[string]any {
	d.t.Helper()
	d.call("POST", "/_refresh", nil)
	var answer struct {
		Hits struct {
			Hits []struct {
				Source map[string]any `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	d.call("GET", "/_search?size=10000", &answer)
	sources := map[string]map[string]any{}
	for _, hit := range answer.Hits.Hits {
		id, _ := at(hit.Source, "event.id").(string)
		if _, twice := sources[id]; twice {
			d.t.Errorf("%s is there twice", id)
		}
		sources[id] = hit.Source
	}
	return sources
}

// at is the value at a dotted path, or nil.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

// layouts are the forms that a file may have, by the extension that a person would
// give it. Each holds the records it is given, and one that is bad.
var layouts = map[string]func(a, b string) (text string, badAt int){
	"lines.ndjson": func(a, b string) (string, int) { return a + "\n" + badRecord + "\n" + b + "\n", len(a) + 1 },
	"crlf.json": func(a, b string) (string, int) {
		return "\xef\xbb\xbf" + a + "\r\n" + badRecord + "\r\n" + b + "\r\n", 3 + len(a) + 2
	},
	"array.json":        func(a, b string) (string, int) { return "[" + a + "," + badRecord + "," + b + "]", 2 + len(a) },
	"concatenated.json": func(a, b string) (string, int) { return a + badRecord + b, len(a) },
	"pretty.json": func(a, b string) (string, int) {
		a = pretty(a)
		return a + "\n" + badRecord + "\n" + pretty(b) + "\n", len(a) + 1
	},
	"pretty-array.json": func(a, b string) (string, int) {
		a = "[\n" + pretty(a) + ",\n"
		return a + badRecord + ",\n" + pretty(b) + "\n]\n", len(a)
	},
	"answer.json": func(a, b string) (string, int) {
		a = `{"total":3,"list":[` + a + ","
		return a + badRecord + "," + b + "]}", len(a)
	},
	"half.json": func(a, b string) (string, int) { return a + "\n" + b + "\n" + badRecord[:20], len(a) + len(b) + 2 },
	"keys.csv": func(a, b string) (string, int) {
		head := "id,event_time,operator.username,event_type,http_request.body,shift\n" + row(a, "2026-03-01T12:00:00Z") + "\n"
		return head + "only,two\n" + row(b, "2026-03-01T12:00:01Z") + "\n", len(head)
	},
	"titles.csv": func(a, b string) (string, int) {
		head := "ID;Time;Operator;Event;Request Body;Shift\n" + strings.ReplaceAll(row(a, "2026-03-01 13:00:00"), ",", ";") + "\n"
		return head + "only;two\n" + strings.ReplaceAll(row(b, "2026-03-01 13:00:01"), ",", ";"), len(head)
	},
}

const badRecord = `{"id":"bad","event_time":oops}`

func namedRecord(id string) string {
	return fmt.Sprintf(`{"id":%q,"event_time":1772366400,"operator":{"username":"Ops"},"event_type":"AddService","http_request":{"body":{"password":"c4nary-s3cret"}},"shift":"night"}`, id)
}

func pretty(record string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(record), "", "  "); err != nil {
		panic(err)
	}
	return b.String()
}

// row is the record as a row of a CSV file.
func row(record, time string) string {
	id := regexp.MustCompile(`"id":"([^"]*)"`).FindStringSubmatch(record)[1]
	return id + "," + time + `,Ops,AddService,"{""password"":""c4nary-s3cret""}",night`
}

// R7: every layout, plain and compressed, as files and on standard input, with a bad
// record in it: what is good arrives, once, also when it is imported again after a
// rollover; what is bad becomes a dead letter with its file and place.
func TestR7ImportOfEveryLayout(t *testing.T) {
	d := newImportDesk(t)
	var files, wanted, letters []string
	for name, layout := range layouts {
		for _, name := range []string{name, name + ".gz"} {
			a, b := namedRecord("a of "+name), namedRecord("b of "+name)
			text, bad := layout(a, b)
			path := d.write(name, text)
			files = append(files, path)
			wanted = append(wanted, "a of "+name, "b of "+name)
			letters = append(letters, fmt.Sprintf("%s at %d", path, bad))
		}
	}
	rejects := filepath.Join(d.dir, "rejects.ndjson")
	args := append([]string{"--timezone", "Europe/Berlin", "--dead-letter", rejects, "-"}, files...)
	stdin := namedRecord("on stdin") + "\n"
	wanted = append(wanted, "on stdin")

	n := len(wanted)
	got := d.run(stdin, args...)
	want(t, got, exitFailed,
		fmt.Sprintf("read %d records: %d indexed, 0 were there already, %d rejected\n", n+len(letters), n, len(letters)),
		fmt.Sprintf("%d records rejected and kept in %s; auditship replay --dead-letter %[2]s lists them", len(letters), rejects))
	sources := d.sources()
	for _, id := range wanted {
		source := sources[id]
		if source == nil {
			t.Errorf("%s is missing", id)
			continue
		}
		stamp, _ := at(source, "@timestamp").(string)
		text, err := json.Marshal(source)
		if err != nil || !strings.HasPrefix(stamp, "2026-03-01T12:00:0") || bytes.Contains(text, []byte("c4nary")) ||
			at(source, "user.name") != "Ops" || at(source, "observer.name") != "prod" || !strings.Contains(strings.ToLower(string(text)), `"shift":"night"`) {
			t.Errorf("%s: %s %v", id, text, err)
		}
	}
	if len(sources) != n {
		t.Errorf("%d documents, want %d", len(sources), n)
	}
	d.expectLetters(rejects, letters)

	d.call("POST", "/_rollover", nil)
	want(t, d.run(stdin, args...), exitFailed, fmt.Sprintf(": 0 indexed, %d were there already, ", n))
	if after := d.sources(); len(after) != n {
		t.Errorf("%d documents after a second time, want %d", len(after), n)
	}
	d.expectLetters(rejects, letters)
}

// expectLetters reads the dead letters by hand: they are somebody's file.
func (d *importDesk) expectLetters(path string, wanted []string) {
	d.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for line := range bytes.Lines(text) {
		var l struct {
			Path   string `json:"path"`
			Offset int64  `json:"offset"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			d.t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s at %d", l.Path, l.Offset))
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		d.t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		d.t.Errorf("%v %v", info, err)
	}
}

func TestImportOfAnotherGateway(t *testing.T) {
	d := newImportDesk(t)
	path := d.write("a[1].json", namedRecord("1")+"\n") // a name, no pattern
	want(t, d.run("", path), exitDone, "read 1 record: 1 indexed, 0 were there already, 0 rejected\n")
	want(t, d.run("", path), exitDone, "read 1 record: 0 indexed, 1 were there already")
	want(t, d.run("", "--gateway", "other", path), exitDone, "read 1 record: 1 indexed")
	letters, err := os.ReadDir(filepath.Join(d.dir, "state", "dead-letter"))
	if err != nil || len(letters) != 0 {
		t.Errorf("%v %v", letters, err)
	}
}

func TestImportKeepsRejectsInTheConfiguredPlace(t *testing.T) {
	d := newImportDesk(t)
	path := d.write("a.json", badRecord+"\n"+namedRecord(strings.Repeat("long", 1000))+"\n")
	got := d.run("", "--max-record", "1KiB", path)
	want(t, got, exitFailed, "2 records rejected and kept in "+filepath.Join(d.dir, "state", "dead-letter")+"; auditship replay lists them")
	want(t, d.run("", "--max-record", "1MiB", path), exitFailed, ": 1 indexed, 0 were there already, 1 rejected")
	want(t, runMain("replay", "-c", d.cfg), exitDone, "broken_json", "too_large")
}

func TestImportDryRun(t *testing.T) {
	dir := t.TempDir()
	text, _ := layouts["array.json"](namedRecord("1"), namedRecord("2"))
	path := filepath.Join(dir, "export.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runMain("import", "--dry-run", path) // there is no configuration
	want(t, got, exitFailed, "rejected: broken_json at byte ", " of "+path+" (",
		"read 3 records: 2 documents, 1 rejected\n", "1 record would be rejected")
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	shape := regexp.MustCompile(`^\{"_id":"[A-Za-z0-9_-]{22}","_source":\{"@timestamp":"2026-03-01T12:00:00.000Z",.*\}\}$`)
	if len(lines) != 2 || !shape.MatchString(lines[0]) || !shape.MatchString(lines[1]) || strings.Contains(got.stdout, "c4nary") {
		t.Errorf("stdout:\n%s", got.stdout)
	}

	rejects := filepath.Join(dir, "rejects.ndjson")
	got = runMain("import", "--dry-run", "--dead-letter", rejects, path)
	want(t, got, exitFailed, "1 record would be rejected")
	kept, err := os.ReadFile(rejects)
	if err != nil || bytes.Count(kept, []byte("\n")) != 1 || strings.Contains(got.stderr, "rejected: ") {
		t.Errorf("%v %s\n%s", err, kept, got.stderr)
	}

	cfg := writeConfig(t, "gateway: prod\nstate_dir: "+dir+"/state\nelasticsearch: {api_key: \"${NOT_SET_ANYWHERE}\"}\n")
	got = runMain("import", "--dry-run", "-c", cfg, path)
	want(t, got, exitFailed, `"product":"API7 Enterprise","type":"gateway","name":"prod"}`)
	if _, err := os.Stat(dir + "/state"); err == nil {
		t.Error("a dry run made the state directory")
	}
	many := filepath.Join(dir, "many.json")
	if err := os.WriteFile(many, []byte(strings.Repeat("{oops\n", 30)), 0o600); err != nil {
		t.Fatal(err)
	}
	got = runMain("import", "--dry-run", many)
	want(t, got, exitFailed, "rejected: 30 times broken_json from byte 0 to byte 174 of ", "read 30 records: 0 documents, 30 rejected")
	if err := os.WriteFile(many, []byte(strings.Repeat("{oops\n"+namedRecord("1")+"\n", 30)), 0o600); err != nil {
		t.Fatal(err)
	}
	got = runMain("import", "--dry-run", many)
	want(t, got, exitFailed, "and 10 more; --dead-letter FILE keeps them", "read 60 records: 30 documents, 30 rejected")
	if n := strings.Count(got.stderr, "rejected: "); n != 20 {
		t.Errorf("%d rejects are named", n)
	}
}

// Where the configuration has the gateway's audit API, imported records get the
// display names of their event types from it, as those of the agent do.
func TestImportAsksForDisplayNames(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/audit_logs/event_types" || r.Header.Get("X-API-KEY") != "c4nary-s3cret" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		_, _ = io.WriteString(w, `{"list":[{"key":"AddService","name":"Create a Service"}]}`) // a lost answer fails the test
	}))
	defer server.Close()
	for name, tt := range map[string]struct{ url, gateway, eventName, says string }{
		"it answers":         {server.URL, "api7", "Create a Service", "read 1 record"},
		"another gateway":    {server.URL, "other", "Add Service", "read 1 record"},
		"it does not answer": {"http://127.0.0.1:1", "api7", "Add Service", "events get the usual ones"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := writeConfig(t, fmt.Sprintf("inputs: [{type: api, id: dashboard, url: %q, api_key: c4nary-s3cret}]\nstate_dir: %s\n", tt.url, t.TempDir()))
			var stdout, stderr bytes.Buffer
			code := Main([]string{"import", "--dry-run", "-c", cfg, "--gateway", tt.gateway, "-"}, strings.NewReader(namedRecord("1")), &stdout, &stderr)
			got := outcome{code, stdout.String(), stderr.String()}
			want(t, got, exitDone, fmt.Sprintf(`"event_name":%q`, tt.eventName), tt.says)
		})
	}
}

func TestImportSaysWhatIsWrongBeforeItBegins(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dir := t.TempDir()
	cfg := writeConfig(t, fmt.Sprintf("elasticsearch: {urls: %q}\nstate_dir: %s/state\n", gone.URL, dir))
	keyless := writeConfig(t, fmt.Sprintf("elasticsearch: {urls: %q, api_key: \"${NOT_SET_ANYWHERE}\"}\n", gone.URL))
	record := filepath.Join(dir, "a.json")
	other := filepath.Join(dir, "notes.txt")
	for path, text := range map[string]string{record: namedRecord("1"), other: "not a letter\nnor this"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no file":             {[]string{"-c", cfg}, exitMisused, "needs the name of at least one file; - is standard input"},
		"file not there":      {[]string{"-c", cfg, record, dir + "/nope.json"}, exitMisused, "nope.json: no such file"},
		"pattern in quotes":   {[]string{"-c", cfg, dir + "/*.csv"}, exitMisused, "leave them without quotes"},
		"folder":              {[]string{"-c", cfg, dir}, exitMisused, "is a folder; name the files in it: " + dir + "/*"},
		"device":              {[]string{"-c", cfg, "/dev/zero"}, exitMisused, "auditship import - < /dev/zero"},
		"bad zone":            {[]string{"-c", cfg, "--timezone", "Mars/Olympus", record}, exitMisused, "--timezone: \"Mars/Olympus\" is no time zone such as Europe/Berlin"},
		"bad gateway":         {[]string{"-c", cfg, "--gateway", " prod", record}, exitMisused, "--gateway: must be"},
		"bad size":            {[]string{"-c", cfg, "--max-record", "8", record}, exitMisused, "--max-record: "},
		"rejects over input":  {[]string{"-c", cfg, "--dead-letter", record, record}, exitMisused, "is one of the files to import"},
		"rejects over other":  {[]string{"-c", cfg, "--dead-letter", other, record}, exitMisused, "holds no dead letters; name a file that is not there yet"},
		"rejects in a folder": {[]string{"-c", cfg, "--dead-letter", dir, record}, exitMisused, "is not a regular file"},
		"no configuration":    {[]string{"-c", dir + "/none.yml", record}, exitMisused, "no such file"},
		"dry, but named":      {[]string{"--dry-run", "-c", dir + "/none.yml", record}, exitMisused, "no such file"},
		"key not set":         {[]string{"-c", keyless, record}, exitMisused, "NOT_SET_ANYWHERE is not set"},
		"nobody answers":      {[]string{"-c", cfg, record}, exitUnreachable, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, runMain(append([]string{"import"}, tt.args...)...), tt.code, tt.says)
		})
	}
	if _, err := os.Stat(dir + "/state"); err == nil {
		t.Error("a state directory was made")
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "not a letter\nnor this" {
		t.Errorf("%q %v", text, err)
	}
}

// Somebody waits for the command: what does not pass by itself ends it soon, and
// nothing is lost.
func TestImportDoesNotWaitForWhatDoesNotPass(t *testing.T) {
	d := newImportDesk(t)
	path := d.write("a.json", namedRecord("1")+"\n")
	var refuse atomic.Bool
	node := estest.Shared(t)
	proxy := passing(t, node, func(w http.ResponseWriter, r *http.Request) bool {
		if !refuse.Load() || !strings.Contains(r.URL.Path, "_bulk") {
			return false
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		http.Error(w, `{"error":{"type":"security_exception","reason":"c4nary"},"status":403}`, http.StatusForbidden)
		return true
	})
	text, err := os.ReadFile(d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.cfg = writeConfig(t, strings.Replace(string(text), node.URL, proxy, 1))
	refuse.Store(true)
	got := d.run("", path)
	want(t, got, exitFailed, "1 not sent", "elasticsearch takes no documents: forbidden", "; when that is mended, the same command goes on here")
	if strings.Contains(got.stderr, "c4nary") {
		t.Error(got.stderr)
	}
	refuse.Store(false)
	want(t, d.run("", path), exitDone, "read 1 record: 1 indexed")
}

// passing is a proxy before the node; intercept may answer in its place.
func passing(t *testing.T, node *esnode.Node, intercept func(http.ResponseWriter, *http.Request) bool) (url string) {
	t.Helper()
	way, err := peer.NewClient(peer.Config{CAFile: node.CAFile})
	if err != nil {
		t.Fatal(err)
	}
	target, err := neturl.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: way.Transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !intercept(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		server.Close()
		way.CloseIdleConnections()
	})
	return server.URL
}

func TestHopeless(t *testing.T) {
	now := time.Now()
	for name, tt := range map[string]struct {
		waiting health.Condition
		ago     time.Duration
		code    int
	}{
		"nothing":             {health.Condition{}, 0, exitDone},
		"slow":                {health.Condition{Part: "elasticsearch", Reason: string(bulk.ReasonUnreachable)}, time.Minute, exitDone},
		"gone for long":       {health.Condition{Part: "elasticsearch", Reason: string(bulk.ReasonUnreachable)}, 6 * time.Minute, exitUnreachable},
		"forbidden":           {health.Condition{Part: "elasticsearch", Reason: string(bulk.ReasonForbidden), Lasting: true}, 0, exitFailed},
		"dead letter is full": {health.Condition{Part: "dead-letter", Reason: "is full; reading waits"}, 0, exitFailed},
		"state":               {health.Condition{Part: "state", Reason: "positions cannot be saved"}, time.Hour, exitDone},
	} {
		tt.waiting.Since = now.Add(-tt.ago)
		if got := exitCode(hopeless([]health.Condition{tt.waiting}, now)); got != tt.code {
			t.Errorf("%s: exit code %d, want %d", name, got, tt.code)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for want, p := range map[string]progress{
		"0 B of 2.0 MiB, 0 records, 0/s": {files: input.Progress{Size: 2 << 20}},
		"512.0 KiB of 2.0 MiB, 1000 records, 100/s, 30s left": {
			files: input.Progress{Done: 1 << 20, Size: 2 << 20}, totals: health.Totals{Read: 2000, InFlight: 1000}, elapsed: 10 * time.Second,
		},
		"1.5 GiB of 2.0 GiB, 100 records, 10/s, 10s left": { // goes on after an interruption
			files: input.Progress{Resumed: 1 << 30, Done: 3 << 29, Size: 2 << 30}, totals: health.Totals{Read: 100}, elapsed: 10 * time.Second,
		},
		"3.0 KiB, 5 records, waiting: elasticsearch busy": { // a pipe
			files: input.Progress{Done: 3 << 10}, totals: health.Totals{Read: 5}, elapsed: time.Second,
			waiting: []health.Condition{{Part: "elasticsearch", Reason: "busy"}},
		},
	} {
		if got := p.line(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Where no terminal is, a line says the same now and then.
func TestProgressInLines(t *testing.T) {
	var out strings.Builder
	began := time.Now()
	d := &importDisplay{w: &out, began: began, next: began.Add(lineEvery)}
	p := progress{files: input.Progress{Done: 1, Size: 2}, totals: health.Totals{Read: 1}, elapsed: time.Second}
	for after := time.Duration(0); after <= 25*time.Second; after += barEvery {
		d.show(p, began.Add(after))
	}
	if got := out.String(); got != "1 B of 2 B, 1 records, 1/s, 1s left\n1 B of 2 B, 1 records, 1/s, 1s left\n" {
		t.Errorf("%q", got)
	}
}
