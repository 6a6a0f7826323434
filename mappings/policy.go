package mappings

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ilm checks that ILM runs, and finds out how late it may be.
func (v *verifier) ilm(ctx context.Context) error {
	var status struct {
		Mode string `json:"operation_mode"`
	}
	if err := v.client.JSON(ctx, http.MethodGet, "/_ilm/status", nil, &status); err != nil {
		return fmt.Errorf("ask whether ILM runs: %w", err)
	}
	runs := status.Mode == "RUNNING"
	v.check("ILM", "status", runs, "%s%s", status.Mode, pick(runs, "", ": nothing is rolled over and nothing deleted; start it with POST _ilm/start"))
	v.slack = v.pollSlack(ctx)
	return v.policy(ctx, Name)
}

// pollSlack is six times the interval in which ILM looks at its indices: a step
// that ends by itself has ended by then.
func (v *verifier) pollSlack(ctx context.Context) time.Duration {
	var answer map[string]map[string]any
	interval := 10 * time.Minute // Elasticsearch's default
	err := v.client.JSON(ctx, http.MethodGet, "/_cluster/settings?include_defaults=true&filter_path=*.indices.lifecycle.poll_interval", nil, &answer)
	for _, level := range []string{"defaults", "persistent", "transient"} { // the last one wins
		text, _ := get(any(answer[level]), "indices", "lifecycle", "poll_interval").(string)
		if d, parseErr := parseTimeValue(text); err == nil && parseErr == nil {
			interval = d
		}
	}
	return max(6*interval, 5*time.Second)
}

// policy checks a policy that records are under, once: whether it keeps them as
// long as it should and no longer.
func (v *verifier) policy(ctx context.Context, name string) error {
	if name == "" || v.judged[name] {
		return nil
	}
	v.judged[name] = true
	subject := "ILM policy " + name
	body, err := read(ctx, v.client, Asset{Kind: ILMPolicy, Name: name, Path: "/_ilm/policy/" + url.PathEscape(name)})
	if err != nil {
		return err
	}
	if body == nil {
		if name != Name { // of our own, the list of objects says it
			v.check(subject, "exists", false, "no: nothing under it is ever rolled over or deleted")
		}
		return nil
	}
	phases, _ := get(body, "policy", "phases").(map[string]any)
	want := timeValue(v.opts.Retention)
	have, _ := get(phases, "delete", "min_age").(string)
	v.check(subject, "delete.min_age", sameTime(have, want), "%q, wanted %q", have, want)
	deletes := get(phases, "delete", "actions", "delete") != nil
	v.check(subject, "delete action", deletes, "%s", pick(deletes, "yes", "none: nothing is ever deleted"))
	v.rollover(subject, phases)
	v.otherPhases(subject, phases)
	return nil
}

// rollover checks that a new backing index begins in time, whatever its size:
// retention counts from then.
func (v *verifier) rollover(subject string, phases map[string]any) {
	conditions, _ := get(phases, "hot", "actions", "rollover").(map[string]any)
	have, _ := conditions["max_age"].(string)
	age, err := parseTimeValue(have)
	v.check(subject, "hot.rollover.max_age", err == nil && age <= v.opts.RolloverAge, "%q, wanted %q or less", have, timeValue(v.opts.RolloverAge))
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		if strings.HasPrefix(name, "min_") && fmt.Sprint(conditions[name]) != "0" {
			v.check(subject, "hot.rollover."+name, false, "%v: below that an index is never rolled over, and so never deleted; remove it", conditions[name])
		}
	}
	begins, _ := get(phases, "hot", "min_age").(string)
	if d, err := parseTimeValue(cmp.Or(begins, "0ms")); err != nil || d > 0 {
		v.check(subject, "hot.min_age", false, "%q, wanted \"0ms\": the rollover comes that much later", begins)
	}
}

// otherPhases checks that nothing that a person added deletes or holds up.
func (v *verifier) otherPhases(subject string, phases map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(phases)) {
		if name == "delete" {
			continue
		}
		actions, _ := get(phases, name, "actions").(map[string]any)
		if actions["downsample"] != nil {
			v.check(subject, name+".downsample", false, "it replaces records by averages; remove it")
		}
	}
	if wait := get(phases, "delete", "actions", "wait_for_snapshot", "policy"); wait != nil {
		v.check(subject, "delete.wait_for_snapshot", false, "nothing is deleted until snapshot policy %v has run; remove it, or records are kept longer than %s", wait, timeValue(v.opts.Retention))
	}
}

// nextLifecycle checks what the next backing index will be under: its template's
// policy, judged by its ages. Of a stream that is not there yet s is empty.
func (v *verifier) nextLifecycle(ctx context.Context, subject string, in template, s dataStream) error {
	if v.server.Serverless {
		have, _ := in.Lifecycle["data_retention"].(string)
		if s.Name == "" {
			v.check(subject, "retention", sameTime(have, timeValue(v.opts.Retention)), "its template: %q, wanted %q", have, timeValue(v.opts.Retention))
		}
		return nil
	}
	policy := in.setting("index.lifecycle.name")
	v.check(subject, "next ILM policy", policy != "", "the template names %s", pick(policy != "", policy,
		"none: the next backing index is never deleted; remove index.lifecycle.name from "+CustomComponent+" or name "+Name))
	v.exceptions(subject, "its template", flat(in.Settings), true)
	lifecycle := in.Lifecycle != nil && in.Lifecycle["enabled"] != false || s.Lifecycle.Enabled
	ilm := in.setting("index.lifecycle.prefer_ilm") != "false" && (s.NextBy == "" || s.NextBy == byILM)
	if lifecycle && !ilm {
		v.check(subject, "next lifecycle", false, "the next backing index is left to the data stream lifecycle, which deletes after %q; remove index.lifecycle.prefer_ilm and lifecycle from %s",
			cmp.Or(s.retention(), fmt.Sprint(in.Lifecycle["data_retention"])), CustomComponent)
	}
	return v.policy(ctx, policy)
}

func flat(settings map[string]any) map[string]any {
	out := map[string]any{}
	flatten(out, "", settings)
	return out
}

// exceptions fails where somebody told ILM to leave an index out, or to count
// from another time than the rollover, so that records would go early or never.
// ILM itself sets indexing_complete on an index that it rolled over.
func (v *verifier) exceptions(subject, of string, settings map[string]any, written bool) {
	names := []string{"index.lifecycle.skip", "index.lifecycle.origination_date", "index.lifecycle.parse_origination_date"}
	if written {
		names = append(names, "index.lifecycle.indexing_complete")
	}
	for _, name := range names {
		have, _ := settings[name].(string)
		if have == "" || have == "false" || have == "-1" {
			continue
		}
		v.check(subject, name, false, `%s has %q: the policy is not followed, records go early or never; %s`, of, have, undo(of, name))
	}
}

// undo says how to take a setting away again: from an index by a request, from a
// template by hand.
func undo(of, name string) string {
	if strings.Contains(of, " ") {
		return "take " + name + " out of it"
	}
	return "PUT " + of + `/_settings {"` + name + `":null}`
}
