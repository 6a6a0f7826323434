package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter/peer"
)

func TestAWholeTrailDoesNotDiffer(t *testing.T) {
	s := newStand(t)
	s.fill(300)
	s.ship()
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if sum.Records != 300 || sum.Documents != 300 || sum.Differs() || !sum.Until.Equal(sum.To) {
		t.Errorf("%+v", sum)
	}
}

// Everything that can be wrong is found, and repair makes whole what is missing.
func TestEveryDifferenceIsFoundAndRepaired(t *testing.T) {
	s := newStand(t)
	s.fill(200)
	s.ship()
	// Twice: the same _id in two backing indices.
	index, id := s.place("r-007")
	document := s.call("GET", "/"+index+"/_source/"+id, "")
	s.call("POST", "/"+s.stream+"/_rollover", "")
	s.call("PUT", "/"+s.stream+"/_create/"+id, string(document))
	// And with another time in the second one.
	_, id = s.place("r-008")
	s.call("PUT", "/"+s.stream+"/_create/"+id, fmt.Sprintf(`{"@timestamp":%q,"event":{"id":"r-008"},"observer":{"name":"test"}}`, s.at(90).UTC().Format(time.RFC3339)))
	s.refresh()
	s.alter("r-020", `{"user":{"name":"Mallory"},"api7":{"audit":{"resource":{"id":"s-21"}}}}`)
	s.alter("r-021", `{"event":{"outcome":"success"}}`)
	s.alter("r-022", `{"@timestamp":"`+s.at(100).UTC().Format(time.RFC3339)+`"}`)  // later in the period
	s.alter("r-150", `{"@timestamp":"`+s.at(3).UTC().Format(time.RFC3339)+`"}`)    // earlier
	s.alter("r-151", `{"@timestamp":"`+s.at(-900).UTC().Format(time.RFC3339)+`"}`) // out of it
	s.alter("r-023", `{"source":{"address":null}}`)
	s.delete("r-030")
	s.delete("r-199")
	// Unexpected: one that somebody made up, one that the gateway has not any more.
	s.call("PUT", "/"+s.stream+"/_create/made-up", fmt.Sprintf(
		`{"@timestamp":%q,"event":{"id":"made-up","action":"Login"},"user":{"name":"Ghost"},"observer":{"name":"test"}}`, s.at(60).UTC().Format(time.RFC3339)))
	s.call("PUT", "/"+s.stream+"/_create/other-gateway", fmt.Sprintf(`{"@timestamp":%q,"observer":{"name":"other"}}`, s.at(60).UTC().Format(time.RFC3339)))
	s.refresh()

	want := []string{
		"altered r-020 user.name api7.audit.resource.id", "altered r-021 event.outcome", "altered r-022 @timestamp",
		"altered r-150 @timestamp", "altered r-151 @timestamp", "altered r-023 source.address", "twice r-007", "twice r-008", "unexpected made-up",
	}
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found, append(want, "missing r-030", "missing r-199")...)
	if sum.Missing != 2 || sum.Altered != 6 || sum.Unexpected != 1 || sum.Twice != 2 || sum.Repaired != 0 || !sum.Differs() {
		t.Errorf("%+v", sum)
	}
	for _, d := range found {
		switch d.Kind {
		case Twice:
			if len(d.Indices) != 2 || d.Indices[0] != index {
				t.Errorf("twice in %q", d.Indices)
			}
		case Altered:
			if d.EventID == "r-020" && (*d.Fields[0].Gateway != "Ops" || *d.Fields[0].Elasticsearch != "Mallory") {
				t.Errorf("altered: %+v", d.Fields)
			}
			if d.EventID == "r-023" && d.Fields[0].Elasticsearch != nil {
				t.Errorf("altered: %+v", d.Fields)
			}
		}
	}

	found, sum, err = s.reconcile(func(o *Options) { o.Repair = true })
	s.must(err)
	s.expect(found, append(want, "missing r-030", "missing r-199")...)
	if sum.Missing != 2 || sum.Repaired != 2 {
		t.Errorf("repaired: %+v", sum)
	}
	s.refresh()
	found, _, err = s.reconcile(nil)
	s.must(err)
	s.expect(found, want...)
}

// A stream that somebody deleted is whole again after a repair, document by document
// the same as the agent's.
func TestARepairedStreamIsTheAgents(t *testing.T) {
	s := newStand(t)
	g := api7sim.NewGenerator(3)
	for i := range 500 {
		s.store.Add(g.Next(s.at(i / 2)))
	}
	s.ship()
	before := s.sources()
	s.call("DELETE", "/_data_stream/"+s.stream, "")
	found, sum, err := s.reconcile(func(o *Options) { o.Repair = true })
	s.must(err)
	if len(found) != 500 || sum.Missing != 500 || sum.Repaired != 500 || sum.Differs() {
		t.Errorf("%d differences, %+v", len(found), sum)
	}
	s.refresh()
	after := s.sources()
	for id, text := range before {
		if after[id] != text {
			t.Fatalf("%s was\n%s\nand is\n%s", id, text, after[id])
		}
	}
	for _, secret := range g.Secrets() {
		for _, text := range after {
			if strings.Contains(text, secret) {
				t.Fatalf("a secret is in %s", text)
			}
		}
	}
	// The agent adds nothing to it.
	s.config.StateDir = filepath.Join(s.dir, "another-state")
	s.ship()
	if n := len(s.sources()); n != 500 {
		t.Errorf("%d documents", n)
	}
}

// sources are all documents by _id, without what depends on when they were made, and
// names that were derived from other records.
func (s *stand) sources() map[string]string {
	s.t.Helper()
	var answer struct {
		Hits struct {
			Hits []struct {
				ID     string                    `json:"_id"`
				Source map[string]map[string]any `json:"_source"`
			}
		}
	}
	text := s.call("POST", "/"+s.stream+"/_search?size=10000", `{"_source":{"excludes":["@timestamp","event.ingested","event.created","message","tags","agent","api7.audit.resource.name","api7.audit.resource.type"]}}`)
	s.must(json.Unmarshal(text, &answer))
	sources := map[string]string{}
	for _, h := range answer.Hits.Hits {
		source, err := json.Marshal(h.Source)
		s.must(err)
		sources[h.ID] = string(source)
	}
	return sources
}

// It runs while an agent does, and what is on its way is no difference once it came.
func TestBesideARunningAgent(t *testing.T) {
	s := newStand(t)
	s.fill(50)
	p, err := pipeline.Open(s.config, pipeline.Options{Client: s.client, Log: zerolog.Nop()})
	s.must(err)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		found, sum, err := s.reconcile(func(o *Options) { o.Repair = true })
		s.must(err)
		if len(found) == 0 && sum.Documents == 50 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v %+v", found, sum)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the agent ended: %v", err)
	default:
	}
}

// A record that comes late at the gateway, after its window was read and before
// Elasticsearch is asked, is not unexpected.
func TestALateRecordIsNotUnexpected(t *testing.T) {
	s := newStand(t)
	s.fill(100)
	s.ship()
	late := s.store.Len()
	all := &api7sim.Store{}
	for i := range 100 {
		if i != 40 {
			all.Add(s.record(i))
		}
	}
	s.store = all
	gateway := api7sim.NewServer(all, api7sim.Options{APIKey: token})
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.ServeHTTP(w, r)
		if r.URL.Query().Get("page") == "2" && late == 100 { // a window is being read, page 1 is passed
			late++
			all.Add(s.record(40))
		}
	})
	found, _, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if late != 101 {
		t.Error("no record came late")
	}
}

func TestFieldsThatRulesMaskAreLeftOutAndNamed(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yml")
	text := "masking:\n  version: 1\n  rules:\n    - {id: who, select: {path: operator.username}, action: redact}\n    - {id: ids, select: {path: id}, action: redact}\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	s.fill(20)
	s.ship() // under other rules
	s.config.Masking.Rules = []string{rules}
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	masked := strings.Join(sum.Masked, " ")
	for _, name := range []string{"user.name", "event.id", "error.message"} {
		if !strings.Contains(masked, name) {
			t.Errorf("%s is not named in %q", name, masked)
		}
	}
	if strings.Contains(masked, "user.id") || len(sum.Compared)+len(sum.Masked) != len(fields) {
		t.Errorf("masked %q, compared %q", sum.Masked, sum.Compared)
	}
}

func TestRecordsWithoutAnID(t *testing.T) {
	s := newStand(t)
	s.fill(10)
	for i := range 3 {
		s.store.AddText(s.at(i), "", fmt.Appendf(nil, `{"event_time":%d,"event_type":"Login","operator":{"username":"Ops"},"n":%d}`, s.at(i).Unix(), i))
	}
	s.ship()
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if sum.Records != 13 || sum.Documents != 13 {
		t.Errorf("%+v", sum)
	}
	// Where the key is not known nothing is said about them.
	s.config.StateDir = filepath.Join(s.dir, "none")
	found, sum, err = s.reconcile(func(o *Options) { o.Repair = true })
	s.must(err)
	s.expect(found)
	if sum.WithoutID != 6 {
		t.Errorf("%+v", sum)
	}
	if _, err := os.Stat(s.config.StateDir); err == nil {
		t.Error("it made a state directory")
	}
}

func TestWhatBecomesNoDocumentIsCounted(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yml")
	text := "masking:\n  version: 1\n  rules:\n    - {id: logins, select: {path: login}, action: drop_event}\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStand(t)
	s.fill(5)
	s.store.AddText(s.at(1), "login", fmt.Appendf(nil, `{"id":"login","event_time":%d,"event_type":"Login","login":1}`, s.at(1).Unix()))
	s.store.AddText(s.at(2), "timeless", []byte(`{"id":"timeless","event_time":"soon"}`))
	s.ship()
	s.config.Masking.Rules = []string{rules}
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if sum.Dropped != 1 || sum.Rejected != 1 || sum.Records != 7 || sum.Documents != 6 {
		t.Errorf("%+v", sum)
	}
}

func TestWhatTheGatewayHasForgottenIsNoDifference(t *testing.T) {
	s := newStand(t)
	s.fill(100)
	s.ship()
	s.store.Delete(s.at(40))
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if sum.Forgotten != 40 || sum.Records != 60 {
		t.Errorf("%+v", sum)
	}
}

func TestThePeriodIsExact(t *testing.T) {
	s := newStand(t)
	s.fill(100)
	s.ship()
	for _, n := range []string{"r-009", "r-010", "r-019", "r-020"} {
		s.delete(n)
	}
	found, sum, err := s.reconcile(func(o *Options) { o.From, o.To = s.at(10), s.at(20) })
	s.must(err)
	s.expect(found, "missing r-010", "missing r-019")
	if sum.Records != 10 || sum.Documents != 8 {
		t.Errorf("%+v", sum)
	}
	// To the millisecond, although the gateway takes seconds.
	found, _, err = s.reconcile(func(o *Options) { o.From, o.To = s.at(9).Add(time.Millisecond), s.at(20).Add(time.Millisecond) })
	s.must(err)
	s.expect(found, "missing r-010", "missing r-019", "missing r-020")
}

// A gateway that fails for a moment is waited for; one that fails for good ends the
// comparison, which says how far it came.
func TestAGatewayThatFailsMidWay(t *testing.T) {
	s := newStand(t)
	s.fill(300)
	s.ship()
	s.delete("r-010")
	s.gateway.Set(func(o *api7sim.Options) {
		n := 0
		o.BeforeList = func(url.Values) {
			if n++; n%4 == 0 {
				s.gateway.Inject(1, []api7sim.Fault{api7sim.Status(503), api7sim.CutBody, api7sim.RateLimited("0")}[n/4%3])
			}
		}
	})
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found, "missing r-010")
	if sum.Records != 300 {
		t.Errorf("%+v", sum)
	}

	s.gateway.Set(func(o *api7sim.Options) {
		o.BeforeList = func(q url.Values) {
			if start, _ := strconv.Atoi(q.Get("start_at")); q.Get("page_size") == "50" && int64(start) > s.at(100).Unix() {
				s.gateway.Inject(100, api7sim.Status(503))
			}
		}
	})
	found, sum, err = s.reconcile(nil)
	if !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	s.expect(found, "missing r-010")
	if sum.Records == 0 || sum.Records == 300 || !sum.Until.Before(sum.To) || !sum.Until.After(sum.From) {
		t.Errorf("%+v", sum)
	}
	var b bytes.Buffer
	s.must(NewTable(&b, time.UTC).End([]Summary{sum}, false))
	if !strings.Contains(b.String(), "broke off") {
		t.Error(b.String())
	}
}

func TestPeersThatRefuse(t *testing.T) {
	s := newStand(t)
	s.fill(3)
	s.ship()
	s.gateway.Set(func(o *api7sim.Options) { o.APIKey = "another" })
	if _, _, err := s.reconcile(nil); err == nil || errors.Is(err, peer.ErrUnreachable) || !strings.Contains(err.Error(), "(401)") || strings.Contains(err.Error(), token) {
		t.Errorf("a revoked token: %v", err)
	}
	s.gateway.Set(func(o *api7sim.Options) { o.APIKey = token })
	right := s.client
	s.client = s.clientAs("nobody", "wrong")
	if _, _, err := s.reconcile(nil); err == nil || errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("a wrong password: %v", err)
	}
	s.client = right
	s.http.Close()
	if _, _, err := s.reconcile(nil); !errors.Is(err, peer.ErrUnreachable) {
		t.Errorf("no gateway: %v", err)
	}
}

func TestNothingToCompareWith(t *testing.T) {
	s := newStand(t)
	if _, _, err := s.reconcile(nil); err == nil || !strings.Contains(err.Error(), "no audit records") {
		t.Errorf("an empty gateway: %v", err)
	}
	if _, _, err := s.reconcile(func(o *Options) { o.Input = "other" }); !errors.Is(err, ErrNoInput) {
		t.Errorf("no such input: %v", err)
	}
	s.fill(1) // and no stream yet
	found, _, err := s.reconcile(nil)
	s.must(err)
	s.expect(found, "missing r-000")
}

// Two gateways with the same running numbers are compared each on its own.
func TestSeveralGateways(t *testing.T) {
	s := newStand(t)
	s.fill(20)
	other := *s
	other.store = &api7sim.Store{}
	for i := range 30 {
		r := s.record(i)
		r.Operator.Username = "Dev"
		other.store.Add(r)
	}
	handlers := map[string]http.Handler{token: s.gateway, "other": api7sim.NewServer(other.store, api7sim.Options{APIKey: "other"})}
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[r.Header.Get("X-API-KEY")].ServeHTTP(w, r)
	})
	second := s.config.Inputs[0]
	api := *second.API
	second.ID, second.Gateway, second.API = "second", "other", &api
	api.APIKey = config.NewSecret("other")
	s.config.Inputs = append(s.config.Inputs, second)
	s.ship()
	found, first, err := s.reconcile(nil)
	s.must(err)
	s.expect(found)
	_, sum, err := s.reconcile(func(o *Options) { o.Input = "second" })
	s.must(err)
	if first.Records != 20 || first.Documents != 20 || sum.Records != 30 || sum.Documents != 30 || sum.Gateway != "other" {
		t.Errorf("%+v %+v", first, sum)
	}
	// Under one observer name the inputs' tags tell them apart.
	s.config.Observer.Name = "all"
	s.call("DELETE", "/_data_stream/"+s.stream, "")
	s.config.StateDir = filepath.Join(s.dir, "another-state")
	s.ship()
	found, sum, err = s.reconcile(nil)
	s.must(err)
	s.expect(found)
	if sum.Documents != 20 {
		t.Errorf("%+v", sum)
	}
}

// What ILM deleted in time is no difference, and is not brought back unless asked for.
func TestRecordsOlderThanRetention(t *testing.T) {
	s := newStand(t)
	s.fill(200) // from six hours ago on
	s.ship()
	s.config.Retention = config.Duration(time.Since(s.at(100)))
	s.delete("r-000")
	s.delete("r-050")
	s.delete("r-150")
	found, sum, err := s.reconcile(func(o *Options) { o.Repair = true })
	s.must(err)
	s.expect(found, "missing r-150")
	if sum.Expired != 2 || sum.Missing != 1 || sum.Repaired != 1 || sum.Differs() {
		t.Errorf("%+v", sum)
	}
	var table strings.Builder
	s.must(NewTable(&table, time.UTC).End([]Summary{sum}, true))
	if !strings.Contains(table.String(), "  records older than retention, which are not in Elasticsearch any more: 2\n") {
		t.Error(table.String())
	}
	found, sum, err = s.reconcile(func(o *Options) { o.Repair, o.Expired = true, true })
	s.must(err)
	s.expect(found, "missing r-000", "missing r-050")
	if sum.Expired != 0 || sum.Repaired != 2 {
		t.Errorf("%+v", sum)
	}
}

// A document that was changed a moment ago in an index that refreshes seldom is seen,
// or it is said that it may not be.
func TestChangesBeforeARefresh(t *testing.T) {
	s := newStand(t)
	s.fill(20)
	s.ship()
	s.call("PUT", "/"+s.stream+"/_settings", `{"index.refresh_interval":"3s"}`)
	s.alter("r-007", `{"user":{"name":"Mallory"}}`)
	found, sum, err := s.reconcile(nil)
	s.must(err)
	s.expect(found, "altered r-007 user.name")
	if sum.Unrefreshed != "" {
		t.Errorf("%+v", sum)
	}
	for interval, want := range map[string]string{"5m": "the last 5m0s", "-1": "since refresh was turned off"} {
		s.call("PUT", "/"+s.stream+"/_settings", `{"index.refresh_interval":"`+interval+`"}`)
		_, sum, err := s.reconcile(nil)
		s.must(err)
		if sum.Unrefreshed != want {
			t.Errorf("%s: %q", interval, sum.Unrefreshed)
		}
	}
}
