package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/kibana/kibanatest"
	"github.com/auditship/auditship/mappings"
)

// operation is a record with what a person sees in it, found without the agent.
type operation struct {
	api7sim.Record
	age    time.Duration
	name   string // "Add Service"
	verb   string // Add
	method string
	path   string
	status int
	local  time.Time // in the team's time zone
}

func (o operation) within(days int) bool { return o.age < time.Duration(days)*24*time.Hour }

// changes says whether something was created, changed or deleted.
func (o operation) changes() bool {
	return !slices.Contains([]string{"View", "Login", "Logout", "Check", "Export"}, o.verb)
}

// expectedOperations says, for each saved search, which operations it is to find.
var expectedOperations = map[string]func(operation) bool{
	"api7-audit-all":         func(o operation) bool { return o.within(30) },
	"api7-audit-by-date":     func(o operation) bool { return o.within(7) },
	"api7-audit-by-event":    func(o operation) bool { return o.within(30) && o.name == "Add Service" },
	"api7-audit-by-operator": func(o operation) bool { return o.within(30) && o.Operator.Username == "admin" },
	"api7-audit-by-resource": func(o operation) bool { return o.within(7) && o.ResourceID == httpbinID },
	"api7-audit-failed":      func(o operation) bool { return o.within(30) && o.status >= 400 },
	"api7-audit-deletions":   func(o operation) bool { return o.within(30) && o.verb == "Delete" },
	"api7-audit-changes-by-api": func(o operation) bool {
		return o.within(30) && o.changes() && o.Source != "dashboard"
	},
	"api7-audit-changes-by-dashboard": func(o operation) bool {
		return o.within(30) && o.changes() && o.Source == "dashboard"
	},
	"api7-audit-logins-and-tokens": func(o operation) bool {
		return o.within(30) && (o.verb == "Login" || o.verb == "Logout" || strings.Contains(o.name, "Token") || strings.Contains(o.path, "/tokens/"))
	},
	"api7-audit-outside-office-hours": func(o operation) bool {
		hour, day := o.local.Hour(), o.local.Weekday()
		return o.within(30) && (hour < 8 || hour >= 18 || day == time.Saturday || day == time.Sunday)
	},
	"api7-audit-add-service-by-ops": func(o operation) bool {
		return o.within(30) && o.name == "Add Service" && o.Operator.Username == "Ops"
	},
	"api7-audit-resource-httpbin": func(o operation) bool { return o.within(7) && o.ResourceID == httpbinID },
	"api7-audit-latest":           func(o operation) bool { return o.within(30) },
	"api7-audit-identity-changes": func(o operation) bool { return o.within(30) && o.changesIdentity() },
	"api7-audit-switched-off":     func(o operation) bool { return o.within(30) && o.switchesOff() },
}

// changesIdentity says whether it made, changed or deleted who may do what.
func (o operation) changesIdentity() bool {
	return o.method != "GET" && regexp.MustCompile(`^/api/(settings/tokens|users|roles|invites|permission)|/(instance_token|me|password)\b`).MatchString(o.path) &&
		!strings.HasSuffix(o.path, "/check_name")
}

// switchesOff says whether it took away a protection. The demo's bodies disable no
// plugin, so what is left are deletions.
func (o operation) switchesOff() bool {
	return o.verb == "Delete" && regexp.MustCompile(`/(ssls|certificates|ca_certificates|global_rules)/`).MatchString(o.path)
}

const httpbinID = "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae"

// The demo's history goes through the real agent into a real Elasticsearch. Each
// saved search, asked as Discover asks, finds exactly the records it is to find.
func TestR20SavedSearchesFindTheDemosRecords(t *testing.T) {
	node := estest.Shared(t)
	operations, stream := shipHistory(t, node)
	objects, err := kibana.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Type != "search" {
			continue
		}
		t.Run(o.ID, func(t *testing.T) {
			expected := expectedOperations[o.ID]
			if expected == nil {
				t.Fatal("nothing is expected of it")
			}
			want := map[string]string{}
			for _, one := range operations {
				if expected(one) {
					want[one.ID] = one.name
				}
			}
			got := search(t, node, stream, o)
			for id, name := range got {
				if want[id] == "" {
					t.Errorf("found %s %q too much", id, name)
				}
			}
			for id, name := range want {
				if _, found := got[id]; !found {
					t.Errorf("missed %s %q", id, name)
				}
			}
			if len(want) == 0 {
				t.Error("the demo's data holds nothing for it")
			}
			t.Logf("%d of %d records, such as %q", len(got), len(operations), firstOf(got))
		})
	}
}

// shipHistory sends a small history of the demo through the agent. It returns what
// it is made of, found without the agent, and the data stream.
func shipHistory(t *testing.T, node *esnode.Node) ([]operation, string) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	g, err := newGateway(t.TempDir(), 42)
	if err != nil {
		t.Fatal(err)
	}
	var operations []operation
	for _, r := range g.history(now, days, 4000) {
		if o := operationOf(t, r, now, berlin); !o.nearABound() {
			operations = append(operations, o)
			g.store.Add(r)
		}
	}
	return operations, ship(t, node, g, len(operations))
}

// firstOf are the first ids in their order.
func firstOf(ids map[string]string) []string {
	var all []string
	for id := range ids {
		all = append(all, id)
	}
	slices.Sort(all)
	return all[:min(3, len(all))]
}

func operationOf(t *testing.T, r api7sim.Record, now time.Time, location *time.Location) operation {
	t.Helper()
	var answer struct {
		StatusCode int `json:"status_code"`
	}
	if err := json.Unmarshal(r.Response, &answer); err != nil {
		t.Fatal(err)
	}
	var request struct{ Method, URI string }
	if err := json.Unmarshal(r.Request, &request); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(r.EventTime, 0)
	o := operation{Record: r, age: now.Sub(at), method: request.Method, path: request.URI, status: answer.StatusCode, local: at.In(location)}
	for _, e := range api7sim.EventTypes() {
		if e.Key == r.EventType {
			o.name = e.Name
		}
	}
	o.verb, _, _ = strings.Cut(o.name, " ")
	return o
}

// nearABound says whether a record could leave the last 7 or 30 days while the test
// runs.
func (o operation) nearABound() bool {
	for _, days := range []int{7, 30} {
		if d := time.Duration(days)*24*time.Hour - o.age; -time.Minute < d && d < 15*time.Minute {
			return true
		}
	}
	return false
}

// ship runs the agent against the gateway's API until all is in Elasticsearch, and
// names the data stream.
func ship(t *testing.T, node *esnode.Node, g *gateway, records int) string {
	t.Helper()
	namespace := estest.Namespace(t)
	client, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	if err == nil {
		err = mappings.Apply(t.Context(), client, mappings.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- g.serve(ctx, listener, "a7ee-demo") }()
	cfg, err := config.Parse("auditship.yml", fmt.Appendf(nil, `
inputs: [{type: api, id: api, url: "http://%s", api_key: a7ee-demo, since: 60d, page_size: 500}]
elasticsearch: {urls: [%q], namespace: %s, flush_interval: 50ms}
state_dir: %s
timezone: Europe/Berlin
http: "off"
`, listener.Addr(), node.URL, namespace, filepath.Join(t.TempDir(), "state")), config.Env{LookupEnv: os.LookupEnv, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Open(cfg, pipeline.Options{Client: client, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		totals := p.Ledger().Totals()
		if len(totals) > 0 && totals[0].Indexed == int64(records) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d records: %+v", records, totals)
		}
	}
	cancel()
	for _, err := range []error{<-ended, p.Close(), <-served} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return mappings.StreamName(namespace)
}

// search asks what Discover asks when it opens a saved search: its pills and its
// time range.
func search(t *testing.T, node *esnode.Node, stream string, o kibana.Object) map[string]string {
	t.Helper()
	var saved struct {
		Meta struct {
			Source string `json:"searchSourceJSON"`
		} `json:"kibanaSavedObjectMeta"`
		TimeRange struct{ From, To string }
	}
	var source struct {
		Query  struct{ Query string } `json:"query"`
		Filter []struct {
			Query json.RawMessage `json:"query"`
		} `json:"filter"`
	}
	if err := json.Unmarshal(o.Attributes, &saved); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(saved.Meta.Source), &source); err != nil {
		t.Fatal(err)
	}
	kql, err := kibanatest.KQL(source.Query.Query)
	if err != nil {
		t.Fatal(err)
	}
	filter := []any{kql, map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": saved.TimeRange.From, "lte": saved.TimeRange.To}}}}
	for _, f := range source.Filter {
		filter = append(filter, f.Query)
	}
	if err := call(t.Context(), node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				Source struct {
					Event struct{ ID string }
					API7  struct {
						Audit struct {
							EventName string `json:"event_name"`
						}
					}
				} `json:"_source"`
			}
		}
	}
	query := map[string]any{"size": 10_000, "query": map[string]any{"bool": map[string]any{"filter": filter}}}
	if err := call(t.Context(), node, "POST", "/"+stream+"/_search", query, &answer); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, h := range answer.Hits.Hits {
		found[h.Source.Event.ID] = h.Source.API7.Audit.EventName
	}
	return found
}
