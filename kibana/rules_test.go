package kibana

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/auditship/auditship/kibana/kibanatest"
)

func mustRules(t *testing.T) []Rule {
	t.Helper()
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func fingerprintOfRule(t *testing.T, r Rule) string {
	t.Helper()
	f, err := facetsOfRule(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := f.fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// storedRule is what the detection engine of 8.12 takes on the Basic licence.
type storedRule struct {
	RuleID            string   `json:"rule_id"`
	Name              string   `json:"name"`
	Description       string   `json:"description"`
	Type              string   `json:"type"`
	Enabled           bool     `json:"enabled"`
	Severity          string   `json:"severity"`
	RiskScore         int      `json:"risk_score"`
	Index             []string `json:"index"`
	Language          string   `json:"language"`
	Query             string   `json:"query"`
	From              string   `json:"from"`
	To                string   `json:"to"`
	Interval          string   `json:"interval"`
	TimestampOverride string   `json:"timestamp_override"`
	MaxSignals        int      `json:"max_signals"`
	NewTermsFields    []string `json:"new_terms_fields"`
	HistoryStart      string   `json:"history_window_start"`
	Threshold         *struct {
		Field       []string   `json:"field"`
		Value       int        `json:"value"`
		Cardinality []struct{} `json:"cardinality"`
	} `json:"threshold"`
	Threat []struct {
		Framework string          `json:"framework"`
		Tactic    storedTechnique `json:"tactic"`
		Technique []struct {
			storedTechnique
			Sub []storedTechnique `json:"subtechnique"`
		} `json:"technique"`
	} `json:"threat"`
	Tags           []string `json:"tags"`
	FalsePositives []string `json:"false_positives"`
	References     []string `json:"references"`
	Author         []string `json:"author"`
	License        string   `json:"license"`
	Version        int      `json:"version"`
	Note           string   `json:"note"`
}

type storedTechnique struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Reference string `json:"reference"`
}

func TestDetectionRules(t *testing.T) {
	fields := mappedFields(t)
	risks := map[string]int{"low": 21, "medium": 47, "high": 73, "critical": 99}
	kinds := map[string]int{}
	names := map[string]bool{}
	for _, r := range mustRules(t) {
		if r.Kind != Detection {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			d := strict[storedRule](t, r.Body)
			kinds[d.Type]++
			if names[d.Name] || !strings.HasPrefix(d.Name, "[API7 Audit] ") || !strings.HasPrefix(d.RuleID, "api7-audit-") {
				t.Errorf("name %q, id %q", d.Name, d.RuleID)
			}
			names[d.Name] = true
			if d.Enabled || d.Language != "kuery" || d.RiskScore != risks[d.Severity] || !slices.Equal(d.Index, []string{"logs-api7.audit-*"}) {
				t.Errorf("enabled %v, language %s, severity %s with risk %d, index %q", d.Enabled, d.Language, d.Severity, d.RiskScore, d.Index)
			}
			if d.TimestampOverride != "event.ingested" {
				t.Error("records that come late are missed")
			}
			checkKQL(t, r.ID, d.Query, fields)
			checkTriage(t, d)
			checkByType(t, d, fields)
		})
	}
	if len(names) < 12 || kinds["query"] == 0 || kinds["threshold"] == 0 || kinds["new_terms"] == 0 {
		t.Errorf("%d rules: %v", len(names), kinds)
	}
}

// checkTriage wants a person who is woken by a rule to find what to do.
func checkTriage(t *testing.T, d storedRule) {
	t.Helper()
	if len(regexp.MustCompile(`(?m)^\d\. `).FindAllString(d.Note, -1)) < 2 || len(d.Description) < 30 || len(d.FalsePositives) == 0 {
		t.Errorf("note %q, description %q, false positives %q", d.Note, d.Description, d.FalsePositives)
	}
	if len(d.Threat) == 0 {
		t.Error("no technique of ATT&CK")
	}
	for _, threat := range d.Threat {
		if threat.Framework != "MITRE ATT&CK" || !regexp.MustCompile(`^TA\d{4}$`).MatchString(threat.Tactic.ID) || len(threat.Technique) == 0 {
			t.Errorf("threat %+v", threat)
		}
		for _, technique := range threat.Technique {
			if !regexp.MustCompile(`^T\d{4}$`).MatchString(technique.ID) || technique.Name == "" {
				t.Errorf("technique %+v", technique)
			}
			for _, sub := range technique.Sub {
				if !strings.HasPrefix(sub.ID, technique.ID+".") || sub.Name == "" {
					t.Errorf("technique %s has the part %+v", technique.ID, sub)
				}
			}
		}
	}
}

func checkByType(t *testing.T, d storedRule, fields map[string]string) {
	t.Helper()
	grouped := d.NewTermsFields
	switch d.Type {
	case "query":
	case "threshold":
		grouped = d.Threshold.Field
		if d.Threshold.Value < 1 || len(d.Threshold.Field) == 0 {
			t.Errorf("threshold %+v", d.Threshold)
		}
	case "new_terms":
		if d.HistoryStart != "now-30d" || len(d.NewTermsFields) == 0 || len(d.NewTermsFields) > 3 {
			t.Errorf("new terms %q since %s", d.NewTermsFields, d.HistoryStart)
		}
	default:
		t.Errorf("type %s", d.Type)
	}
	for _, field := range grouped {
		if fields[field] != "keyword" {
			t.Errorf("groups by %s, which is mapped as %q", field, fields[field])
		}
	}
}

func TestAlertingRules(t *testing.T) {
	fields := mappedFields(t)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	n := 0
	for _, r := range mustRules(t) {
		if r.Kind != Alerting {
			continue
		}
		n++
		a := unmarshal[struct {
			Enabled    bool
			RuleTypeID string `json:"rule_type_id"`
			Params     struct {
				Index              []string
				TimeField, EsQuery string
			}
		}](t, r.Body)
		if !uuid.MatchString(r.ID) || a.Enabled || a.RuleTypeID != ".es-query" || fields[a.Params.TimeField] != "date" {
			t.Errorf("%s: %+v", r.ID, a)
		}
		unmarshal[struct{ Query json.RawMessage }](t, []byte(a.Params.EsQuery))
		other := (&Client{space: "audit"}).idIn(r)
		if !uuid.MatchString(other) || other == r.ID || other != (&Client{space: "audit"}).idIn(r) {
			t.Errorf("%s is %s in another space", r.ID, other)
		}
	}
	if n == 0 {
		t.Error("no rule that needs no app")
	}
}

// engine is as much of Kibana as keeps rules, with the answers seen in 8.12.2.
type engine struct {
	mu         sync.Mutex
	noSecurity bool
	rules      map[string]map[string]any // by rule_id or id
	sent       []string
}

func newEngine(t *testing.T) (*engine, *Client) {
	t.Helper()
	e := &engine{rules: map[string]map[string]any{}}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	c, err := New(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return e, c
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	detection := strings.HasPrefix(r.URL.Path, "/api/detection_engine/")
	id := strings.TrimPrefix(r.URL.Path, "/api/alerting/rule/")
	if detection {
		id = r.URL.Query().Get("rule_id")
	}
	if r.Method != http.MethodGet {
		e.sent = append(e.sent, r.Method+" "+r.URL.Path)
	}
	switch {
	case r.URL.Path == "/api/status":
		e.answer(w, http.StatusOK, map[string]any{"status": map[string]any{}})
	case detection && e.noSecurity:
		e.answer(w, http.StatusNotFound, map[string]any{"statusCode": 404, "error": "Not Found", "message": "Not Found"})
	case r.Method == http.MethodGet && e.rules[id] == nil && detection:
		e.answer(w, http.StatusNotFound, map[string]any{"message": `rule_id: "` + id + `" not found`, "status_code": 404})
	case r.Method == http.MethodGet && e.rules[id] == nil:
		e.answer(w, http.StatusNotFound, map[string]any{"message": "Saved object [alert/" + id + "] not found", "statusCode": 404})
	case r.Method == http.MethodGet:
		e.answer(w, http.StatusOK, e.rules[id])
	case detection && r.Method == http.MethodPost:
		e.importRules(w, r)
	default:
		e.write(w, r, id)
	}
}

func (e *engine) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client sees what is missing
}

func (e *engine) importRules(w http.ResponseWriter, r *http.Request) {
	file, _, err := r.FormFile("file")
	if err != nil {
		e.answer(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	problems := []any{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var rule map[string]any
		if json.Unmarshal(lines.Bytes(), &rule) != nil || e.rules[rule["rule_id"].(string)] != nil {
			problems = append(problems, map[string]any{"rule_id": rule["rule_id"], "error": map[string]any{"message": "already exists"}})
			continue
		}
		rule["revision"], rule["risk_score_mapping"], rule["actions"] = 0, []any{}, []any{}
		e.rules[rule["rule_id"].(string)] = rule
	}
	e.answer(w, http.StatusOK, map[string]any{"success": len(problems) == 0, "errors": problems})
}

// write merges what is sent into a rule, as PATCH does, and PUT for what is asked
// here.
func (e *engine) write(w http.ResponseWriter, r *http.Request, id string) {
	var change map[string]any
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		e.answer(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	if v, ok := change["rule_id"].(string); ok {
		id = v
	}
	if e.rules[id] == nil {
		e.rules[id] = map[string]any{}
	}
	for k, v := range change {
		e.rules[id][k] = v
	}
	e.answer(w, http.StatusOK, e.rules[id])
}

func applyRules(t *testing.T, c *Client, force bool) Report {
	t.Helper()
	report, err := c.ApplyRules(t.Context(), force)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func verifyRules(t *testing.T, c *Client) Report {
	t.Helper()
	report, err := c.VerifyRules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestRulesAreInstalledOnceAndDisabled(t *testing.T) {
	e, c := newEngine(t)
	if report := applyRules(t, c, false); len(report.In(Missing)) != len(mustRules(t)) {
		t.Errorf("found %+v", report)
	}
	if report := verifyRules(t, c); len(report.In(Current)) != len(mustRules(t)) {
		t.Errorf("found %+v", report.In(Missing, Outdated, Changed))
	}
	for id, rule := range e.rules {
		if rule["enabled"] != false {
			t.Errorf("%s is enabled", id)
		}
	}
	sent := len(e.sent)
	applyRules(t, c, true)
	if len(e.sent) != sent {
		t.Errorf("a second run sent %q", e.sent[sent:])
	}
}

func TestAPersonsRuleIsLeftAlone(t *testing.T) {
	e, c := newEngine(t)
	applyRules(t, c, false)
	rule := e.rules["api7-audit-mass-deletion"]
	rule["threshold"] = map[string]any{"field": []any{"user.name"}, "value": 50, "cardinality": []any{}}
	rule["enabled"], rule["exceptions_list"] = true, []any{map[string]any{"id": "mine"}}
	report := applyRules(t, c, false)
	if f := report.In(Changed); len(f) != 1 || f[0].ID != "api7-audit-mass-deletion" || !slices.Equal(f[0].Differs, []string{"threshold"}) {
		t.Fatalf("found %+v", f)
	}
	if got := rule["threshold"].(map[string]any)["value"]; got != 50 {
		t.Errorf("the threshold is %v", got)
	}
	applyRules(t, c, true)
	if report := verifyRules(t, c); len(report.In(Current)) != len(report) {
		t.Errorf("forced, and found %+v", report.In(Changed, Missing, Outdated))
	}
	if rule["enabled"] != true || len(rule["exceptions_list"].([]any)) != 1 {
		t.Error("force took what is a person's own: enabled and exceptions")
	}
}

func TestWhatIsAPersonsOwnDoesNotCount(t *testing.T) {
	e, c := newEngine(t)
	applyRules(t, c, false)
	for _, rule := range e.rules {
		rule["enabled"], rule["actions"], rule["revision"] = true, []any{map[string]any{"id": "mail", "connector_type_id": ".email"}}, 7
	}
	if report := verifyRules(t, c); len(report.In(Current)) != len(report) {
		t.Errorf("found %+v", report.In(Missing, Outdated, Changed))
	}
}

func TestWithoutSecurityTheOtherRulesAreInstalled(t *testing.T) {
	e, c := newEngine(t)
	e.noSecurity = true
	report, err := c.ApplyRules(t.Context(), false)
	if !errors.Is(err, ErrNoSecurity) {
		t.Fatalf("error %v", err)
	}
	if len(report) == 0 || len(report.In(Missing)) != len(report) {
		t.Errorf("found %+v", report)
	}
	report, err = c.VerifyRules(t.Context())
	if !errors.Is(err, ErrNoSecurity) || len(report.In(Current)) != len(report) || len(report) == 0 {
		t.Errorf("found %+v, %v", report, err)
	}
}

func TestARuleOfAnEarlierReleaseIsOutdated(t *testing.T) {
	r := mustRules(t)[0]
	old := unmarshal[map[string]any](t, r.Body)
	old["query"] = "event.outcome : *"
	text := marshal(t, old)
	known := fingerprintOfRule(t, Rule{Body: text})
	for name, c := range map[string]struct {
		known []string
		want  State
	}{"known": {[]string{known, "0123456789abcdef"}, Outdated}, "unknown": {[]string{"0123456789abcdef"}, Changed}} {
		state, differs, err := judgeRule(r, text, c.known)
		if err != nil || state != c.want || !slices.Equal(differs, []string{"query"}) {
			t.Errorf("%s: %s, %q, %v", name, state, differs, err)
		}
	}
}

// Every query is KQL as Kibana's own parser reads it; here the part of it that
// kibanatest compiles.
func TestRulesCompile(t *testing.T) {
	for _, r := range mustRules(t) {
		if _, err := kibanatest.KQL(unmarshal[struct{ Query string }](t, r.Body).Query); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}
