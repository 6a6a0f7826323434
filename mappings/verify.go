package mappings

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/auditship/auditship/exporter"
)

// Check is one fact that Verify looked at.
type Check struct {
	// Subject is what it is about: a policy, a data stream.
	Subject string
	// Name is a constant such as "delete.min_age".
	Name string
	OK   bool
	// Detail says what was found and, if it is wrong, what to do.
	Detail string
}

// String is a line such as
//
//	ok     data stream logs-api7.audit-default: ILM policy: .ds-... has logs-api7.audit
func (c Check) String() string {
	state := "ok    "
	if !c.OK {
		state = "FAILED"
	}
	return fmt.Sprintf("%s %s: %s: %s", state, c.Subject, c.Name, c.Detail)
}

// Report is what Verify found, in the order it looked.
type Report []Check

// OK reports whether every check is.
func (r Report) OK() bool {
	for _, c := range r {
		if !c.OK {
			return false
		}
	}
	return true
}

// verifier collects checks.
type verifier struct {
	client *exporter.Client
	server exporter.Info
	opts   Options
	mark   string
	report Report
}

func (v *verifier) check(subject, name string, ok bool, detail string, args ...any) {
	v.report = append(v.report, Check{Subject: subject, Name: name, OK: ok, Detail: fmt.Sprintf(detail, args...)})
}

// Verify proves on the live data streams that records are kept as long as they
// should be and that the templates are in force. The stream of the namespace
// may not exist yet: then what it would be created with is checked. Nothing is
// changed. An error means that it could not be found out; a failed check is in
// the report.
func Verify(ctx context.Context, client *exporter.Client, opts Options, namespace string) (Report, error) {
	server, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	assets, err := Assets(opts, server)
	if err != nil {
		return nil, err
	}
	v := &verifier{client: client, server: server, opts: opts.withDefaults(), mark: streamFingerprint(assets)}
	if !server.Serverless {
		if err := v.policy(ctx, assets[0]); err != nil {
			return nil, err
		}
	}
	return v.report, v.streams(ctx, StreamName(namespace))
}

// policy checks the ILM policy itself and that ILM runs.
func (v *verifier) policy(ctx context.Context, a Asset) error {
	const subject = "ILM policy " + Name
	var status struct {
		Mode string `json:"operation_mode"`
	}
	if err := v.client.JSON(ctx, http.MethodGet, "/_ilm/status", nil, &status); err != nil {
		return fmt.Errorf("ask whether ILM runs: %w", err)
	}
	v.check("ILM", "status", status.Mode == "RUNNING", "%s", status.Mode)
	body, err := read(ctx, v.client, a)
	if err != nil {
		return err
	}
	v.check(subject, "exists", body != nil, "%s", pick(body != nil, "yes", "no; auditship setup creates it"))
	if body == nil {
		return nil
	}
	want := timeValue(v.opts.Retention)
	have, _ := get(body, "policy", "phases", "delete", "min_age").(string)
	v.check(subject, "delete.min_age", sameTime(have, want), "%q, wanted %q", have, want)
	deletes := get(body, "policy", "phases", "delete", "actions", "delete") != nil
	v.check(subject, "delete action", deletes, "%s", pick(deletes, "yes", "none: nothing is ever deleted"))
	v.rollover(subject, body)
	return nil
}

// rollover checks that a new backing index begins in time: retention counts
// from then.
func (v *verifier) rollover(subject string, policy map[string]any) {
	want := timeValue(v.opts.RolloverAge)
	have, _ := get(policy, "policy", "phases", "hot", "actions", "rollover", "max_age").(string)
	age, err := parseTimeValue(have)
	v.check(subject, "hot.rollover.max_age", err == nil && age <= v.opts.RolloverAge, "%q, wanted %q or less", have, want)
}

// streams checks every stream there is, and the one that is to be.
func (v *verifier) streams(ctx context.Context, wanted string) error {
	all, err := streams(ctx, v.client)
	if err != nil {
		return err
	}
	exists := false
	for _, s := range all {
		exists = exists || s.Name == wanted
		if err := v.stream(ctx, s); err != nil {
			return err
		}
	}
	if exists {
		return nil
	}
	in, err := v.template(ctx, wanted)
	if err != nil {
		return err
	}
	v.settings("data stream "+wanted+" (not created yet)", "its template", in)
	return nil
}

// template checks which template a new backing index of the stream would take.
func (v *verifier) template(ctx context.Context, stream string) (template, error) {
	subject := "index template for " + stream
	in, err := simulate(ctx, v.client, stream)
	if err != nil {
		return template{}, err
	}
	ours := markOf(in.Mappings) == v.mark
	v.check(subject, "in force", ours, "%s", pick(ours, Name+", as shipped",
		"not "+Name+" as shipped: an older version, one that a person changed, or another template of a higher priority; see auditship setup --plan"))
	return in, nil
}

// settings checks what decides about retention and form in an index or template.
func (v *verifier) settings(subject, of string, in template) {
	if v.server.Serverless {
		have, _ := in.Lifecycle["data_retention"].(string)
		want := timeValue(v.opts.Retention)
		v.check(subject, "retention", sameTime(have, want), "%s: %q, wanted %q", of, have, want)
	} else {
		policy := in.setting("index.lifecycle.name")
		v.check(subject, "ILM policy", policy == Name, "%s has %q, wanted %q", of, policy, Name)
		v.exceptions(subject, of, in)
	}
	mode := in.setting("index.mode")
	v.check(subject, "index.mode", mode == "standard", "%s has %q, wanted %q", of, mode, "standard")
}

// exceptions fails where somebody told ILM to leave an index out, or to count
// from another time than the rollover, so that records would go early.
func (v *verifier) exceptions(subject, of string, in template) {
	for _, name := range []string{"index.lifecycle.skip", "index.lifecycle.origination_date", "index.lifecycle.parse_origination_date"} {
		if have := in.setting(name); have != "" && have != "false" && have != "-1" {
			v.check(subject, name, false, "%s has %q, wanted none: the policy would not be followed", of, have)
		}
	}
}

// stream checks one existing stream.
func (v *verifier) stream(ctx context.Context, s dataStream) error {
	subject := "data stream " + s.Name
	in, err := v.template(ctx, s.Name)
	if err != nil {
		return err
	}
	v.check(subject, "template", s.Template == Name, "%q, wanted %q", s.Template, Name)
	if len(s.Indices) == 0 {
		return nil
	}
	write := s.writeIndex()
	live, err := readIndex(ctx, v.client, write.Name)
	if err != nil {
		return err
	}
	if v.server.Serverless {
		live.Lifecycle = map[string]any{"data_retention": s.retention()}
	}
	v.settings(subject, write.Name, live)
	if err := v.management(ctx, s); err != nil {
		return err
	}
	fresh := markOf(live.Mappings) == v.mark && hasFields(live.Mappings, in.Mappings)
	v.check(subject, "mapping", fresh, "%s %s", write.Name, pick(fresh, "is up to date", "has an older mapping than the template; auditship setup rolls the stream over"))
	v.check(subject, "failure store", !s.FailureStore.Enabled, "%s", pick(!s.FailureStore.Enabled, "off",
		"on: what lands there is kept 30 days only; turn it off with PUT _data_stream/"+s.Name+`/_options {"failure_store":{"enabled":false}}`))
	return nil
}

// retention is what the lifecycle really does: a project may cap it.
func (s dataStream) retention() string {
	if !s.Lifecycle.Enabled {
		return ""
	}
	if s.Lifecycle.Effective != "" {
		return s.Lifecycle.Effective
	}
	return s.Lifecycle.Retention
}

// management checks that every backing index is really managed: the write index
// by asking ILM, the older ones by what the stream lists.
func (v *verifier) management(ctx context.Context, s dataStream) error {
	subject, write := "data stream "+s.Name, s.writeIndex()
	if v.server.Serverless {
		ok := write.ManagedBy == "" || write.ManagedBy == "Data stream lifecycle"
		v.check(subject, "managed", ok, "%s is managed by %q", write.Name, write.ManagedBy)
		return nil
	}
	in, err := explain(ctx, v.client, write.Name)
	if err != nil {
		return err
	}
	ok := in.Managed && in.Policy == Name && in.Step != "ERROR"
	v.check(subject, "managed", ok, "%s: managed %v, policy %q, step %q", write.Name, in.Managed, in.Policy, in.Step)
	for _, index := range s.Indices[:len(s.Indices)-1] {
		if index.ILMPolicy != Name {
			v.check(subject, "older backing index", false, "%s has ILM policy %q, wanted %q; see auditship setup --plan", index.Name, index.ILMPolicy, Name)
		}
	}
	return nil
}

// explanation is what ILM says about an index.
type explanation struct {
	Managed bool   `json:"managed"`
	Policy  string `json:"policy"`
	Step    string `json:"step"`
}

func explain(ctx context.Context, client *exporter.Client, index string) (explanation, error) {
	var answer struct {
		Indices map[string]explanation `json:"indices"`
	}
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(index)+"/_ilm/explain", nil, &answer); err != nil {
		return explanation{}, fmt.Errorf("ask ILM about %s: %w", index, err)
	}
	return answer.Indices[index], nil
}

func pick(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}
