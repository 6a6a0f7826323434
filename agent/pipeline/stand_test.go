package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(estest.Wrap(m),
		// Connections that clients keep open for the next request.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// stand is an agent between real files and a real Elasticsearch, with the shipped
// role and a data stream of its own.
type stand struct {
	t      testing.TB
	node   *esnode.Node
	dir    string
	config *config.Config
	client *exporter.Client
	stream string
	log    lockedBuffer
}

func newStand(t testing.TB) *stand {
	t.Helper()
	s := &stand{t: t, node: estest.Shared(t), dir: t.TempDir()}
	admin := s.clientAs(s.node.Username, s.node.Password)
	s.must(mappings.Apply(t.Context(), admin, mappings.Options{}))
	namespace := estest.Namespace(t)
	s.stream = mappings.StreamName(namespace)
	s.must(s.node.CreateUser(t.Context(), "agent-"+namespace, agentPassword, mappings.AgentRole))
	s.client = s.clientAs("agent-"+namespace, agentPassword)
	s.configure(fmt.Sprintf(`
gateway: test
inputs:
  - {type: file, id: files, paths: ["%s/audit/*"], poll_interval: 20ms, scan_interval: 50ms}
elasticsearch: {urls: [%q], namespace: %s, flush_interval: 20ms}
state_dir: %s/state
http: "off"
shutdown_timeout: 10s
`, s.dir, s.node.URL, namespace, s.dir))
	s.must(os.Mkdir(s.path(""), 0o755))
	return s
}

const agentPassword = "correct horse battery staple"

func (s *stand) configure(text string) {
	s.t.Helper()
	cfg, err := config.Parse("auditship.yml", []byte(text), config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	s.must(err)
	s.config = cfg
}

func (s *stand) clientAs(user, password string) *exporter.Client {
	s.t.Helper()
	c, err := exporter.New(exporter.Config{
		Addresses: []string{s.node.URL}, CAFile: s.node.CAFile, Username: user,
		Password: func() (string, error) { return password, nil },
	})
	s.must(err)
	return c
}

func (s *stand) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) path(name string) string { return filepath.Join(s.dir, "audit", name) }

func (s *stand) write(name, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	s.must(err)
	_, err = f.WriteString(text)
	s.must(errors.Join(err, f.Close()))
}

// open opens a pipeline as a new process would.
func (s *stand) open(o Options) *Pipeline {
	s.t.Helper()
	o.Client, o.Log = s.client, zerolog.New(&s.log).Level(zerolog.TraceLevel)
	p, err := Open(s.config, o)
	s.must(err)
	return p
}

// once reads all files to their end and returns the ledger.
func (s *stand) once() health.Totals {
	s.t.Helper()
	p := s.open(Options{Once: true})
	s.must(errors.Join(p.Run(s.t.Context()), p.Close()))
	return s.ledger(p)
}

// ledger is the account of the one input; it must add up with nothing in flight.
func (s *stand) ledger(p *Pipeline) health.Totals {
	s.t.Helper()
	totals := p.Ledger().Totals()
	if len(totals) == 0 {
		return health.Totals{}
	}
	if totals[0].InFlight != 0 {
		s.t.Errorf("the ledger does not add up: %+v", totals[0])
	}
	return totals[0]
}

// while runs a pipeline while do runs, then stops it in order.
func (s *stand) while(do func(p *Pipeline)) health.Totals {
	s.t.Helper()
	return s.whileWith(Options{}, do)
}

func (s *stand) whileWith(o Options, do func(p *Pipeline)) health.Totals {
	s.t.Helper()
	p := s.open(o)
	s.run(p, do)
	return s.ledger(p)
}

// run runs a pipeline while do runs, then stops it in order.
func (s *stand) run(p *Pipeline, do func(p *Pipeline)) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	do(p)
	cancel()
	s.must(errors.Join(<-ended, p.Close()))
}

// found is a document in the stream.
type found struct {
	Index  string `json:"_index"`
	ID     string `json:"_id"`
	Source struct {
		Event struct {
			ID     string `json:"id"`
			Action string `json:"action"`
		} `json:"event"`
	} `json:"_source"`
	Raw json.RawMessage `json:"-"`
}

// documents reads the whole stream.
func (s *stand) documents() []found {
	s.t.Helper()
	s.call("POST", "/"+s.stream+"/_refresh?ignore_unavailable=true", "")
	var answer struct{ Hits struct{ Hits []found } }
	s.must(json.Unmarshal(s.call("GET", "/"+s.stream+"/_search?size=10000&ignore_unavailable=true", ""), &answer))
	return answer.Hits.Hits
}

// count is how many documents are in the stream.
func (s *stand) count() int {
	s.t.Helper()
	s.call("POST", "/"+s.stream+"/_refresh?ignore_unavailable=true", "")
	var answer struct{ Count int }
	s.must(json.Unmarshal(s.call("GET", "/"+s.stream+"/_count?ignore_unavailable=true", ""), &answer))
	return answer.Count
}

func (s *stand) call(method, path, body string) []byte {
	s.t.Helper()
	status, answer, err := s.node.Do(s.t.Context(), method, path, []byte(body))
	for tries := 0; err == nil && status == http.StatusServiceUnavailable && tries < 100; tries++ {
		time.Sleep(20 * time.Millisecond) // the stream was just created
		status, answer, err = s.node.Do(s.t.Context(), method, path, []byte(body))
	}
	s.must(err)
	if status >= http.StatusMultipleChoices {
		s.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// eventually waits until the stream holds so many documents.
func (s *stand) eventually(count int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d documents", count), func() bool { return s.count() == count })
}

func (s *stand) until(what string, done func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(3 * time.Minute) // however busy the machine is
	for !done() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s; the log:\n%s", what, s.log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// letters reads the dead letters' lines.
func (s *stand) letters() []deadletter.Letter {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.config.DeadLetter.Path, "letters.ndjson"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.must(err)
	var letters []deadletter.Letter
	for line := range strings.Lines(string(text)) {
		var l deadletter.Letter
		s.must(json.Unmarshal([]byte(line), &l))
		letters = append(letters, l)
	}
	return letters
}

// yesterday is when the records of the tests begin: the same record is the same text
// each time.
var yesterday = time.Now().Add(-24 * time.Hour).Unix()

// record is an audit record with an id.
func record(id int) string {
	return fmt.Sprintf(`{"id":"r-%d","event_time":%d,"operator":{"id":"u-1","username":"Ops"},"event_type":"AddService","resource_id":"s-%d"}`,
		id, yesterday+int64(id), id)
}

func recordLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(record(i) + "\n")
	}
	return b.String()
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func contextWithCancel(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
