package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/config"
)

// gatewayOf is a simulated gateway with its audit API.
type gatewayOf struct {
	*api7sim.Server
	store     api7sim.Store
	generator *api7sim.Generator
	url       string
}

func newGateway(t *testing.T, o api7sim.Options) *gatewayOf {
	t.Helper()
	g := &gatewayOf{generator: api7sim.NewGenerator(1)}
	g.Server = api7sim.NewServer(&g.store, o)
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.Close()
		if err := g.Violations(); err != nil {
			t.Errorf("requests depart from the specification: %v", err)
		}
	})
	g.url = server.URL
	return g
}

// record lets the gateway record something that happened a while ago, and gives its
// text.
func (g *gatewayOf) record(age time.Duration) string {
	r := g.generator.Next(time.Now().Add(-age))
	g.store.Add(r)
	return string(r.JSON())
}

// withAPI configures inputs besides the files.
func (s *stand) withAPI(inputs string) {
	s.t.Helper()
	s.configure(fmt.Sprintf(`
gateway: test
inputs:
  - {type: file, id: files, paths: ["%s/audit/*"], poll_interval: 20ms, scan_interval: 50ms}
%s
elasticsearch: {urls: [%q], namespace: %s, flush_interval: 20ms}
state_dir: %s/state
http: "off"
shutdown_timeout: 10s
`, s.dir, inputs, s.node.URL, s.config.Elasticsearch.Namespace, s.dir))
}

// The same record by file and by API is one document, also when the stream rolls over
// between the two, whichever comes first, and the file writes it otherwise.
func TestARecordByFileAndByAPIIsOneDocument(t *testing.T) {
	for _, first := range []string{"file", "API"} {
		t.Run(first+" first", func(t *testing.T) {
			s := newStand(t)
			g := newGateway(t, api7sim.Options{})
			s.withAPI(fmt.Sprintf("  - {type: api, id: api, url: %q, api_key: key, since: 2d}", g.url))
			both, files := s.config.Inputs, s.config.Inputs[:1]
			for i := range 100 {
				text := g.record(time.Hour + time.Duration(i)*time.Minute)
				s.write("a.json", strings.ReplaceAll(strings.Replace(text, "{", "{ ", 1), `,"event_time":`, `, "event_time" : `)+"\n")
			}
			s.config.Inputs = map[string][]config.Input{"file": files, "API": both[1:]}[first]
			s.once()
			s.eventually(100)
			s.call("POST", "/"+s.stream+"/_rollover", "")
			s.config.Inputs = both
			p := s.open(Options{Once: true})
			s.must(errors.Join(p.Run(t.Context()), p.Close()))
			var indexed, duplicate int64
			for _, l := range p.Ledger().Totals() {
				indexed, duplicate = indexed+l.Indexed, duplicate+l.Duplicate
			}
			if s.count() != 100 || indexed != 0 || duplicate < 100 {
				t.Errorf("%d documents; %d indexed, %d duplicates", s.count(), indexed, duplicate)
			}
		})
	}
}

// Gateways with the same ids are told apart by their name.
func TestSeveralGatewaysInOneAgent(t *testing.T) {
	s := newStand(t)
	a, b := newGateway(t, api7sim.Options{APIKey: "key-a"}), newGateway(t, api7sim.Options{Username: "b", Password: "pass-b", Milliseconds: true})
	s.withAPI(fmt.Sprintf(`
  - {type: api, id: a, gateway: a, url: %q, api_key: key-a, since: 2d}
  - {type: api, id: b, gateway: b, url: %q, username: b, password: pass-b, since: 2d}`, a.url, b.url))
	for i := range 60 {
		if x, y := a.record(time.Hour+time.Duration(i)*time.Minute), b.record(2*time.Hour); x == y {
			t.Fatal("not two records")
		}
	}
	for _, g := range []*gatewayOf{a, b} {
		g.store.AddText(time.Now().Add(-time.Hour), "1", fmt.Appendf(nil, `{"id":"1","event_time":%d,"event_type":"Login"}`, time.Now().Add(-time.Hour).Unix()))
	}
	p := s.open(Options{Once: true})
	s.must(errors.Join(p.Run(t.Context()), p.Close()))
	if n := s.count(); n != 122 {
		t.Errorf("%d documents", n)
	}
	for _, l := range p.Ledger().Totals() {
		if l.Indexed != 61 {
			t.Errorf("%+v", l)
		}
	}
}

// Two agents that poll one gateway do no harm, a rollover in between or not.
func TestTwoAgentsOnOneGateway(t *testing.T) {
	s := newStand(t)
	g := newGateway(t, api7sim.Options{})
	s.withAPI(fmt.Sprintf("  - {type: api, id: api, url: %q, api_key: key, since: 2d, poll_interval: 1s}", g.url))
	for i := range 300 {
		g.record(time.Hour + time.Duration(i)*time.Minute)
	}
	ctx, cancel := contextWithCancel(t)
	ended := make(chan error, 2)
	var ledgers []func() (read int64)
	for _, name := range []string{"one", "two"} {
		s.config.StateDir, s.config.DeadLetter.Path = filepath.Join(s.dir, name), filepath.Join(s.dir, name, "letters")
		p := s.open(Options{})
		defer func() { s.must(p.Close()) }()
		ledgers = append(ledgers, func() (read int64) {
			for _, l := range p.Ledger().Totals() {
				read += l.Read
			}
			return read
		})
		go func() { ended <- p.Run(ctx) }()
	}
	s.eventually(300)
	for range 50 {
		g.record(0)
	}
	s.eventually(350)
	s.until("both agents read everything", func() bool { return ledgers[0]() >= 350 && ledgers[1]() >= 350 })
	cancel()
	s.must(errors.Join(<-ended, <-ended))
	if n := s.count(); n != 350 {
		t.Errorf("%d documents", n)
	}
}

// Nothing of a token or password is in the log at level trace, the metrics, the
// state, the dead letters or /readyz, while everything goes wrong that can. And the
// log and the metrics say how far the history is.
func TestAPISecretsAndProgress(t *testing.T) {
	s := newStand(t)
	g := newGateway(t, api7sim.Options{APIKey: "t0ken-c4nary"})
	s.withAPI(fmt.Sprintf(`
  - {type: api, id: api, url: %q, api_key: t0ken-c4nary, since: 2d, poll_interval: 1s}
  - {type: api, id: basic, gateway: b, url: %q, username: u, password: passw0rd-c4nary, poll_interval: 1s}
  - {type: api, id: away, gateway: c, url: "http://127.0.0.1:9", api_key: "away-c4nary", proxy: "http://u:proxy-c4nary@127.0.0.1:9"}`, g.url, g.url))
	s.config.HTTP = "127.0.0.1:0"
	for i := range 200 {
		g.record(time.Hour + time.Duration(i)*time.Minute)
	}
	g.store.AddText(time.Now().Add(-time.Hour), "timeless", []byte(`{"id":"timeless"}`))
	for _, f := range []api7sim.Fault{api7sim.Status(503), api7sim.CutBody, api7sim.RateLimited("0")} {
		g.Inject(1, f)
	}
	p := s.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	get := func(path string) string {
		res, err := http.Get("http://" + p.servers.health.Addr().String() + path)
		s.must(err)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		s.must(err)
		return string(text)
	}
	s.until("every input's trouble", func() bool {
		ready := get("/readyz")
		return strings.Contains(ready, "(401)") && strings.Contains(ready, "input/basic") && strings.Contains(ready, "input/away")
	})
	s.until("the history", func() bool { return strings.Contains(s.log.String(), "history is read") })
	s.eventually(200)
	metrics := get("/metrics")
	texts := map[string]string{"/metrics": metrics, "/readyz": get("/readyz")}
	cancel()
	s.must(errors.Join(<-ended, p.Close()))
	texts["the log"] = s.log.String()
	s.must(filepath.WalkDir(s.config.StateDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	}))
	for place, text := range texts {
		if strings.Contains(text, "c4nary") {
			t.Errorf("a secret is in %s:\n%s", place, text)
		}
	}
	for _, want := range []string{"audit API is read", "history is read; following", `"records":20`, "(401)"} {
		if !strings.Contains(texts["the log"], want) {
			t.Errorf("the log does not say %q:\n%s", want, texts["the log"])
		}
	}
	for _, want := range []string{
		`auditship_api_read_until_timestamp_seconds{input="api"} 1`, `auditship_api_behind_seconds{input="api"} `,
		`auditship_api_failed_requests_total{input="api"} `, `auditship_waiting_since_timestamp_seconds{part="input/basic"}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}
