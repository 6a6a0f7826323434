package kibana

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/auditship/auditship/exporter/install"
)

//go:embed rules/detection/*.json rules/alerting/*.json
var ruleFiles embed.FS

// RuleKind says which part of Kibana runs a rule.
type RuleKind string

// The kinds of rules.
const (
	// Detection rules belong to the Security app.
	Detection RuleKind = "detection"
	// Alerting rules need no app: Stack Management > Rules.
	Alerting RuleKind = "alerting"
)

// Rule is a rule as shipped: disabled, in the form of the API that takes it.
type Rule struct {
	Kind RuleKind
	ID   string // rule_id of a detection rule, id of the other kind
	Name string
	Body json.RawMessage
}

// ErrNoSecurity means that this Kibana has no detection engine: the Security app
// is turned off for it, or it is of a solution that has none.
var ErrNoSecurity = errors.New("kibana: this Kibana has no detection engine: the Security app is turned off, or its solution has none; detection rules are left out")

// Rules returns all rules, detection rules first, each kind by name of its file.
func Rules() ([]Rule, error) {
	var rules []Rule
	for _, kind := range []RuleKind{Detection, Alerting} {
		files, err := ruleFiles.ReadDir(path.Join("rules", string(kind)))
		if err != nil {
			return nil, fmt.Errorf("read the embedded rules: %w", err)
		}
		for _, f := range files {
			body, err := ruleFiles.ReadFile(path.Join("rules", string(kind), f.Name()))
			if err != nil {
				return nil, fmt.Errorf("read the embedded rules: %w", err)
			}
			var r struct {
				ID, Name string
				RuleID   string `json:"rule_id"`
			}
			if err := json.Unmarshal(body, &r); err != nil {
				return nil, fmt.Errorf("read the embedded rule %s: %w", f.Name(), err)
			}
			rules = append(rules, Rule{Kind: kind, ID: r.RuleID + r.ID, Name: r.Name, Body: body})
		}
	}
	return rules, nil
}

// VerifyRules compares the rules in Kibana with those shipped and changes nothing.
// What counts is what a rule finds and says. Whether it is enabled, its actions,
// exceptions and mappings are a person's own and never count. Without a detection
// engine the report is of the alerting rules, beside ErrNoSecurity.
func (c *Client) VerifyRules(ctx context.Context) (Report, error) {
	report, _, err := c.findRules(ctx)
	return report, err
}

// ApplyRules installs what is missing, disabled, and brings up to date what nobody
// changed, with force also what a person changed. Enabled rules stay enabled, with
// their actions and exceptions. The report is of what it found before; ErrNoSecurity
// is as in VerifyRules.
func (c *Client) ApplyRules(ctx context.Context, force bool) (Report, error) {
	report, there, err := c.findRules(ctx)
	if err != nil && !errors.Is(err, ErrNoSecurity) {
		return nil, err
	}
	rules, errRules := Rules()
	if errRules != nil {
		return nil, errRules
	}
	var fresh, rest []Rule
	for _, f := range report {
		r := rules[slices.IndexFunc(rules, func(r Rule) bool { return r.ID == f.ID })]
		if f.State.Due(force) && r.Kind == Detection && f.State == install.Missing {
			fresh = append(fresh, r)
		} else if f.State.Due(force) {
			rest = append(rest, r)
		}
	}
	if err := c.importDetections(ctx, fresh); err != nil {
		return nil, err
	}
	for _, r := range rest {
		if err := c.replaceRule(ctx, r, there[r.ID]); err != nil {
			return nil, err
		}
	}
	return report, err
}

func (c *Client) replaceRule(ctx context.Context, r Rule, found json.RawMessage) error {
	if r.Kind == Detection {
		return c.patchDetection(ctx, r)
	}
	return c.putAlerting(ctx, r, found)
}

// findRules reports on every rule, and returns those that are there by the id
// shipped.
func (c *Client) findRules(ctx context.Context) (Report, map[string]json.RawMessage, error) {
	rules, err := Rules()
	if err != nil {
		return nil, nil, err
	}
	known, err := knownForms()
	if err != nil {
		return nil, nil, err
	}
	var report Report
	var absent error
	there := map[string]json.RawMessage{}
	for _, r := range rules {
		if r.Kind == Detection && absent != nil {
			continue
		}
		found, err := c.readRule(ctx, r)
		if errors.Is(err, ErrNoSecurity) {
			absent = err
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		f := Finding{Type: string(r.Kind) + " rule", ID: r.ID, Title: r.Name, State: install.Missing}
		if found != nil {
			there[r.ID] = found
			if f.State, f.Differs, err = judgeRule(r, found, known.fingerprints[r.key()]); err != nil {
				return nil, nil, err
			}
		}
		report = append(report, f)
	}
	return report, there, absent
}

func (r Rule) key() string { return string(r.Kind) + ":" + r.ID }

// ruleFacets are the members that say what a rule finds and tells. The first are of
// both kinds.
var ruleFacets = []string{
	"name", "tags", "description", "type", "query", "language", "index", "severity", "risk_score", "threat", "note",
	"false_positives", "threshold", "new_terms_fields", "history_window_start", "from", "interval", "timestamp_override",
	"rule_type_id", "schedule", "params",
}

// facetsOfRule takes the facets out of a rule's body.
func facetsOfRule(body []byte) (facets, error) {
	var all map[string]any
	if err := decode(body, &all); err != nil {
		return nil, err
	}
	f := facets{}
	for _, name := range ruleFacets {
		if v, ok := all[name]; ok {
			f[name] = v
		}
	}
	return f, nil
}

// judgeRule compares only what was shipped: a later Kibana adds members of its own.
func judgeRule(r Rule, found json.RawMessage, earlier []string) (install.State, []string, error) {
	want, err := facetsOfRule(r.Body)
	if err != nil {
		return "", nil, err
	}
	got, err := facetsOfRule(found)
	if err != nil { // a form that this release does not know: not ours to overwrite
		return install.Changed, []string{"form"}, nil
	}
	var differs []string
	for _, name := range ruleFacets {
		if w, ok := want[name]; ok && !contains(got[name], w) {
			differs = append(differs, name)
		}
	}
	if len(differs) == 0 {
		return install.Current, nil, nil
	}
	if hash, err := got.fingerprint(); err == nil && slices.Contains(earlier, hash) {
		return install.Outdated, differs, nil
	}
	return install.Changed, differs, nil
}

// contains says whether got is want, perhaps with more members in its objects.
func contains(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for name, v := range w {
			if !ok || !contains(g[name], v) {
				return false
			}
		}
		return ok
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !contains(g[i], w[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}

// idIn is the id of a rule in the client's space. The Security app keeps rule_id by
// space; ids of alerting rules are one in all of Kibana.
func (c *Client) idIn(r Rule) string {
	if r.Kind == Detection || c.space == "default" {
		return r.ID
	}
	sum := sha256.Sum256([]byte(r.ID + " in " + c.space))
	h := []byte(hex.EncodeToString(sum[:16]))
	h[12], h[16] = '5', 'a' // Kibana takes UUIDs only; this is the form of those made of names
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// readRule returns nil if the rule is not there.
func (c *Client) readRule(ctx context.Context, r Rule) (json.RawMessage, error) {
	where := "/api/alerting/rule/" + c.idIn(r)
	if r.Kind == Detection {
		where = "/api/detection_engine/rules?rule_id=" + url.QueryEscape(r.ID)
	}
	body, err := c.call(ctx, request{op: "read rule " + r.Name, method: http.MethodGet, path: where})
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		if r.Kind == Detection && !strings.Contains(refused.Message, r.ID) {
			return nil, ErrNoSecurity // the path is not there, not the rule
		}
		return nil, nil
	}
	return body, err
}

// importDetections sends new rules to the import API, which answers 200 even if it
// took none.
func (c *Client) importDetections(ctx context.Context, rules []Rule) error {
	if len(rules) == 0 {
		return nil
	}
	var lines bytes.Buffer
	for _, r := range rules {
		if err := json.Compact(&lines, r.Body); err != nil {
			return fmt.Errorf("kibana: pack rule %s: %w", r.Name, err)
		}
		lines.WriteByte('\n')
	}
	form, contentType, err := formOf("api7-audit-rules.ndjson", lines.Bytes())
	if err != nil {
		return err
	}
	body, err := c.call(ctx, request{
		op: "import rules", method: http.MethodPost, path: "/api/detection_engine/rules/_import", contentType: contentType, body: form,
	})
	if err != nil {
		return err
	}
	var answer struct {
		Success *bool `json:"success"`
		Errors  []struct {
			RuleID string `json:"rule_id"`
			Error  struct{ Message string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Success == nil {
		return &Error{Op: "import rules", Status: http.StatusOK, Message: "the answer is not the detection engine's"}
	}
	if *answer.Success && len(answer.Errors) == 0 {
		return nil
	}
	e := &ImportError{Imported: len(rules) - len(answer.Errors)}
	for _, f := range answer.Errors {
		e.Failures = append(e.Failures, Failure{Type: "detection rule", ID: f.RuleID, Kind: "unknown", Message: showable(f.Error.Message, "")})
	}
	return e
}

// patchDetection changes what is shipped and nothing else.
func (c *Client) patchDetection(ctx context.Context, r Rule) error {
	change, err := facetsOfRule(r.Body)
	if err != nil {
		return err
	}
	change["rule_id"] = r.ID
	return c.sendRule(ctx, http.MethodPatch, "/api/detection_engine/rules", r, change)
}

// putAlerting makes an alerting rule, or changes the one that is there and keeps its
// actions.
func (c *Client) putAlerting(ctx context.Context, r Rule, found json.RawMessage) error {
	var body map[string]any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return fmt.Errorf("kibana: rule %s: %w", r.Name, err)
	}
	method := http.MethodPost
	delete(body, "id")
	if found != nil {
		var there struct{ Actions []map[string]any }
		if err := decode(found, &there); err != nil {
			return fmt.Errorf("kibana: rule %s: %w", r.Name, err)
		}
		for _, a := range there.Actions {
			delete(a, "connector_type_id") // Kibana gives it and does not take it
		}
		method, body["actions"] = http.MethodPut, append([]map[string]any{}, there.Actions...)
		for _, fixed := range []string{"consumer", "enabled", "rule_type_id"} {
			delete(body, fixed)
		}
	}
	return c.sendRule(ctx, method, "/api/alerting/rule/"+c.idIn(r), r, body)
}

func (c *Client) sendRule(ctx context.Context, method, path string, r Rule, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("kibana: rule %s: %w", r.Name, err)
	}
	_, err = c.call(ctx, request{op: "write rule " + r.Name, method: method, path: path, contentType: "application/json", body: text})
	return err
}
