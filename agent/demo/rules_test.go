package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/kibana/kibanatest"
)

// detection is a rule as the detection engine runs it.
type detection struct {
	ID             string `json:"rule_id"`
	Type           string
	Query          string
	From           string
	NewTermsFields []string `json:"new_terms_fields"`
	Threshold      struct {
		Field []string
		Value int
	}
}

// window is how far one run looks back.
func (d detection) window() string { return strings.TrimPrefix(d.From, "now-") }

func detections(t *testing.T) []detection {
	t.Helper()
	rules, err := kibana.Rules()
	if err != nil {
		t.Fatal(err)
	}
	var list []detection
	for _, r := range rules {
		if r.Kind != kibana.Detection {
			continue
		}
		var d detection
		if err := json.Unmarshal(r.Body, &d); err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

// alerts returns what a rule would tell of records since a time: the ids of records,
// the group over the threshold, or the terms that were not there before, in the 30
// days that a new terms rule remembers.
func (d detection) alerts(t *testing.T, node *esnode.Node, stream string, since time.Time) []string {
	t.Helper()
	kql, err := kibanatest.KQL(d.Query)
	if err != nil {
		t.Fatal(err)
	}
	after := since
	if d.Type == "new_terms" {
		after = since.AddDate(0, 0, -30)
	}
	period := map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": after.Format(time.RFC3339)}}}
	body := map[string]any{"size": 10_000, "_source": []string{"event.id"}, "query": map[string]any{"bool": map[string]any{"filter": []any{kql, period}}}}
	switch d.Type {
	case "threshold":
		body["aggs"] = map[string]any{"window": map[string]any{
			"date_histogram": map[string]any{"field": "@timestamp", "fixed_interval": d.window(), "min_doc_count": 1},
			"aggs": map[string]any{"of": map[string]any{"terms": map[string]any{
				"field": d.Threshold.Field[0], "size": 1000, "min_doc_count": d.Threshold.Value,
			}}},
		}}
	case "new_terms":
		body["aggs"] = firstSeen(d.NewTermsFields)
	}
	var answer alertAnswer
	if err := call(t.Context(), node, "POST", "/"+stream+"/_search", body, &answer); err != nil {
		t.Fatal(err)
	}
	switch d.Type {
	case "threshold":
		return answer.overThreshold()
	case "new_terms":
		return answer.Aggregations.Of.newSince(since, "")
	}
	return answer.ids()
}

// firstSeen groups by the fields, each in the one before, down to the first time.
func firstSeen(fields []string) map[string]any {
	if len(fields) == 0 {
		return map[string]any{"first": map[string]any{"min": map[string]any{"field": "@timestamp"}}}
	}
	return map[string]any{"of": map[string]any{"terms": map[string]any{"field": fields[0], "size": 1000}, "aggs": firstSeen(fields[1:])}}
}

type (
	alertAnswer struct {
		Hits struct {
			Hits []struct {
				Source struct{ Event struct{ ID string } } `json:"_source"`
			}
		}
		Aggregations struct {
			Window struct{ Buckets []struct{ Of alertGroups } }
			Of     alertGroups
		}
	}
	alertGroups struct {
		Buckets []struct {
			Key   string
			First struct{ Value float64 }
			Of    *alertGroups
		}
	}
)

func (a alertAnswer) ids() []string {
	var ids []string
	for _, h := range a.Hits.Hits {
		ids = append(ids, h.Source.Event.ID)
	}
	return ids
}

func (a alertAnswer) overThreshold() []string {
	var groups []string
	for _, w := range a.Aggregations.Window.Buckets {
		for _, b := range w.Of.Buckets {
			groups = append(groups, b.Key)
		}
	}
	return groups
}

func (g alertGroups) newSince(since time.Time, outer string) []string {
	var fresh []string
	for _, b := range g.Buckets {
		key := strings.TrimPrefix(outer+" "+b.Key, " ")
		if b.Of != nil {
			fresh = append(fresh, b.Of.newSince(since, key)...)
		} else if int64(b.First.Value) >= since.UnixMilli() {
			fresh = append(fresh, key)
		}
	}
	return fresh
}

// attack is what a rule has to tell, and what looks like it and is none.
type attack struct {
	records []api7sim.Record
	hits    []string // in alerts: ids or groups
	misses  []string
}

// planter makes records of attacks.
type planter struct {
	generator *api7sim.Generator
	workday   time.Time // an hour within office hours
	night     time.Time
	attacks   map[string]*attack
}

// did is an operation that somebody did.
type did struct {
	user, ip, source string
	event            string
	method, uri      string
	body             any
	status           int
	at               time.Time
}

// record fills what an attack does not care about.
func (p *planter) record(d did) api7sim.Record {
	r := p.generator.MakeBy(api7sim.Find("GET", "/api/me"), d.at, 0, 0)
	if d.at.IsZero() {
		r.EventTime = p.workday.Unix()
	}
	r.Operator = api7sim.Operator{ID: "u-" + d.user, Username: d.user}
	r.IPAddress, r.Source, r.TokenName, r.ErrorMessage = d.ip, d.source, "", ""
	r.EventType, r.ResourceID = d.event, "8d1c0a52-0f0e-4a43-9d3c-6a2f5d1e7b90"
	if d.ip == "" {
		r.IPAddress = "198.51.100.7"
	}
	if d.source == "" {
		r.Source = "api"
	}
	if d.status == 0 {
		d.status = 200
	}
	r.Request = mustJSON(map[string]any{"method": d.method, "uri": d.uri, "body": d.body})
	r.Response = mustJSON(map[string]any{"status_code": d.status})
	return r
}

func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers
	}
	return text
}

func (p *planter) of(rule string) *attack {
	if p.attacks[rule] == nil {
		p.attacks[rule] = &attack{}
	}
	return p.attacks[rule]
}

// hit plants a record that a rule has to tell of, miss one that it must not.
func (p *planter) hit(rule string, d did) {
	a, r := p.of(rule), p.record(d)
	a.records, a.hits = append(a.records, r), append(a.hits, r.ID)
}

func (p *planter) miss(rule string, d did) {
	a, r := p.of(rule), p.record(d)
	a.records, a.misses = append(a.records, r), append(a.misses, r.ID)
}

// burst plants n records of one group; enough says whether that is an attack.
func (p *planter) burst(rule, group string, n int, enough bool, d did) {
	a := p.of(rule)
	for range n {
		a.records = append(a.records, p.record(d))
	}
	switch {
	case enough:
		a.hits = append(a.hits, group)
	case group != "": // else a part of a burst over many groups
		a.misses = append(a.misses, group)
	}
}

func newPlanter(t *testing.T) *planter {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(berlin)
	day := time.Date(now.Year(), now.Month(), now.Day(), 10, 0, 0, 0, berlin).AddDate(0, 0, -1)
	for day.Weekday() != time.Wednesday {
		day = day.AddDate(0, 0, -1)
	}
	night := day
	for night.Weekday() != time.Sunday {
		night = night.AddDate(0, 0, -1)
	}
	p := &planter{
		generator: api7sim.NewGenerator(7), workday: day, night: night.Add(-7 * time.Hour), attacks: map[string]*attack{},
	}
	p.plantProtection()
	p.plantIdentity()
	p.plantBursts()
	p.plantPlacesAndTimes()
	return p
}

func plugin(name string, disabled bool) map[string]any {
	return map[string]any{"name": "orders", "plugins": map[string]any{name: map[string]any{"_meta": map[string]any{"disable": disabled}}}}
}

func (p *planter) plantProtection() {
	const service, route = "/apisix/admin/services/s1?gateway_group_id=prod", "/apisix/admin/routes/r1?gateway_group_id=prod"
	rule := "protection-plugin-off"
	p.hit(rule, did{user: "mallory", event: "UpdateService", method: "PUT", uri: service, body: plugin("key-auth", true)})
	p.hit(rule, did{user: "mallory", event: "UpdateRoute", method: "PUT", uri: route, body: plugin("ip-restriction", true), source: "dashboard"})
	p.hit(rule, did{user: "mallory", event: "PatchRoute", method: "PATCH", uri: route, body: []any{map[string]any{"op": "remove", "path": "/plugins/jwt-auth"}}})
	p.hit(rule, did{user: "mallory", event: "DeleteGlobalRule", method: "DELETE", uri: "/apisix/admin/global_rules/openid-connect"})
	p.miss(rule, did{user: "alice", event: "UpdateService", method: "PUT", uri: service, body: plugin("key-auth", false)})
	p.miss(rule, did{user: "alice", event: "UpdateService", method: "PUT", uri: service, body: plugin("limit-count", true)})
	p.miss(rule, did{user: "alice", event: "UpdateService", method: "PUT", uri: service, body: plugin("key-auth", true), status: 403})
	p.miss(rule, did{user: "alice", event: "PatchRoute", method: "PATCH", uri: route, body: []any{map[string]any{"op": "replace", "path": "/plugins/jwt-auth"}}})

	rule = "certificate-removed"
	p.hit(rule, did{user: "mallory", event: "DeleteSSL", method: "DELETE", uri: "/apisix/admin/ssls/1"})
	p.hit(rule, did{user: "mallory", event: "DeleteCACertificate", method: "DELETE", uri: "/api/ca_certificates/1"})
	p.hit(rule, did{user: "mallory", event: "PatchSSL", method: "PATCH", uri: "/apisix/admin/ssls/1", body: []any{map[string]any{"op": "remove", "path": "/client"}}})
	p.miss(rule, did{user: "alice", event: "AddSSL", method: "POST", uri: "/apisix/admin/ssls", status: 201})
	p.miss(rule, did{user: "alice", event: "DeleteRoute", method: "DELETE", uri: route})
}

func (p *planter) plantIdentity() {
	p.hit("role-granted", did{user: "mallory", event: "UpdateAssignedRoles", method: "PUT", uri: "/api/users/u1/assigned_roles", body: map[string]any{"roles": []string{"super_admin"}}})
	p.hit("role-granted", did{user: "mallory", event: "AttachPermissionPolicies", method: "POST", uri: "/api/roles/r1/attach_permission_policies"})
	p.miss("role-granted", did{user: "alice", event: "ListRoles", method: "GET", uri: "/api/roles"})
	p.miss("role-granted", did{user: "alice", event: "UpdateAssignedRoles", method: "PUT", uri: "/api/users/u1/assigned_roles", status: 403})

	p.hit("account-created", did{user: "mallory", event: "AddUser", method: "POST", uri: "/api/users", status: 201})
	p.hit("account-created", did{user: "mallory", event: "AddInvite", method: "POST", uri: "/api/invites", status: 201})
	p.miss("account-created", did{user: "alice", event: "ListUsers", method: "GET", uri: "/api/users"})

	p.hit("sign-in-settings", did{user: "mallory", event: "UpdateLoginOption", method: "PUT", uri: "/api/login_options/1"})
	p.hit("sign-in-settings", did{user: "mallory", event: "UpdateSystemSettings", method: "PUT", uri: "/api/system_settings/scim"})
	p.miss("sign-in-settings", did{user: "alice", event: "ListLoginOptions", method: "GET", uri: "/api/login_options"})

	for _, what := range []string{"admin_key", "instance_token", "dp_client_certificates"} {
		p.hit("key-issued", did{user: "mallory", event: "Issue", method: "POST", uri: "/api/gateway_groups/prod/" + what})
	}
	p.miss("key-issued", did{user: "alice", event: "GetAdminKey", method: "GET", uri: "/api/gateway_groups/prod/admin_key"})

	p.hit("audit-log-exported", did{user: "mallory", event: "ExportAuditLogs", method: "GET", uri: "/api/audit_logs/export?start_at=0"})
	p.miss("audit-log-exported", did{user: "alice", event: "ListAuditLogs", method: "GET", uri: "/api/audit_logs?page=1"})

	p.hit("break-glass", did{user: "admin", event: "Login", method: "POST", uri: "/api/login", source: "dashboard"})
	p.miss("break-glass", did{user: "alice", event: "Login", method: "POST", uri: "/api/login", source: "dashboard"})
	p.miss("break-glass", did{user: "admin", event: "Login", method: "POST", uri: "/api/login", source: "dashboard", status: 401})
}

func (p *planter) plantBursts() {
	deletion := did{user: "mallory", event: "DeleteRoute", method: "DELETE", uri: "/apisix/admin/routes/r1"}
	p.burst("mass-deletion", "mallory", 10, true, deletion)
	deletion.user = "alice"
	p.burst("mass-deletion", "alice", 7, false, deletion)

	login := did{user: "bob", event: "Login", method: "POST", uri: "/api/login", source: "dashboard", status: 401}
	for i := range 10 { // spraying: many accounts, one address
		login.user, login.ip = fmt.Sprintf("user%d", i), "198.51.100.66"
		p.burst("login-failures-by-address", "", 1, false, login)
	}
	p.of("login-failures-by-address").hits = []string{"198.51.100.66"}
	p.of("login-failures-by-address").misses = []string{"198.51.100.67"}
	for i := range 10 { // guessing: one account, many addresses
		login.user, login.ip = "victim", fmt.Sprintf("198.51.100.%d", 100+i)
		p.burst("login-failures-by-user", "", 1, false, login)
	}
	p.of("login-failures-by-user").hits = []string{"victim"}
	login.user, login.ip = "forgetful", "198.51.100.67"
	p.burst("login-failures-by-user", "forgetful", 4, false, login)

	refused := did{user: "prober", event: "ViewSecret", method: "GET", uri: "/apisix/admin/secrets/1", status: 403}
	p.burst("refused-again-and-again", "prober", 10, true, refused)
	refused.user = "alice"
	p.burst("refused-again-and-again", "alice", 3, false, refused)
}

func (p *planter) plantPlacesAndTimes() {
	before := p.workday.AddDate(0, 0, -20)
	token := did{user: "alice", event: "AddToken", method: "POST", uri: "/api/settings/tokens", status: 201, at: before}
	p.burst("token-by-new-user", "alice", 1, false, token)
	token.at = time.Time{}
	p.burst("token-by-new-user", "alice", 1, false, token)
	token.user = "newcomer"
	p.burst("token-by-new-user", "newcomer", 1, true, token)

	visit := did{user: "carol", ip: "192.0.2.10", event: "ViewRoute", method: "GET", uri: "/apisix/admin/routes/r1", at: before}
	p.burst("new-address", "carol 192.0.2.10", 1, false, visit)
	visit.at = time.Time{}
	p.burst("new-address", "carol 192.0.2.10", 1, false, visit)
	visit.ip = "192.0.2.200"
	p.burst("new-address", "carol 192.0.2.200", 1, true, visit)

	change := did{user: "nightowl", event: "UpdateRoute", method: "PUT", uri: "/apisix/admin/routes/r1", source: "dashboard", at: p.night}
	p.burst("outside-office-hours", "nightowl", 1, true, change)
	change.user, change.source = "pipeline", "api"
	p.burst("outside-office-hours", "pipeline", 1, false, change)
	change.user, change.source, change.at = "dayworker", "dashboard", time.Time{}
	p.burst("outside-office-hours", "dayworker", 1, false, change)
}

// Each rule tells of every attack planted for it, and of nothing that only looks
// like one. The records go through the real agent.
func TestRulesTellOfEveryPlantedAttack(t *testing.T) {
	node := estest.Shared(t)
	g, err := newGateway(t.TempDir(), 42)
	if err != nil {
		t.Fatal(err)
	}
	p := newPlanter(t)
	n := 0
	for _, rule := range slices.Sorted(maps.Keys(p.attacks)) {
		g.store.Add(p.attacks[rule].records...)
		n += len(p.attacks[rule].records)
	}
	stream := ship(t, node, g, n)
	if err := call(t.Context(), node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, d := range detections(t) {
		t.Run(d.ID, func(t *testing.T) {
			a := p.attacks[strings.TrimPrefix(d.ID, "api7-audit-")]
			if a == nil || len(a.hits) == 0 {
				t.Fatal("no attack is planted for it")
			}
			since := p.workday
			if d.Type != "new_terms" {
				since = p.night.AddDate(0, 0, -30)
			}
			told := d.alerts(t, node, stream, since)
			for _, hit := range a.hits {
				if !slices.Contains(told, hit) {
					t.Errorf("does not tell of %s, only of %q", hit, told)
				}
			}
			for _, miss := range a.misses {
				if slices.Contains(told, miss) {
					t.Errorf("tells of %s, which is no attack", miss)
				}
			}
			t.Logf("| %s | %d of %d | %d |", d.ID, len(a.hits), len(a.hits), len(a.misses))
		})
	}
}

// What each rule tells of in a month of the demo, in which nobody attacks. The
// demo's operators work at all hours from all of a network and do everything that
// the gateway can; so this counts noise at its worst, and fails where a rule would
// drown a person in it.
func TestRulesInABenignMonth(t *testing.T) {
	node := estest.Shared(t)
	operations, stream := shipHistory(t, node)
	if err := call(t.Context(), node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, d := range detections(t) {
		told := d.alerts(t, node, stream, time.Now().AddDate(0, 0, -30))
		t.Logf("| %s | %d |", d.ID, len(told))
		if d.Type == "threshold" && d.Threshold.Value > 1 && len(told) > 0 {
			t.Errorf("%s takes everyday work for an attack: %q", d.ID, told)
		}
		if len(told) > len(operations)/2 {
			t.Errorf("%s tells of %d of %d operations", d.ID, len(told), len(operations))
		}
	}
}
