package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/mappings"
)

// listen lets the agent answer on a free port, and returns its address.
func (s *stand) listen() string {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.must(l.Close())
	s.config.HTTP = l.Addr().String()
	return "http://" + s.config.HTTP
}

// ask asks the agent, which may not listen yet.
func (s *stand) ask(url string) (status int, body string) {
	s.t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	text, err := io.ReadAll(res.Body)
	s.must(err)
	s.must(res.Body.Close())
	return res.StatusCode, string(text)
}

// notReady waits until /readyz says that a part waits for such a reason.
func (s *stand) notReady(url, part, reason string) {
	s.t.Helper()
	s.until(part+" to wait", func() bool {
		status, body := s.ask(url + "/readyz")
		var answer struct{ Waiting []health.Condition }
		if status != http.StatusServiceUnavailable {
			return false
		}
		s.must(json.Unmarshal([]byte(body), &answer))
		for _, c := range answer.Waiting {
			if string(c.Part) == part && strings.Contains(c.Reason, reason) && !c.Since.IsZero() {
				return true
			}
		}
		return false
	})
}

func (s *stand) ready(url string) {
	s.t.Helper()
	s.until("the agent to be ready", func() bool { status, _ := s.ask(url + "/readyz"); return status == http.StatusOK })
}

// needs are the privileges of the agent's role.
func (s *stand) needs() exporter.Privileges {
	s.t.Helper()
	needs, err := mappings.AgentPrivileges(s.config.Elasticsearch.Namespace)
	s.must(err)
	return needs
}

// Without a record to send, the agent finds out by itself that it could not deliver
// one, and that it can again.
func TestAnIdleAgentIsNotCalledReadyWhenItCouldNotDeliver(t *testing.T) {
	for name, tt := range map[string]struct {
		client func(s *stand) *exporter.Client
		reason string
	}{
		"a wrong password": {func(s *stand) *exporter.Client { return s.clientAs("nobody", "wrong") }, "unauthorized"},
		"a privilege is missing": {func(s *stand) *exporter.Client {
			user := s.config.Elasticsearch.Namespace
			s.must(s.node.CreateUser(t.Context(), user, agentPassword, mappings.AnalystRole))
			return s.clientAs(user, agentPassword)
		}, "auditship check --online names them"},
		"nobody there": {func(s *stand) *exporter.Client {
			gone := httptest.NewServer(nil)
			gone.Close()
			c, err := exporter.New(exporter.Config{Addresses: []string{gone.URL}})
			s.must(err)
			return c
		}, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			url := s.listen()
			s.client = tt.client(s)
			s.whileWith(Options{Needs: s.needs()}, func(*Pipeline) {
				s.notReady(url, "elasticsearch", tt.reason)
				if status, _ := s.ask(url + "/livez"); status != http.StatusOK {
					t.Errorf("alive: %d", status)
				}
			})
		})
	}
	s := newStand(t)
	url := s.listen()
	s.write("a.json", record(1)+"\n") // without any file it owes what it cannot find
	s.whileWith(Options{Needs: s.needs()}, func(*Pipeline) { s.ready(url) })
}

// Documents that are taken, but come to the wrong place, are a condition too.
func TestWrongDestinationIsSaid(t *testing.T) {
	s := newStand(t)
	url := s.listen()
	var mended atomic.Bool
	check := func(context.Context) error {
		if mended.Load() {
			return nil
		}
		return fmt.Errorf("logs is an alias: %w", mappings.ErrWrongDestination)
	}
	s.whileWith(Options{Needs: s.needs(), CheckDestination: check}, func(*Pipeline) {
		s.notReady(url, "elasticsearch", "misconfigured: logs is an alias")
		s.write("a.json", record(1)+"\n")
		s.eventually(1)
		s.notReady(url, "elasticsearch", "misconfigured: logs is an alias")
	})
	mended.Store(true)
	s.whileWith(Options{Needs: s.needs(), CheckDestination: check}, func(*Pipeline) { s.ready(url) })
}

// What was found out by asking is forgotten when documents get through.
func TestDeliveryEndsWhatAskingFound(t *testing.T) {
	s := newStand(t)
	url := s.listen()
	p := s.open(Options{})
	p.peer.learn(func() { p.peer.asking = why{Reason: bulk.ReasonUnreachable} })
	s.run(p, func(p *Pipeline) {
		s.notReady(url, "elasticsearch", "unreachable")
		s.write("a.json", record(1)+"\n")
		s.eventually(1)
		s.ready(url)
	})
}

func TestAnInputThatDoesNotMoveIsNamed(t *testing.T) {
	s := newStand(t)
	gateway := api7sim.NewServer(&api7sim.Store{}, api7sim.Options{APIKey: "right"})
	server := httptest.NewServer(gateway)
	defer server.Close()
	s.addGateway(server.URL, "wrong")
	url := s.listen()
	s.while(func(*Pipeline) {
		s.notReady(url, "input/dashboard", "does not accept the token")
	})
}

// addGateway adds an audit API to the inputs.
func (s *stand) addGateway(url, key string) {
	s.t.Helper()
	namespace := s.config.Elasticsearch.Namespace
	s.configure(fmt.Sprintf(`
gateway: test
inputs:
  - {type: file, id: files, paths: ["%s/audit/*"], poll_interval: 20ms, scan_interval: 50ms}
  - {type: api, id: dashboard, url: %q, api_key: %s, poll_interval: 1s}
elasticsearch: {urls: [%q], namespace: %s, flush_interval: 20ms}
state_dir: %s/state
http: "off"
shutdown_timeout: 10s
`, s.dir, url, key, s.node.URL, namespace, s.dir))
}

// Every metric is there with its name and unit, after records of every fate, and the
// exposition is clean.
func TestMetrics(t *testing.T) {
	s := newStand(t)
	store := &api7sim.Store{}
	generator := api7sim.NewGenerator(1)
	for i := range 50 {
		store.Add(generator.Next(time.Now().Add(-time.Duration(50-i) * time.Second)))
	}
	server := httptest.NewServer(api7sim.NewServer(store, api7sim.Options{APIKey: "right"}))
	defer server.Close()
	s.addGateway(server.URL, "right")
	url := s.listen()
	s.write("a.json", recordLines(0, 20)+record(1)+"\n"+`{"id":"x","event_time":"never"}`+"\n")
	var text string
	s.while(func(*Pipeline) {
		s.eventually(70)
		s.until("every metric", func() bool {
			_, text = s.ask(url + "/metrics")
			return strings.Contains(text, `verdict="duplicate"} 1`)
		})
		_, text = s.ask(url + "/metrics")
	})
	for _, want := range []string{
		`auditship_build_info{version="[^"]*"} 1`,
		`auditship_records_read_total{input="files"} 22`,
		`auditship_records_total{input="files",verdict="indexed"} 20`,
		`auditship_records_total{input="files",verdict="duplicate"} 1`,
		`auditship_records_total{input="files",verdict="dead_lettered"} 1`,
		`auditship_records_total{input="files",verdict="failure_stored"} 0`,
		`auditship_records_total{input="files",verdict="dropped"} 0`,
		`auditship_records_total{input="dashboard",verdict="indexed"} 50`,
		`auditship_records_in_flight{input="files"} 0`,
		`auditship_last_success_timestamp_seconds{input="files"} 1\.\d+e\+09`,
		`auditship_newest_record_timestamp_seconds{input="dashboard"} 1\.\d+e\+09`,
		`auditship_oldest_in_flight_seconds{input="files"} \d`,
		`auditship_queue_bytes \d`,
		`auditship_files_followed{input="files"} 1`,
		`auditship_files_behind_bytes{input="files"} 0`,
		`auditship_file_truncations_total{input="files"} 0`,
		`auditship_file_possibly_lost_bytes_total{input="files"} 0`,
		`auditship_file_errors_total{input="files"} 0`,
		`auditship_api_behind_seconds{input="dashboard"} \d`,
		`auditship_api_polls_total{input="dashboard"} [1-9]`,
		`auditship_bulk_request_duration_seconds_count [1-9]`,
		`auditship_bulk_requests_total [1-9]`,
		`auditship_bulk_bytes_total [1-9]`,
		`auditship_bulk_sent_bytes_total [1-9]`,
		`auditship_lookup_requests_total \d`,
		`auditship_possible_duplicates_total 0`,
		`auditship_masked_values_total{rule="names"} [1-9]`,
		`auditship_masked_values_total{rule="card"} 0`,
		`auditship_dead_letters_total{reason="no_time"} 1`,
		`auditship_dead_letter_bytes [1-9]`,
		`auditship_config_reload_ok [01]`,
		`auditship_state_recovered_lines 0`,
		`go_goroutines [1-9]`,
		`process_resident_memory_bytes [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(text) {
			t.Errorf("no %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	s.must(err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, secret := range generator.Secrets() {
		if strings.Contains(text, secret) {
			t.Error("a secret is among the metrics")
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Retries are counted by reason while Elasticsearch is away.
func TestMetricsOfRetries(t *testing.T) {
	s := newStand(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	c, err := exporter.New(exporter.Config{Addresses: []string{gone.URL}})
	s.must(err)
	s.client = c
	s.config.ShutdownTimeout = 0
	url := s.listen()
	s.write("a.json", record(1)+"\n")
	p := s.open(Options{})
	s.run(p, func(*Pipeline) {
		s.notReady(url, "elasticsearch", "unreachable")
		s.until("the age of what is in flight", func() bool {
			_, text := s.ask(url + "/metrics")
			return regexp.MustCompile(`auditship_oldest_in_flight_seconds\{input="files"\} (0\.[1-9]|[1-9])`).MatchString(text)
		})
	})
}

func TestThrottle(t *testing.T) {
	var limit throttle
	now := time.Now()
	for range tellsAtOnce {
		if ok, _ := limit.allow("a", now); !ok {
			t.Fatal("the first changes are told")
		}
	}
	for range 3 {
		if ok, _ := limit.allow("a", now); ok {
			t.Error("a fault that comes and goes floods the log")
		}
	}
	if ok, _ := limit.allow("b", now); !ok {
		t.Error("another part is silenced")
	}
	if ok, untold := limit.allow("a", now.Add(tellsEvery)); !ok || untold != 3 {
		t.Errorf("later it may speak again: %v, %d changes not told", ok, untold)
	}
}

// An agent that is stopped while it waits does not claim that what it waited for came.
func TestGivingUpIsNotRecovery(t *testing.T) {
	s := newStand(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	c, err := exporter.New(exporter.Config{Addresses: []string{gone.URL}})
	s.must(err)
	s.client = c
	s.config.ShutdownTimeout = 0
	s.write("a.json", record(1)+"\n")
	p := s.open(Options{})
	s.run(p, func(p *Pipeline) { s.until("it to wait", func() bool { return len(p.Conditions().List()) > 0 }) })
	if strings.Contains(s.log.String(), "works again") {
		t.Error(s.log.String())
	}
}
