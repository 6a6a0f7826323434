package mappings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// node is a real Elasticsearch of this package alone: policies, templates and
// roles are global, so a shared one would not do.
type node struct {
	*esnode.Node
	client *exporter.Client // the superuser's
}

// TestOnElasticsearch runs its stories one after the other on one node, each on
// an empty one.
func TestOnElasticsearch(t *testing.T) {
	n := &node{Node: estest.Private(t, esnode.Options{})}
	n.client = n.signIn(t, n.Username, n.Password)
	stories := []struct {
		name string
		tell func(*testing.T, *node)
	}{
		{"a first run creates everything and a second changes nothing", firstAndSecondRun},
		{"another retention updates the policy only", otherRetention},
		{"what print writes, sent by hand, is what setup installs", printedByHand},
		{"what a person changed stays unless forced", changedByHand},
		{"what somebody else made under our names stays unless forced", madeBySomebodyElse},
		{"a changed mapping rolls the stream over, once", changedMapping},
		{"the user's own fields are kept and take effect", customFields},
		{"a stream older than the templates is taken over", olderStream},
		{"a template of a higher priority is reported", higherPriority},
		{"verify fails, by name, for what is wrong", verifyFails},
		{"the templates take documents and refuse none for a field", takesDocuments},
		{"the setup role is enough, and nothing in it too much", setupRole},
		{"the agent's role lets a key write and look up, and nothing else", agentRole},
		{"each privilege the agent lacks is named", missingPrivileges},
		{"the analyst's role reads and nothing else", analystRole},
		{"a key cannot make keys", keyMakesNoKeys},
		{"a user who lacks rights cannot hand them on", keyOfAWeakUser},
	}
	for _, s := range stories {
		if !t.Run(s.name, func(t *testing.T) { s.tell(t, n.empty(t)) }) && t.Context().Err() != nil {
			break
		}
	}
}

// signIn makes a client for a user of the node.
func (n *node) signIn(t *testing.T, user, password string) *exporter.Client {
	t.Helper()
	return n.connect(t, exporter.Config{Username: user, Password: func() (string, error) { return password, nil }})
}

// signInKey makes a client for an API key.
func (n *node) signInKey(t *testing.T, key string) *exporter.Client {
	t.Helper()
	return n.connect(t, exporter.Config{APIKey: func() (string, error) { return key, nil }})
}

func (n *node) connect(t *testing.T, cfg exporter.Config) *exporter.Client {
	t.Helper()
	cfg.Addresses, cfg.CAFile = []string{n.URL}, n.CAFile
	client, err := exporter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// do sends a request as the superuser; a status of 300 or more, but 404 to a
// DELETE, fails the test.
func (n *node) do(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	status, answer, err := n.Do(t.Context(), method, path, []byte(body))
	if err != nil || status >= 300 && (method != http.MethodDelete || status != http.StatusNotFound) {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

// empty removes what an earlier story left.
func (n *node) empty(t *testing.T) *node {
	t.Helper()
	for _, path := range []string{
		"/_data_stream/logs-*", "/_index_template/*", "/_component_template/logs-*", "/_ilm/policy/" + Name,
		"/_security/role/" + AgentRole, "/_security/role/" + AnalystRole, "/_security/role/" + SetupRole,
	} {
		n.do(t, http.MethodDelete, path, "")
	}
	return n
}

// index puts a document into a stream and gives the backing index it went to.
func (n *node) index(t *testing.T, stream, doc string) string {
	t.Helper()
	answer := n.do(t, http.MethodPost, "/"+stream+"/_doc?refresh=true", doc)
	name, _ := answer["_index"].(string)
	return name
}

func plan(t *testing.T, client *exporter.Client, opts Options) *Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), client, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply plans, applies, and gives what was reported.
func apply(t *testing.T, client *exporter.Client, opts Options, force bool) []string {
	t.Helper()
	var steps []string
	if err := plan(t, client, opts).Apply(t.Context(), force, func(s string) { steps = append(steps, s) }); err != nil {
		t.Fatal(err)
	}
	return steps
}

func wantSteps(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func verify(t *testing.T, client *exporter.Client, opts Options) Report {
	t.Helper()
	report, err := Verify(t.Context(), client, opts, "default")
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantVerified(t *testing.T, report Report) {
	t.Helper()
	for _, c := range report {
		if !c.OK {
			t.Error(c)
		}
	}
	if len(report) < 3 {
		t.Errorf("only %d checks: %v", len(report), report)
	}
}

const minimal = `{"@timestamp":"2026-01-01T00:00:00Z"}`

func firstAndSecondRun(t *testing.T, n *node) {
	if p := plan(t, n.client, Options{}); p.Empty(false) {
		t.Error("the plan for an empty server is empty")
	}
	wantSteps(t, apply(t, n.client, Options{}, false),
		"created ILM policy logs-api7.audit",
		"created component template logs-api7.audit@mappings",
		"created component template logs-api7.audit@settings",
		"created index template logs-api7.audit",
		"created role auditship_agent",
		"created role auditship_analyst",
		"created role auditship_setup",
	)
	wantVerified(t, verify(t, n.client, Options{}))
	for _, stream := range []string{"logs-api7.audit-default", "logs-api7.audit-prod"} {
		n.index(t, stream, minimal)
	}
	second := plan(t, n.client, Options{})
	if !second.Empty(true) {
		t.Errorf("the second run would change something: %v %v", second.Objects, second.Steps)
	}
	wantSteps(t, apply(t, n.client, Options{}, true))
	report := verify(t, n.client, Options{})
	wantVerified(t, report)
	if !slices.ContainsFunc(report, func(c Check) bool { return c.Subject == "data stream logs-api7.audit-prod" && c.Name == "managed" }) {
		t.Error("the second namespace's stream was not looked at")
	}
}

func otherRetention(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.index(t, "logs-api7.audit-default", minimal)
	shorter := Options{Retention: 90 * day}
	p := plan(t, n.client, shorter)
	var changes []string
	for _, o := range p.Objects {
		for _, c := range o.Changes {
			changes = append(changes, o.String()+" "+c.String())
		}
	}
	wantSteps(t, changes, `ILM policy logs-api7.audit ~ policy.phases.delete.min_age: "180d" -> "90d"`)
	wantSteps(t, apply(t, n.client, shorter, false), "updated ILM policy logs-api7.audit")
	wantVerified(t, verify(t, n.client, shorter))
}

func printedByHand(t *testing.T, n *node) {
	var out strings.Builder
	if err := Print(&out, Options{}, es8192, "auditship-agent-host1"); err != nil {
		t.Fatal(err)
	}
	for _, r := range readPrinted(t, out.String()) {
		body, err := json.Marshal(r.body)
		if err != nil {
			t.Fatal(err)
		}
		method, path, _ := strings.Cut(r.line, " ")
		n.do(t, method, path, string(body))
	}
	if p := plan(t, n.client, Options{}); !p.Empty(true) {
		t.Errorf("setup would still change something: %v", p.Objects)
	}
}

func changedByHand(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	// As Kibana does it: read, change, write back with the _meta there was.
	policy := n.do(t, http.MethodGet, "/_ilm/policy/"+Name, "")[Name].(map[string]any)
	byHand := map[string]any{"policy": policy["policy"]}
	set(byHand, "30d", "policy", "phases", "delete", "min_age")
	body, err := json.Marshal(byHand)
	if err != nil {
		t.Fatal(err)
	}
	n.do(t, http.MethodPut, "/_ilm/policy/"+Name, string(body))

	p := plan(t, n.client, Options{})
	wantSteps(t, p.Conflicts(), "ILM policy logs-api7.audit")
	if got := p.Objects[0].Changes[0].String(); got != `~ policy.phases.delete.min_age: "30d" -> "180d"` {
		t.Errorf("the difference reads %s", got)
	}
	wantSteps(t, apply(t, n.client, Options{}, false))
	if got := get(n.do(t, http.MethodGet, "/_ilm/policy/"+Name, ""), Name, "policy", "phases", "delete", "min_age"); got != "30d" {
		t.Errorf("min_age is %v: the person's change is lost", got)
	}
	wantSteps(t, apply(t, n.client, Options{}, true), "replaced ILM policy logs-api7.audit")
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, plan(t, n.client, Options{}).Conflicts())
}

func madeBySomebodyElse(t *testing.T, n *node) {
	n.do(t, http.MethodPut, "/_security/role/"+AgentRole, `{"cluster":["all"]}`)
	n.do(t, http.MethodPut, "/_component_template/"+SettingsComponent, `{"template":{"settings":{"number_of_replicas":3}}}`)
	p := plan(t, n.client, Options{})
	wantSteps(t, p.Conflicts(), "component template "+SettingsComponent, "role "+AgentRole)
	steps := apply(t, n.client, Options{}, false)
	if slices.ContainsFunc(steps, func(s string) bool { return strings.Contains(s, SettingsComponent) || strings.Contains(s, AgentRole) }) {
		t.Errorf("touched: %q", steps)
	}
	wantSteps(t, apply(t, n.client, Options{}, true), "replaced component template "+SettingsComponent, "replaced role "+AgentRole)
	wantVerified(t, verify(t, n.client, Options{}))
}

// earlierRelease installs what a release with another mapping would have:
// without one field, and with the fingerprints that belong to that.
func earlierRelease(t *testing.T, n *node) {
	t.Helper()
	assets, err := Assets(Options{}, es8192)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range assets {
		if a.Name == MappingsComponent {
			delete(get(a.Body, "template", "mappings", "properties").(map[string]any), "tags")
		}
	}
	render(assets, Options{}.withDefaults(), es8192)
	for _, a := range assets {
		body, err := json.Marshal(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		n.do(t, http.MethodPut, a.Path, string(body))
	}
}

func changedMapping(t *testing.T, n *node) {
	earlierRelease(t, n)
	before := n.index(t, "logs-api7.audit-default", minimal)
	if report := verify(t, n.client, Options{}); report.OK() {
		t.Error("the older mapping passes")
	}
	p := plan(t, n.client, Options{})
	if len(p.Conflicts()) > 0 {
		t.Errorf("our own earlier release is taken for a person's work: %q", p.Conflicts())
	}
	wantSteps(t, apply(t, n.client, Options{}, false),
		"updated component template "+MappingsComponent, "rolled over data stream logs-api7.audit-default")
	after := n.index(t, "logs-api7.audit-default", minimal)
	if after == before {
		t.Errorf("still written to %s", before)
	}
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, apply(t, n.client, Options{}, false))
}

func customFields(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.index(t, "logs-api7.audit-default", minimal)
	n.do(t, http.MethodPut, "/_component_template/"+CustomComponent,
		`{"template":{"settings":{"number_of_replicas":0},"mappings":{"properties":{"labels":{"properties":{"site":{"type":"keyword"}}}}}}}`)
	if verify(t, n.client, Options{}).OK() {
		t.Error("the new field is not in the write index, and verify does not say so")
	}
	wantSteps(t, apply(t, n.client, Options{}, false), "rolled over data stream logs-api7.audit-default")
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, apply(t, n.client, Options{}, true))
	n.do(t, http.MethodGet, "/_component_template/"+CustomComponent, "") // still there
}

func olderStream(t *testing.T, n *node) {
	n.do(t, http.MethodPut, "/_index_template/logs", `{"index_patterns":["logs-*-*"],"priority":100,"data_stream":{},"template":{"settings":{"index.lifecycle.name":"logs"}}}`)
	old := n.index(t, "logs-api7.audit-default", minimal)
	steps := apply(t, n.client, Options{}, false)
	wantSteps(t, steps[len(steps)-2:],
		"rolled over data stream logs-api7.audit-default",
		"set ILM policy of index "+old+" to logs-api7.audit")
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, apply(t, n.client, Options{}, false))

	// What a person then decides about an index of ours is respected.
	n.do(t, http.MethodPost, "/logs-api7.audit-default/_rollover", "")
	ours := n.do(t, http.MethodGet, "/_data_stream/logs-api7.audit-default", "")["data_streams"].([]any)[0].(map[string]any)["indices"].([]any)[1].(map[string]any)["index_name"].(string)
	n.do(t, http.MethodPut, "/"+ours+"/_settings", `{"index.lifecycle.name":"kept-for-court"}`)
	wantSteps(t, plan(t, n.client, Options{}).Conflicts(), "ILM policy of index "+ours)
	wantSteps(t, apply(t, n.client, Options{}, false))
	if verify(t, n.client, Options{}).OK() {
		t.Error("a backing index under another policy passes")
	}
	wantSteps(t, apply(t, n.client, Options{}, true), "set ILM policy of index "+ours+" to logs-api7.audit")
	wantVerified(t, verify(t, n.client, Options{}))
}

func higherPriority(t *testing.T, n *node) {
	n.do(t, http.MethodPut, "/_index_template/theirs", `{"index_patterns":["logs-api7*"],"priority":500,"data_stream":{}}`)
	index := n.index(t, "logs-api7.audit-default", minimal)
	err := plan(t, n.client, Options{}).Apply(t.Context(), false, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "higher priority") {
		t.Errorf("got %v, want an error that names the reason", err)
	}
	if again := n.index(t, "logs-api7.audit-default", minimal); again != index {
		t.Error("the stream was rolled over although that cannot help")
	}
	if verify(t, n.client, Options{}).OK() {
		t.Error("another template is in force and verify passes")
	}
}

func verifyFails(t *testing.T, n *node) {
	const stream = "logs-api7.audit-default"
	policy := func(change func(map[string]any)) func(t *testing.T) {
		return func(t *testing.T) {
			p := n.do(t, http.MethodGet, "/_ilm/policy/"+Name, "")[Name].(map[string]any)
			body := map[string]any{"policy": p["policy"]}
			change(body)
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			n.do(t, http.MethodPut, "/_ilm/policy/"+Name, string(text))
		}
	}
	request := func(method, path, body string) func(t *testing.T) {
		return func(t *testing.T) { n.do(t, method, path, body) }
	}
	tests := map[string]struct {
		harm func(t *testing.T)
		want []string // the names of the checks that fail
	}{
		"records would go too early": {
			policy(func(b map[string]any) { set(b, "90d", "policy", "phases", "delete", "min_age") }),
			[]string{"delete.min_age"},
		},
		"records would stay too long": {
			policy(func(b map[string]any) { set(b, "365d", "policy", "phases", "delete", "min_age") }),
			[]string{"delete.min_age"},
		},
		"records would stay for ever": {
			policy(func(b map[string]any) { delete(get(b, "policy", "phases").(map[string]any), "delete") }),
			[]string{"delete.min_age", "delete action"},
		},
		"the rollover comes too late": {
			policy(func(b map[string]any) {
				set(b, "30d", "policy", "phases", "hot", "actions", "rollover", "max_age")
			}),
			[]string{"hot.rollover.max_age"},
		},
		"the write index has no policy": {
			request("PUT", "/"+stream+"/_settings", `{"index.lifecycle.name":null}`),
			[]string{"ILM policy", "managed"},
		},
		"the template names another policy": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_component_template/"+CustomComponent, `{"template":{"settings":{"index.lifecycle.name":"other"}}}`)
				n.do(t, "POST", "/"+stream+"/_rollover", "")
			},
			[]string{"ILM policy", "managed"},
		},
		"the template is gone and another is in force": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_index_template/other", `{"index_patterns":["logs-api7*"],"priority":400,"data_stream":{}}`)
			},
			[]string{"in force", "template"},
		},
		"the mapping was made by other templates": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_component_template/"+MappingsComponent, `{"template":{"mappings":{"dynamic":"false"}}}`)
				n.do(t, "POST", "/"+stream+"/_rollover", "")
			},
			[]string{"in force", "mapping"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n.empty(t)
			apply(t, n.client, Options{}, false)
			n.index(t, stream, minimal)
			tc.harm(t)
			report := verify(t, n.client, Options{})
			var failed []string
			for _, c := range report {
				if !c.OK {
					failed = append(failed, c.Name)
					if !strings.HasPrefix(c.String(), "FAILED") {
						t.Errorf("the line does not say so: %s", c)
					}
				}
			}
			slices.Sort(failed)
			slices.Sort(tc.want)
			if !slices.Equal(failed, tc.want) {
				t.Errorf("failed: %q, want %q\n%v", failed, tc.want, report)
			}
		})
	}
	t.Run("the policy is missing", func(t *testing.T) {
		n.empty(t)
		report := verify(t, n.client, Options{})
		if report.OK() {
			t.Error("verify passes on a server without anything of ours")
		}
		if !slices.ContainsFunc(report, func(c Check) bool { return c.Name == "exists" && !c.OK }) {
			t.Errorf("nothing says that the policy is missing: %v", report)
		}
	})
}

func takesDocuments(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	long := strings.Repeat("x", 100_000)
	docs := map[string]string{
		"a long keyword":           `{"@timestamp":"2026-01-01T00:00:00Z","user":{"name":"` + long + `"}}`,
		"a long flattened value":   `{"@timestamp":"2026-01-01T00:00:00Z","api7":{"audit":{"request":{"body":{"a":"` + long + `"}}}}}`,
		"a long original":          `{"@timestamp":"2026-01-01T00:00:00Z","event":{"original":"` + long + `"}}`,
		"a long text":              `{"@timestamp":"2026-01-01T00:00:00Z","error":{"message":"` + long + `"}}`,
		"unknown fields":           `{"@timestamp":"2026-01-01T00:00:00Z","nobody":{"knows":["this"]},"api7":{"x":1}}`,
		"an address that is none":  `{"@timestamp":"2026-01-01T00:00:00Z","source":{"ip":"gateway"},"related":{"ip":["gateway","10.0.0.1"]}}`,
		"a status that is no code": `{"@timestamp":"2026-01-01T00:00:00Z","http":{"response":{"status_code":"OK"}}}`,
	}
	var first map[string]string
	for name, doc := range docs {
		index := n.index(t, "logs-api7.audit-default", doc)
		live, err := readIndex(t.Context(), n.client, index)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = fieldTypes(live.Mappings)
		}
		if got := fieldTypes(live.Mappings); len(got) != len(first) {
			t.Errorf("%s made the mapping grow from %d to %d fields", name, len(first), len(got))
		}
	}
}

// setupRole: with every privilege of the role everything can be done; without
// any one of them something cannot.
func setupRole(t *testing.T, n *node) {
	role, err := readRole(SetupRole)
	if err != nil {
		t.Fatal(err)
	}
	everything := func(t *testing.T, role roleBody) error {
		n.empty(t)
		earlierRelease(t, n) // so that there is something to roll over
		n.do(t, http.MethodDelete, "/_security/role/"+AnalystRole, "")
		n.index(t, "logs-api7.audit-default", minimal)
		client := n.signInWith(t, "setup-tester", role)
		if err := Apply(t.Context(), client, Options{Retention: 90 * day}); err != nil {
			return err
		}
		report, err := Verify(t.Context(), client, Options{Retention: 90 * day}, "default")
		if err != nil {
			return err
		}
		if !report.OK() {
			return fmt.Errorf("verify: %v", report)
		}
		key, err := CreateAgentKey(t.Context(), client, "auditship-agent-host1")
		if err != nil {
			return err
		}
		need, err := AgentPrivileges("default")
		if err != nil {
			return err
		}
		missing, err := n.signInKey(t, key.Encoded).CheckPrivileges(t.Context(), need)
		if err != nil || len(missing) > 0 {
			return fmt.Errorf("the key lacks %v (%w)", missing, err)
		}
		return InvalidateKey(t.Context(), client, key)
	}
	if err := everything(t, role); err != nil {
		t.Fatalf("with the whole role: %v", err)
	}
	for _, without := range role.privileges() {
		t.Run("without "+without, func(t *testing.T) {
			if err := everything(t, role.without(without)); err == nil {
				t.Errorf("%s is not needed", without)
			}
		})
	}
}

// privileges lists the names of all privileges of a role.
func (r roleBody) privileges() []string {
	names := slices.Clone(r.Cluster)
	for _, group := range r.Indices {
		names = append(names, group.Privileges...)
	}
	return names
}

// without copies a role and leaves one privilege out.
func (r roleBody) without(name string) roleBody {
	not := func(s string) bool { return s == name }
	out := roleBody{Cluster: slices.DeleteFunc(slices.Clone(r.Cluster), not)}
	for _, group := range r.Indices {
		out.Indices = append(out.Indices, exporter.IndexPrivileges{
			Names: group.Names, Privileges: slices.DeleteFunc(slices.Clone(group.Privileges), not),
		})
	}
	return out
}

// signInWith makes a user with exactly one role, and signs in.
func (n *node) signInWith(t *testing.T, user string, role roleBody) *exporter.Client {
	t.Helper()
	body, err := json.Marshal(map[string]any{"cluster": role.Cluster, "indices": role.Indices})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.PutRole(t.Context(), user, body); err != nil {
		t.Fatal(err)
	}
	if err := n.CreateUser(t.Context(), user, "tester-password", user); err != nil {
		t.Fatal(err)
	}
	return n.signIn(t, user, "tester-password")
}

// agentKey makes a key as setup does.
func (n *node) agentKey(t *testing.T) *exporter.Client {
	t.Helper()
	key, err := CreateAgentKey(t.Context(), n.client, "auditship-agent-host1")
	if err != nil {
		t.Fatal(err)
	}
	return n.signInKey(t, key.Encoded)
}

func agentRole(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.do(t, http.MethodPut, "/secrets/_doc/1?refresh=true", `{"a":1}`)
	t.Cleanup(func() { n.Do(context.WithoutCancel(t.Context()), http.MethodDelete, "/secrets", nil) }) //nolint:errcheck // the node goes away
	key := n.agentKey(t)
	var created struct {
		Index string `json:"_index"`
	}
	const stream = "/logs-api7.audit-default"
	if err := key.JSON(t.Context(), http.MethodPut, stream+"/_create/a", json.RawMessage(minimal), &created); err != nil {
		t.Fatalf("create a document and, with it, the stream: %v", err)
	}
	var found struct {
		Docs []struct{ Found bool }
	}
	ids := json.RawMessage(`{"ids":["a"]}`)
	if err := key.JSON(t.Context(), http.MethodPost, "/"+created.Index+"/_mget", ids, &found); err != nil || len(found.Docs) != 1 || !found.Docs[0].Found {
		t.Errorf("look it up in its backing index, before a refresh: %+v, %v", found, err)
	}
	tests := map[string]struct {
		method, path, body string
		allowed            bool
	}{
		"which version":              {"GET", "/", "", true},
		"which backing indices":      {"GET", "/_resolve/index/logs-api7.audit-default", "", true},
		"their settings":             {"GET", stream + "/_settings/index.creation_date", "", true},
		"the stream itself":          {"GET", "/_data_stream/logs-api7.audit-default", "", true},
		"search the trail":           {"GET", stream + "/_search", "", true},
		"another namespace":          {"POST", "/logs-api7.audit-prod/_doc", minimal, true},
		"search something else":      {"GET", "/secrets/_search", "", false},
		"write something else":       {"POST", "/logs-nginx-default/_doc", minimal, false},
		"overwrite a document":       {"PUT", "/" + created.Index + "/_doc/a?if_seq_no=0&if_primary_term=1", minimal, false},
		"delete a document":          {"DELETE", "/" + created.Index + "/_doc/a", "", false},
		"delete the stream":          {"DELETE", "/_data_stream/logs-api7.audit-default", "", false},
		"delete a backing index":     {"DELETE", "/" + created.Index, "", false},
		"roll over":                  {"POST", stream + "/_rollover", "", false},
		"change settings":            {"PUT", stream + "/_settings", `{"index.lifecycle.name":null}`, false},
		"change the policy":          {"PUT", "/_ilm/policy/" + Name, `{"policy":{"phases":{}}}`, false},
		"change a template":          {"PUT", "/_index_template/" + Name, `{"index_patterns":["x"]}`, false},
		"change a role":              {"PUT", "/_security/role/" + AgentRole, `{"cluster":["all"]}`, false},
		"make a user":                {"PUT", "/_security/user/intruder", `{"password":"intruder-1","roles":["superuser"]}`, false},
		"write into a backing index": {"PUT", "/" + created.Index + "/_create/b", minimal, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var body any
			if tc.body != "" {
				body = json.RawMessage(tc.body)
			}
			err := key.JSON(t.Context(), tc.method, tc.path, body, nil)
			wantAllowed(t, err, tc.allowed)
		})
	}
}

func wantAllowed(t *testing.T, err error, allowed bool) {
	t.Helper()
	var e *exporter.Error
	switch {
	case allowed && err != nil:
		t.Errorf("refused: %v", err)
	case !allowed && err == nil:
		t.Error("allowed")
	case !allowed && (!errors.As(err, &e) || e.Status != http.StatusForbidden && e.Status != http.StatusBadRequest):
		t.Errorf("refused, but not for the lack of a right: %v", err)
	}
}

func missingPrivileges(t *testing.T, n *node) {
	role, err := readRole(AgentRole)
	if err != nil {
		t.Fatal(err)
	}
	need, err := AgentPrivileges("default")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		role roleBody
		want []string
	}{
		"none":                        {role, nil},
		"without monitor":             {role.without("monitor"), []string{"cluster privilege monitor"}},
		"without create_doc":          {role.without("create_doc"), []string{"index privilege create_doc on logs-api7.audit-default"}},
		"without read":                {role.without("read"), []string{"index privilege read on logs-api7.audit-default"}},
		"without view_index_metadata": {role.without("view_index_metadata"), []string{"index privilege view_index_metadata on logs-api7.audit-default"}},
		"without auto_configure":      {role.without("auto_configure"), []string{"index privilege auto_configure on logs-api7.audit-default"}},
		"for another namespace": {
			roleBody{Cluster: role.Cluster, Indices: []exporter.IndexPrivileges{{Names: []string{"logs-api7.audit-prod"}, Privileges: []string{"all"}}}},
			[]string{
				"index privilege auto_configure on logs-api7.audit-default",
				"index privilege create_doc on logs-api7.audit-default",
				"index privilege read on logs-api7.audit-default",
				"index privilege view_index_metadata on logs-api7.audit-default",
			},
		},
		"for this namespace only": {
			roleBody{Cluster: role.Cluster, Indices: []exporter.IndexPrivileges{{Names: []string{"logs-api7.audit-default"}, Privileges: role.Indices[0].Privileges}}},
			nil,
		},
	}
	if want := len(role.privileges()) + 3; len(tests) != want {
		t.Errorf("%d cases, want %d: one for each privilege", len(tests), want)
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			missing, err := n.signInWith(t, "agent-tester", tc.role).CheckPrivileges(t.Context(), need)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range missing {
				got = append(got, m.String())
			}
			wantSteps(t, got, tc.want...)
		})
	}
}

func analystRole(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.index(t, "logs-api7.audit-default", minimal)
	role, err := readRole(AnalystRole)
	if err != nil {
		t.Fatal(err)
	}
	client := n.signInWith(t, "analyst-tester", role)
	tests := map[string]struct {
		method, path, body string
		allowed            bool
	}{
		"search":                {"GET", "/logs-api7.audit-default/_search", "", true},
		"open a point in time":  {"POST", "/logs-api7.audit-default/_pit?keep_alive=1m", "", true},
		"which fields":          {"GET", "/logs-api7.audit-*/_field_caps?fields=*", "", true},
		"write":                 {"POST", "/logs-api7.audit-default/_doc", minimal, false},
		"delete the stream":     {"DELETE", "/_data_stream/logs-api7.audit-default", "", false},
		"search something else": {"GET", "/logs-nginx-default/_search", "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var body any
			if tc.body != "" {
				body = json.RawMessage(tc.body)
			}
			wantAllowed(t, client.JSON(t.Context(), tc.method, tc.path, body, nil), tc.allowed)
		})
	}
}

func keyMakesNoKeys(t *testing.T, n *node) {
	all, err := n.CreateAPIKey(t.Context(), "all", []byte(`{"all":{"cluster":["all"],"indices":[{"names":["*"],"privileges":["all"]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateAgentKey(t.Context(), n.signInKey(t, all), "derived"); err == nil {
		t.Error("Elasticsearch lets a key make keys: the error for --create-key can go")
	}
}

func keyOfAWeakUser(t *testing.T, n *node) {
	weak := n.signInWith(t, "weak-tester", roleBody{Cluster: []string{"monitor", "manage_own_api_key"}, Indices: []exporter.IndexPrivileges{}})
	_, err := CreateAgentKey(t.Context(), weak, "auditship-agent-host1")
	if err == nil || !strings.Contains(err.Error(), "index privilege create_doc on logs-api7.audit-*") {
		t.Errorf("got %v, want the names of what is missing", err)
	}
}
