package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

// trail is a folder of a gateway's audit files, an agent process that reads them
// with the shipped role, and the data stream it fills.
type trail struct {
	t         *testing.T
	node      *esnode.Node
	admin     *exporter.Client
	dir       string
	namespace string
	stream    string
	user      string
	written   int
}

func newTrail(t *testing.T) *trail { return newTrailOn(t, estest.Shared(t)) }

func newTrailOn(t *testing.T, node *esnode.Node) *trail {
	tr := &trail{t: t, node: node, dir: t.TempDir(), namespace: estest.Namespace(t)}
	admin, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	tr.must(err)
	t.Cleanup(admin.Close)
	tr.admin = admin
	tr.must(mappings.Apply(t.Context(), admin, mappings.Options{}))
	tr.stream, tr.user = mappings.StreamName(tr.namespace), "agent-"+tr.namespace
	tr.must(node.CreateUser(t.Context(), tr.user, agentPassword, mappings.AgentRole))
	tr.must(os.Mkdir(tr.path(""), 0o755))
	tr.must(tr.configure(settings{}))
	return tr
}

const agentPassword = "correct horse battery staple"

// settings are what tests change in the agent's configuration.
type settings struct {
	url   string // of Elasticsearch; the node's own if empty
	ca    string // the file of its authority; the node's own if empty
	login string // keys of elasticsearch; the agent's user if empty
	http  string // "off" if empty
	input string // more keys of the input, after a comma
	es    string // more keys of elasticsearch, after a comma
	more  string // more keys of the file
}

// configure writes the agent's configuration for its next start.
func (tr *trail) configure(s settings) error {
	if s.url == "" {
		s.url = tr.node.URL
	}
	if s.ca == "" {
		s.ca = tr.node.CAFile
	}
	if s.login == "" {
		s.login = fmt.Sprintf("username: %s, password: %s", tr.user, agentPassword)
	}
	if s.http == "" {
		s.http = "off"
	}
	return os.WriteFile(filepath.Join(tr.dir, "auditship.yml"), fmt.Appendf(nil, `
inputs:
  - {type: file, id: files, paths: ["audit/*"], poll_interval: 50ms%s}
elasticsearch: {urls: [%q], ca_file: %q, namespace: %s, %s, flush_interval: 50ms%s}
state_dir: state
http: "%s"
%s
`, s.input, s.url, s.ca, tr.namespace, s.login, s.es, s.http, s.more), 0o600)
}

func (tr *trail) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// path is that of an audit file.
func (tr *trail) path(name string) string { return filepath.Join(tr.dir, "audit", name) }

// record is the line of an audit record with an id.
func record(n int) string {
	return fmt.Sprintf(`{"id":"r-%d","event_time":%d,"event_type":"UpdateRoute","operator":{"username":"Ops"},"http_request":{"method":"PUT","uri":"/apisix/admin/routes/1"}}`+"\n", n, time.Now().Unix())
}

// write appends records to the audit file.
func (tr *trail) write(n int) {
	tr.t.Helper()
	var b strings.Builder
	for range n {
		b.WriteString(record(tr.written))
		tr.written++
	}
	tr.must(appendTo(tr.path("audit.json"), b.String()))
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// command makes a command of the program with the trail's configuration. What it
// logs goes to agent.log.
func (tr *trail) command(args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(tr.dir, "agent.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	tr.t.Cleanup(func() { _ = log.Close() }) // the test is over
	cmd := exec.Command(os.Args[0], append(args, "-c", filepath.Join(tr.dir, "auditship.yml"))...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = log
	return cmd, nil
}

// start starts the agent.
func (tr *trail) start() *exec.Cmd {
	tr.t.Helper()
	cmd, err := tr.command("run")
	tr.must(err)
	tr.must(cmd.Start())
	tr.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended unless the test failed
	return cmd
}

// stop stops the agent in order.
func (tr *trail) stop(agent *exec.Cmd) {
	tr.t.Helper()
	if err := errors.Join(agent.Process.Signal(syscall.SIGTERM), agent.Wait()); err != nil {
		tr.t.Fatalf("the agent ended with %v\n%s", err, tr.log())
	}
}

// kill kills the agent with SIGKILL.
func (tr *trail) kill(agent *exec.Cmd) {
	tr.t.Helper()
	tr.must(agent.Process.Kill())
	_ = agent.Wait() // killed, it says
}

// says runs a command of the program and returns what it prints.
func (tr *trail) says(args ...string) (string, error) {
	cmd, err := tr.command(args...)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	return string(out), err
}

// log is the end of what the agents logged.
func (tr *trail) log() string {
	text, _ := os.ReadFile(filepath.Join(tr.dir, "agent.log")) // nothing was logged yet
	return string(text[max(0, len(text)-16<<10):])
}

// patience is how long tests wait for what has to happen: so long that only what
// never happens fails, however busy the machine is.
const patience = 3 * time.Minute

// until waits until something is so.
func (tr *trail) until(what string, done func() bool) {
	tr.t.Helper()
	tr.untilWithin(patience, what, done)
}

func (tr *trail) untilWithin(patience time.Duration, what string, done func() bool) {
	tr.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			tr.t.Fatalf("waited in vain for %s; the log ends with:\n%s", what, tr.log())
		}
	}
}

// ask asks the node.
func (tr *trail) ask(method, path, body string, out any) error {
	status, answer, err := tr.node.Do(tr.t.Context(), method, path, []byte(body))
	if err != nil {
		return err
	}
	if status >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func (tr *trail) call(method, path string, out any) {
	tr.t.Helper()
	tr.must(tr.ask(method, path, "", out))
}

// count is how many documents the stream holds: none while it is just being made.
func (tr *trail) count() int {
	tr.t.Helper()
	tr.call("POST", "/"+tr.stream+"/_refresh?ignore_unavailable=true", nil)
	status, text, err := tr.node.Do(tr.t.Context(), "GET", "/"+tr.stream+"/_count?ignore_unavailable=true", nil)
	tr.must(err)
	if status == http.StatusServiceUnavailable {
		return 0
	}
	var answer struct{ Count int }
	tr.must(json.Unmarshal(text, &answer))
	return answer.Count
}

// document is what is looked at of a document.
type document struct {
	Index  string `json:"_index"`
	ID     string `json:"_id"`
	Source struct {
		Event struct {
			ID       string `json:"id"`
			Ingested string `json:"ingested"`
		} `json:"event"`
		Log struct {
			File struct {
				Path string `json:"path"`
			} `json:"file"`
		} `json:"log"`
		API7 struct {
			Audit struct {
				Resource struct {
					ID string `json:"id"`
				} `json:"resource"`
			} `json:"audit"`
		} `json:"api7"`
	} `json:"_source"`
	Sort []json.RawMessage `json:"sort"`
}

// String tells where a document is and where it came from.
func (d document) String() string {
	return fmt.Sprintf("%s (%s) in %s, of %s, read at %s",
		d.Source.API7.Audit.Resource.ID, d.ID, d.Index, d.Source.Log.File.Path, d.Source.Event.Ingested)
}

// documents reads every document of the stream, in all backing indices.
func (tr *trail) documents(each func(document)) {
	tr.t.Helper()
	tr.call("POST", "/"+tr.stream+"/_refresh", nil)
	var pit struct{ ID string }
	tr.call("POST", "/"+tr.stream+"/_pit?keep_alive=2m", &pit)
	after := ""
	for {
		var answer struct{ Hits struct{ Hits []document } }
		tr.must(tr.ask("POST", "/_search", fmt.Sprintf(`{"size":5000,"pit":{"id":%q,"keep_alive":"2m"},"sort":["_shard_doc"],
			"track_total_hits":false,"_source":["event.id","event.ingested","log.file.path","api7.audit.resource.id"]%s}`, pit.ID, after), &answer))
		if len(answer.Hits.Hits) == 0 {
			tr.must(tr.ask("DELETE", "/_pit", fmt.Sprintf(`{"id":%q}`, pit.ID), nil))
			return
		}
		for _, d := range answer.Hits.Hits {
			each(d)
			after = fmt.Sprintf(`,"search_after":[%s]`, d.Sort[0])
		}
	}
}

// holdsOnce checks that the stream holds each record that write wrote once, and
// nothing else.
func (tr *trail) holdsOnce() {
	tr.t.Helper()
	times := map[string]int{}
	tr.documents(func(d document) { times[d.Source.Event.ID]++ })
	for i := range tr.written {
		if n := times[fmt.Sprintf("r-%d", i)]; n != 1 {
			tr.t.Errorf("record %d is there %d times", i, n)
		}
	}
	if len(times) != tr.written {
		tr.t.Errorf("%d records are there, %d were written", len(times), tr.written)
	}
}

// ledger is the account that an agent logs at its end.
type ledger struct {
	Message       string
	Read          int
	Indexed       int
	Duplicate     int
	DeadLettered  int `json:"dead_lettered"`
	FailureStored int `json:"failure_stored"`
	Dropped       int
	InFlight      int `json:"in_flight"`
}

// lastLedger is that of the agent which stopped last.
func (tr *trail) lastLedger() ledger {
	tr.t.Helper()
	var last ledger
	for line := range strings.Lines(tr.log()) {
		var l ledger
		if json.Unmarshal([]byte(line), &l) == nil && l.Message == "ledger" {
			last = l
		}
	}
	if last.Message == "" {
		tr.t.Fatalf("no ledger in the log:\n%s", tr.log())
	}
	if last.InFlight != 0 {
		tr.t.Errorf("the ledger does not add up: %+v", last)
	}
	return last
}

// freeAddress is an address for the agent's HTTP server.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// metric reads a sample of a running agent: NaN where there is none yet.
func (tr *trail) metric(address, sample string) float64 {
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return math.NaN() // not up yet
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, err := io.ReadAll(res.Body)
	tr.must(err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), sample+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			tr.must(err)
			return n
		}
	}
	return math.NaN()
}
