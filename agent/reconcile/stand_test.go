package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/mappings"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(estest.Wrap(m),
		// Connections that clients keep open for the next request.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

var update = flag.Bool("update", false, "write the golden files anew")

// stand is a simulated gateway, an agent's configuration with the shipped role, and a
// real Elasticsearch with a data stream of its own.
type stand struct {
	t       testing.TB
	node    *esnode.Node
	gateway *api7sim.Server
	store   *api7sim.Store
	http    *httptest.Server
	dir     string
	config  *config.Config
	client  *exporter.Client
	stream  string
	from    time.Time
}

const (
	token    = "t0ken-c4nary"
	password = "correct horse battery staple"
)

func newStand(t testing.TB) *stand {
	t.Helper()
	s := &stand{t: t, node: estest.Shared(t), store: &api7sim.Store{}, dir: t.TempDir()}
	s.from = time.Now().Add(-6 * time.Hour).Truncate(time.Hour)
	s.gateway = api7sim.NewServer(s.store, api7sim.Options{APIKey: token})
	s.http = httptest.NewServer(s.gateway)
	t.Cleanup(func() {
		s.http.Close()
		if err := s.gateway.Violations(); err != nil {
			t.Errorf("requests depart from the specification: %v", err)
		}
	})
	s.must(mappings.Apply(t.Context(), s.clientAs(s.node.Username, s.node.Password), mappings.Options{}))
	namespace := estest.Namespace(t)
	s.stream = mappings.StreamName(namespace)

	s.must(s.node.CreateUser(t.Context(), "agent-"+namespace, password, mappings.AgentRole))
	s.client = s.clientAs("agent-"+namespace, password)
	cfg, err := config.Parse("auditship.yml", fmt.Appendf(nil, `
gateway: test
inputs:
  - {type: api, id: dashboard, url: %q, api_key: %s, since: 2d, page_size: 50}
elasticsearch: {urls: [%q], namespace: %s, flush_interval: 20ms}
state_dir: %s/state
http: "off"
`, s.http.URL, token, s.node.URL, namespace, s.dir), config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	s.must(err)
	s.config = cfg
	return s
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

// at is a time in the period that is compared.
func (s *stand) at(minutes int) time.Time { return s.from.Add(time.Duration(minutes) * time.Minute) }

// record makes the record with this number, a minute after the one before.
func (s *stand) record(n int) api7sim.Record {
	return api7sim.Record{
		ID: fmt.Sprintf("r-%03d", n), EventTime: s.at(n).Unix(), EventType: "AddService",
		Operator: api7sim.Operator{ID: "u-7", Username: "Ops"}, Source: "dashboard", ResourceID: fmt.Sprintf("s-%d", n), IPAddress: "203.0.113.7",
	}
}

// fill lets the gateway record so many.
func (s *stand) fill(n int) {
	for i := range n {
		s.store.Add(s.record(i))
	}
}

// ship runs the agent up to now.
func (s *stand) ship() {
	s.t.Helper()
	p, err := pipeline.Open(s.config, pipeline.Options{Client: s.client, Log: zerolog.Nop(), Once: true})
	s.must(err)
	s.must(errors.Join(p.Run(s.t.Context()), p.Close()))
	s.refresh()
}

func (s *stand) refresh() { s.call("POST", "/"+s.stream+"/_refresh", "") }

func (s *stand) call(method, path, body string) []byte {
	s.t.Helper()
	status, answer, err := s.node.Do(s.t.Context(), method, path, []byte(body))
	s.must(err)
	if status >= http.StatusMultipleChoices {
		s.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// place finds the document of a record.
func (s *stand) place(recordID string) (index, id string) {
	s.t.Helper()
	var answer struct {
		Hits struct {
			Hits []struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
	}
	s.must(json.Unmarshal(s.call("POST", "/"+s.stream+"/_search", fmt.Sprintf(`{"query":{"term":{"event.id":%q}}}`, recordID)), &answer))
	if len(answer.Hits.Hits) != 1 {
		s.t.Fatalf("%s has %d documents", recordID, len(answer.Hits.Hits))
	}
	return answer.Hits.Hits[0].Index, answer.Hits.Hits[0].ID
}

// alter changes the document of a record behind the agent's back.
func (s *stand) alter(recordID, doc string) {
	s.t.Helper()
	index, id := s.place(recordID)
	s.call("POST", "/"+index+"/_update/"+id, `{"doc":`+doc+`}`)
}

func (s *stand) delete(recordID string) {
	s.t.Helper()
	index, id := s.place(recordID)
	s.call("DELETE", "/"+index+"/_doc/"+id+"?refresh=true", "")
}

// reconcile compares the whole period.
func (s *stand) reconcile(change func(*Options)) ([]Difference, Summary, error) {
	s.t.Helper()
	var found []Difference
	o := Options{
		Client: s.client, Version: "test", From: s.from,
		Found: func(d Difference) error { found = append(found, d); return nil },
		adjust: func(c *apisource.ClientConfig) {
			c.Tries, c.Backoff = 3, peer.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}
		},
	}
	if change != nil {
		change(&o)
	}
	all, err := Run(s.t.Context(), s.config, o)
	if len(all) == 0 {
		return found, Summary{}, err
	}
	return found, all[0], err
}

// expect wants just these differences, as "kind record: fields".
func (s *stand) expect(got []Difference, want ...string) {
	s.t.Helper()
	var texts []string
	for _, d := range got {
		text := fmt.Sprintf("%s %s", d.Kind, d.EventID)
		for _, f := range d.Fields {
			text += " " + f.Field
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	slices.Sort(want)
	if !slices.Equal(texts, want) {
		s.t.Errorf("found\n  %s\nnot\n  %s", strings.Join(texts, "\n  "), strings.Join(want, "\n  "))
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nnot\n%s", name, got, want)
	}
}
