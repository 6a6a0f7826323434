package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/auditship/auditship/agent/api7sim"
)

// canaries are records that hold secrets in all kinds of places, and these.
type canaries struct {
	records []string
	broken  []string // are no JSON
	secrets []string
}

// readCanaries reads the records of package mask's tests. Each gets an id and a
// time of its own, and every second one a secret in a field that Elasticsearch will
// refuse.
func readCanaries(t *testing.T) canaries {
	f, err := os.Open("../../mask/testdata/canaries.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read from
	var c canaries
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "[") {
			continue
		}
		var one []string
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		c.secrets = append(c.secrets, one[2:]...)
		if !json.Valid([]byte(one[1])) {
			c.broken = append(c.broken, one[1])
			continue
		}
		body := strings.TrimPrefix(strings.TrimPrefix(one[1], `{"id":"1","event_time":1795143845002,`), "{")
		refused := []string{"", `"token_name":"a7ee-cnryNAMEQ7xZ0123456789",`}[len(c.records)%2]
		c.records = append(c.records, fmt.Sprintf(`{"id":"canary-%d","event_time":%d,%s%s`, len(c.records), time.Now().Unix()-60, refused, body))
	}
	if n := len(c.records) + len(c.broken); n < 60 {
		t.Fatalf("%d canaries only", n)
	}
	return c
}

// refuse makes Elasticsearch refuse documents with a token_name, and echo it in the
// error.
func (tr *trail) refuse() {
	tr.t.Helper()
	tr.must(tr.ask("PUT", "/_index_template/"+tr.namespace, fmt.Sprintf(`{"index_patterns":[%q],"data_stream":{},"priority":1000,
		"composed_of":["logs-api7.audit@settings","logs-api7.audit@mappings"],
		"template":{"mappings":{"properties":{"api7":{"properties":{"audit":{"properties":{"token_name":{"type":"long"}}}}}}}}}`, tr.stream), nil))
}

// prints runs a command of the program and returns all it prints.
func (tr *trail) prints(as string, stdin io.Reader, args ...string) string {
	tr.t.Helper()
	cmd := exec.CommandContext(tr.t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"="+as)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		tr.t.Fatal(err)
	}
	return string(out)
}

// page is what the agent says at a path of its HTTP server.
func (tr *trail) page(address, path string) string {
	tr.t.Helper()
	res, err := http.Get("http://" + address + path)
	tr.must(err)
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(res.Body)
	tr.must(err)
	return string(text)
}

// leakyGateway serves the records by the audit API, after an error that holds
// secrets.
func leakyGateway(t *testing.T, records []string, apiKey string) string {
	var store api7sim.Store
	for i, record := range records {
		store.AddText(time.Now().Add(-time.Minute), strconv.Itoa(i), []byte(strings.Replace(record, "canary-", "api-", 1)))
	}
	gateway := api7sim.NewServer(&store, api7sim.Options{APIKey: apiKey})
	gateway.Inject(1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, `{"error_msg":"invalid token cnryAPI1Q7xZ, password=cnryAPI2Q7xZ"}`, http.StatusInternalServerError)
	})
	server := httptest.NewServer(gateway)
	t.Cleanup(server.Close)
	return server.URL
}

// Secrets of the configuration, and of records that can become no document.
const (
	leakyKey    = "a7ee-cnryKEYQ7xZ0123456789"
	leakyIDKey  = "cnryIDKEYQ7xZ0123456789abcdef0123"
	leakyHMAC   = "cnryMASKKEYQ7xZ0123456789abcdef0123"
	leakyRecord = `{"id":"big","event_time":1795143845,"http_request":{"body":{"password":"%s"}}}
password: cnryTEXTQ7xZ is no JSON
{"id":"timeless","http_request":{"body":{"password":"cnryTIMEQ7xZ"}}}
`
)

// R24: secrets in every kind of place go through the real process at trace level, by
// file and by API, with refused documents, dead letters, a reload, a panic and a
// crash. None is in Elasticsearch, the logs, the dead letter, the state, the
// metrics, the printed configuration, nor in anything else that a command prints.
func TestR24NoSecretGetsOut(t *testing.T) {
	tr, c := newTrail(t), readCanaries(t)
	tr.refuse()
	address, err := freeAddress()
	tr.must(err)
	tr.must(os.WriteFile(filepath.Join(tr.dir, "mask.key"), []byte(leakyHMAC), 0o600))
	tr.must(os.WriteFile(filepath.Join(tr.dir, "masking.yml"), []byte(`
masking:
  on_error: dead_letter
  keys: {k1: {file: mask.key}}
  rules: [{id: email, select: {detect: email}, action: {hmac: {key: k1}}}]
`), 0o600))
	tr.must(tr.configure(settings{
		http:  address,
		input: ", max_record: 1MiB}\n  - {type: api, id: api, api_key: " + leakyKey + ", poll_interval: 1s, url: " + leakyGateway(t, c.records, leakyKey),
		more:  "masking: {rules: [masking.yml]}\nid_key: " + leakyIDKey + "\nkeep_original: true\nlog: {level: trace, format: json}",
	}))
	audit := strings.Join(c.records, "\n") + "\n" + fmt.Sprintf(leakyRecord, strings.Repeat("cnryBIGQ7xZ", 100_000))
	tr.must(appendTo(tr.path("audit.json"), audit))
	for i, text := range c.broken {
		tr.must(appendTo(tr.path(fmt.Sprintf("broken-%d.json", i)), text+"\n"))
	}
	tr.must(appendTo(tr.path("audit.csv"), "id,event_time,event_type,error_message\nrow,1795143845,Keep,invalid token cnryROWQ7xZ1\n"))

	agent := tr.start()
	settled := func(input string) float64 {
		return tr.metric(address, `auditship_records_total{input="`+input+`",verdict="indexed"}`) + tr.metric(address, `auditship_records_total{input="`+input+`",verdict="dead_lettered"}`)
	}
	tr.until("all records", func() bool {
		return settled("files") >= float64(len(c.records)+len(c.broken)+4) && settled("api") >= float64(len(c.records))
	})
	tr.call("POST", "/"+tr.stream+"/_refresh", nil)
	said := map[string]string{"metrics": tr.page(address, "/metrics")}
	tr.must(agent.Process.Signal(syscall.SIGHUP))
	tr.logged(`"started"`, 2)
	said["livez"], said["readyz"] = tr.page(address, "/livez"), tr.page(address, "/readyz")
	for _, command := range []string{"health", "state", "replay", "check", "check --print", "export --from 2020-01-01 --details --format ndjson"} {
		args := append(strings.Fields(command), "-c", filepath.Join(tr.dir, "auditship.yml"))
		said[command] = tr.prints("1", nil, args...)
	}
	tr.must(agent.Process.Signal(syscall.SIGQUIT)) // the runtime dumps all goroutines
	_ = agent.Wait()                               // it crashed
	for _, command := range []string{"mask --explain", "import --dry-run -", "import -"} {
		args := append(strings.Fields(command), "-c", filepath.Join(tr.dir, "auditship.yml"))
		said["panic in "+command] = tr.prints("with a failing stdin", strings.NewReader(audit), args...)
	}

	var documents json.RawMessage
	tr.call("GET", "/"+tr.stream+"/_search?size=1000", &documents)
	said["Elasticsearch"] = string(documents)
	tr.readFiles(said)
	c.secrets = append(c.secrets, leakyKey, leakyIDKey, leakyHMAC, agentPassword, "cnryNAME", "cnryAPI1", "cnryAPI2", "cnryBIG", "cnryTEXT", "cnryTIME", "cnryROW")
	checkSaid(t, said, c.secrets)
	t.Logf("%d secrets in %d records, looked for in %d places", len(c.secrets), 2*len(c.records)+len(c.broken)+4, len(said))
}

// readFiles reads all that the agent wrote.
func (tr *trail) readFiles(into map[string]string) {
	tr.t.Helper()
	names, err := doublestar.Glob(os.DirFS(tr.dir), "{agent.log,state/**}", doublestar.WithFilesOnly())
	tr.must(err)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(tr.dir, name))
		tr.must(err)
		into[name] = string(text)
	}
}

// checkSaid looks for secrets in all places, after making sure that there was
// something to look at.
func checkSaid(t *testing.T, said map[string]string, secrets []string) {
	t.Helper()
	for place, proof := range map[string]string{
		"Elasticsearch": "[REDACTED:", "agent.log": "goroutine ", "panic in mask --explain": "panic with a string", "state/dead-letter/letters.ndjson": `"refused"`,
		"metrics": `auditship_masked_values_total{rule="names"}`, "check --print": "***", "replay": "too_large", "check": "configuration ok",
		"panic in import -": "panic with a string", "panic in import --dry-run -": "panic with a string", "state": "files", "export --from 2020-01-01 --details --format ndjson": "[REDACTED:", "health": "", "readyz": "", "livez": "",
	} {
		if text, there := said[place]; !there || !strings.Contains(text, proof) {
			t.Errorf("%s lacks %q: %.2000s", place, proof, text)
		}
	}
	for place, text := range said {
		folded := strings.ToLower(text)
		for _, secret := range secrets {
			if at := strings.Index(folded, strings.ToLower(secret)); at >= 0 {
				t.Errorf("%q is in %s: …%s…", secret, place, folded[max(0, at-200):min(len(folded), at+80)])
			}
		}
	}
}
