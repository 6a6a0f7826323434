package mappings

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

func planned(t *testing.T, client *exporter.Client, opts Options) *plan {
	t.Helper()
	p, err := newPlan(t.Context(), client, opts, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// conflicts names what a plan leaves alone without force.
func conflicts(p *plan) []string {
	var list []string
	for _, i := range p.items() {
		if !i.State.Due(false) && i.State.Due(true) {
			list = append(list, i.Name)
		}
	}
	return list
}

// idle says that a plan would do nothing.
func idle(p *plan, force bool) bool {
	return !slices.ContainsFunc(p.items(), func(i install.Item) bool { return i.State.Due(force) })
}

// proven says that no check failed.
func proven(checks []install.Check) bool { return len(install.With(install.Failed, checks)) == 0 }

// apply plans, applies, and gives what was reported.
func apply(t *testing.T, client *exporter.Client, opts Options, force bool) []string {
	t.Helper()
	var steps []string
	if err := planned(t, client, opts).apply(t.Context(), force, func(s string) { steps = append(steps, s) }); err != nil {
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

func firstAndSecondRun(t *testing.T, n *node) {
	if p := planned(t, n.client, Options{}); idle(p, false) {
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
	second := planned(t, n.client, Options{})
	if !idle(second, true) {
		t.Errorf("the second run would change something: %v %v", second.objects, second.steps)
	}
	wantSteps(t, apply(t, n.client, Options{}, true))
	report := verify(t, n.client, Options{})
	wantVerified(t, report)
	if !slices.ContainsFunc(report, func(c install.Check) bool {
		return c.Subject == "data stream logs-api7.audit-prod" && c.Name == "backing index"
	}) {
		t.Error("the second namespace's stream was not looked at")
	}
}

func otherRetention(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.index(t, "logs-api7.audit-default", minimal)
	longer := Options{Retention: 365 * day}
	var changes []string
	for _, o := range planned(t, n.client, longer).objects {
		for _, c := range o.changes {
			changes = append(changes, o.String()+" "+c.String())
		}
	}
	wantSteps(t, changes, `ILM policy logs-api7.audit ~ policy.phases.delete.min_age: "180d" -> "365d"`)
	wantSteps(t, apply(t, n.client, longer, false), "updated ILM policy logs-api7.audit")
	wantVerified(t, verify(t, n.client, longer))
}

// What a shorter retention would delete is named, and needs --force: the policy's
// own change, and an index that comes under the policy.
func shorterRetention(t *testing.T, n *node) {
	shorter := Options{Retention: 90 * day}
	details := func() []string {
		var lines []string
		for _, i := range planned(t, n.client, shorter).items() {
			if i.State == install.Deletes {
				lines = append(lines, i.Name)
				lines = append(lines, i.Details...)
			}
		}
		return lines
	}
	apply(t, n.client, Options{}, false)
	change := `~ policy.phases.delete.min_age: "180d" -> "90d"`
	wantSteps(t, details(), "ILM policy "+Name, "records would be kept 90d instead of 180d; none is so old yet that it would go at once", change)

	older, _ := twoIndices(t, n)
	complete := map[string]string{"phase": "hot", "action": "complete", "step": "complete", "creation_date": "2400h"}
	n.stage(t, older, complete)
	wantSteps(t, details(), "ILM policy "+Name, "records would be kept 90d instead of 180d; ILM would delete at once:",
		older+": 1 documents, rolled over 100 days ago", change)
	wantSteps(t, apply(t, n.client, shorter, false))
	wantFailed(t, verify(t, n.client, shorter), []string{"age", "delete.min_age"})
	wantSteps(t, apply(t, n.client, shorter, true), "replaced ILM policy "+Name)

	// An index of somebody else's, older than retention, comes under the policy.
	n.empty(t)
	n.do(t, http.MethodPut, "/_index_template/logs", `{"index_patterns":["logs-*-*"],"priority":100,"data_stream":{},"template":{"settings":{"index.lifecycle.name":"logs"}}}`)
	older, write := twoIndices(t, n)
	n.stage(t, write, map[string]string{"index_created": "2400h"})
	n.stage(t, older, map[string]string{"creation_date": "2400h"})
	steps := apply(t, n.client, shorter, false)
	wantSteps(t, steps[len(steps)-2:], "set ILM policy of index "+write+" to "+Name, "rolled over data stream "+stream)
	wantSteps(t, details(), "ILM policy of index "+older+`: "logs" -> "`+Name+`"`, "records would be kept 90d; ILM would delete at once:",
		older+": 1 documents, rolled over 100 days ago")
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
	if p := planned(t, n.client, Options{}); !idle(p, true) {
		t.Errorf("setup would still change something: %v", p.objects)
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

	p := planned(t, n.client, Options{})
	wantSteps(t, conflicts(p), "ILM policy logs-api7.audit")
	if got := p.objects[0].changes[0].String(); got != `~ policy.phases.delete.min_age: "30d" -> "180d"` {
		t.Errorf("the difference reads %s", got)
	}
	wantSteps(t, apply(t, n.client, Options{}, false))
	if got := get(n.do(t, http.MethodGet, "/_ilm/policy/"+Name, ""), Name, "policy", "phases", "delete", "min_age"); got != "30d" {
		t.Errorf("min_age is %v: the person's change is lost", got)
	}
	wantSteps(t, apply(t, n.client, Options{}, true), "replaced ILM policy logs-api7.audit")
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, conflicts(planned(t, n.client, Options{})))
}

func madeBySomebodyElse(t *testing.T, n *node) {
	n.do(t, http.MethodPut, "/_security/role/"+AgentRole, `{"cluster":["all"]}`)
	n.do(t, http.MethodPut, "/_component_template/"+SettingsComponent, `{"template":{"settings":{"number_of_replicas":3}}}`)
	p := planned(t, n.client, Options{})
	wantSteps(t, conflicts(p), "component template "+SettingsComponent, "role "+AgentRole)
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
	if report := verify(t, n.client, Options{}); proven(report) {
		t.Error("the older mapping passes")
	}
	p := planned(t, n.client, Options{})
	if len(conflicts(p)) > 0 {
		t.Errorf("our own earlier release is taken for a person's work: %q", conflicts(p))
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
	if proven(verify(t, n.client, Options{})) {
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
	wantSteps(t, steps[len(steps)-2:], // in this order, or the index hangs in ILM
		"set ILM policy of index "+old+" to logs-api7.audit",
		"rolled over data stream logs-api7.audit-default")
	wantVerified(t, verify(t, n.client, Options{}))
	wantSteps(t, apply(t, n.client, Options{}, false))

	// What a person then decides about an index of ours is respected.
	n.do(t, http.MethodPost, "/logs-api7.audit-default/_rollover", "")
	ours := n.do(t, http.MethodGet, "/_data_stream/logs-api7.audit-default", "")["data_streams"].([]any)[0].(map[string]any)["indices"].([]any)[1].(map[string]any)["index_name"].(string)
	n.do(t, http.MethodPut, "/"+ours+"/_settings", `{"index.lifecycle.name":"kept-for-court"}`)
	wantSteps(t, conflicts(planned(t, n.client, Options{})), "ILM policy of index "+ours+`: "kept-for-court" -> "logs-api7.audit"`)
	wantSteps(t, apply(t, n.client, Options{}, false))
	if proven(verify(t, n.client, Options{})) {
		t.Error("a backing index under another policy passes")
	}
	wantSteps(t, apply(t, n.client, Options{}, true), "set ILM policy of index "+ours+" to logs-api7.audit")
	wantVerified(t, verify(t, n.client, Options{}))
}

func deletedMeanwhile(t *testing.T, n *node) {
	earlierRelease(t, n)
	index := n.index(t, "logs-api7.audit-default", minimal)
	p := planned(t, n.client, Options{})
	listed, err := streams(t.Context(), n.client)
	if err != nil || len(listed) != 1 || len(p.steps) != 1 {
		t.Fatalf("%v, streams %v, steps %v", err, listed, p.steps)
	}
	n.do(t, http.MethodDelete, "/_data_stream/logs-api7.audit-default", "")
	if steps, err := p.indexSteps(t.Context(), listed[0]); err != nil || len(steps) > 0 {
		t.Errorf("%s is gone: steps %v, %v", index, steps, err)
	}
	var done []string
	if err := p.apply(t.Context(), false, func(step string) { done = append(done, step) }); err != nil {
		t.Error(err)
	}
	wantSteps(t, done, "updated component template "+MappingsComponent)
}

func higherPriority(t *testing.T, n *node) {
	n.do(t, http.MethodPut, "/_index_template/theirs", `{"index_patterns":["logs-api7*"],"priority":500,"data_stream":{}}`)
	index := n.index(t, "logs-api7.audit-default", minimal)
	err := planned(t, n.client, Options{}).apply(t.Context(), false, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "higher priority") {
		t.Errorf("got %v, want an error that names the reason", err)
	}
	if again := n.index(t, "logs-api7.audit-default", minimal); again != index {
		t.Error("the stream was rolled over although that cannot help")
	}
	if proven(verify(t, n.client, Options{})) {
		t.Error("another template is in force and verify passes")
	}
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
