package mappings

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// explanation is what ILM says about an index.
type explanation struct {
	Managed       bool            `json:"managed"`
	Policy        string          `json:"policy"`
	Phase         string          `json:"phase"`
	Action        string          `json:"action"`
	Step          string          `json:"step"`
	FailedStep    string          `json:"failed_step"`
	StepInfo      json.RawMessage `json:"step_info"`
	LifecycleDate int64           `json:"lifecycle_date_millis"`
	StepTime      int64           `json:"step_time_millis"`
}

// explain asks ILM about all backing indices of a stream.
func explain(ctx context.Context, client *exporter.Client, stream string) (map[string]explanation, error) {
	var answer struct {
		Indices map[string]explanation `json:"indices"`
	}
	if err := client.JSON(ctx, http.MethodGet, "/"+url.PathEscape(stream)+"/_ilm/explain", nil, &answer); err != nil {
		return nil, fmt.Errorf("ask ILM about %s: %w", stream, err)
	}
	return answer.Indices, nil
}

// info is what ILM says about a step that waits or failed, on one line.
func (e explanation) info() string {
	var said struct{ Type, Reason, Message string }
	if len(e.StepInfo) == 0 || json.Unmarshal(e.StepInfo, &said) != nil {
		return ""
	}
	text := strings.TrimSpace(said.Type + " " + said.Reason + said.Message)
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return text
}

// member is one backing index as all who know about it describe it.
type member struct {
	backingIndex
	explanation
	settings map[string]any
	written  bool // it is the write index
	// created is when it was, ended when its successor was.
	created, ended time.Time
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

// backingIndices checks every index of the stream: who manages it, under which
// policy, whether that makes progress, and from when on it counts.
func (v *verifier) backingIndices(ctx context.Context, subject string, s dataStream) error {
	if v.server.Serverless {
		v.byLifecycle(subject, s)
		return nil
	}
	settings, err := readSettings(ctx, v.client, s.Name)
	if err != nil {
		return err
	}
	explained, err := explain(ctx, v.client, s.Name)
	if err != nil {
		return err
	}
	var next time.Time
	for i := len(s.Indices) - 1; i >= 0; i-- {
		x := member{backingIndex: s.Indices[i], settings: settings[s.Indices[i].Name], written: i == len(s.Indices)-1, ended: next}
		if x.settings == nil {
			continue // deleted meanwhile
		}
		x.explanation = explained[x.Name]
		x.created, _ = creation(x.settings)
		next = x.created
		if err := v.member(ctx, subject, s, x); err != nil {
			return err
		}
	}
	return nil
}

// byLifecycle checks the data stream lifecycle, where there is no ILM.
func (v *verifier) byLifecycle(subject string, s dataStream) {
	have, want := s.retention(), timeValue(v.opts.Retention)
	v.check(subject, "retention", sameTime(have, want), "%s: %q, wanted %q", s.writeIndex().Name, have, want)
	for _, x := range s.Indices {
		if x.ManagedBy != "" && x.ManagedBy != byLifecycle {
			v.check(subject, "managed", false, "%s is managed by %q", x.Name, x.ManagedBy)
		}
	}
}

// member checks one backing index. What is right with it takes one line.
func (v *verifier) member(ctx context.Context, subject string, s dataStream, x member) error {
	before := len(v.checks)
	v.managed(subject, s, x)
	v.exceptions(subject, x.Name, x.settings, x.written)
	if x.Managed {
		if err := v.policy(ctx, x.Policy); err != nil {
			return err
		}
		if err := v.progress(ctx, subject, x); err != nil {
			return err
		}
	}
	for _, c := range v.checks[before:] {
		if c.Result != install.OK && strings.Contains(c.Detail, x.Name) {
			return nil
		}
	}
	where := "written to, created " + span(time.Since(x.created)) + " ago"
	if !x.written {
		where = "rolled over " + span(time.Since(x.counted())) + " ago"
	}
	v.check(subject, "backing index", true, "%s under %s, %s/%s, %s", x.Name, x.Policy, x.Phase, x.Step, where)
	return nil
}

// counted is from when on its age counts.
func (x member) counted() time.Time {
	if x.LifecycleDate > 0 {
		return time.UnixMilli(x.LifecycleDate)
	}
	return x.ended
}

// managed checks that ILM, and nobody else, decides when the index goes.
func (v *verifier) managed(subject string, s dataStream, x member) {
	switch {
	case x.ManagedBy == byLifecycle:
		v.check(subject, "managed", false, `%s is left to the data stream lifecycle, which deletes it %q after its rollover; PUT %[1]s/_settings {"index.lifecycle.prefer_ilm":null} and DELETE _data_stream/%[3]s/_lifecycle`, x.Name, s.retention(), s.Name)
	case !x.Managed:
		v.check(subject, "managed", false, "%s is under no ILM policy: it is never deleted; auditship setup sets it", x.Name)
	case x.ManagedBy != "" && x.ManagedBy != byILM:
		v.check(subject, "managed", false, "%s is managed by %q, not by ILM", x.Name, x.ManagedBy)
	}
}

// progress checks that ILM is not stuck with the index, and that its age is what it
// should be.
func (v *verifier) progress(ctx context.Context, subject string, x member) error {
	waited := time.Since(time.UnixMilli(x.StepTime))
	late := waited > v.slack
	said := x.info()
	if said != "" {
		said = ": " + said
	}
	switch {
	case x.Step == "ERROR":
		v.check(subject, "ILM error", false, "%s failed in step %s of %s%s; mend that, then POST %[1]s/_ilm/retry", x.Name, x.FailedStep, x.Action, said)
	case x.Phase == "" && time.Since(x.created) > v.slack:
		v.check(subject, "ILM step", false, "%s is in no phase of its policy: ILM has not begun with it; does ILM run, is the policy there?", x.Name)
	case x.written && x.Phase != "hot" && x.Phase != "":
		v.check(subject, "ILM step", false, "%s is written to and in phase %s already: its policy does not roll over", x.Name, x.Phase)
	case !x.written && x.Phase == "hot" && x.Step != "complete" && late && time.Since(x.ended) > v.slack:
		v.check(subject, "ILM step", false, "%s was rolled over %s ago and hangs in %s%s: it is never deleted; heal it with POST _ilm/move/%[1]s %[5]s", x.Name, span(time.Since(x.ended)), x.Step, said, x.heal())
	case x.Step != "complete" && x.Step != "check-rollover-ready" && x.Phase != "" && late:
		v.check(subject, "ILM step", false, "%s waits in step %s of %s since %s%s; GET %[1]s/_ilm/explain says more", x.Name, x.Step, x.Action, span(waited), said)
	}
	return v.age(ctx, subject, x)
}

// heal is the body of a request that takes an index out of a step that hangs.
func (x member) heal() string {
	step := func(action, name string) map[string]string {
		return map[string]string{"phase": "hot", "action": action, "name": name}
	}
	return compact(map[string]any{"current_step": step(x.Action, x.Step), "next_step": step("rollover", "check-rollover-ready")})
}

// age checks that the index counts from its rollover, and was rolled over or
// deleted in time.
func (v *verifier) age(ctx context.Context, subject string, x member) error {
	if x.written {
		return v.writtenTooLong(ctx, subject, x)
	}
	early := x.ended.Sub(x.counted())
	over := time.Since(x.counted()) - v.opts.Retention
	switch {
	case early > v.slack:
		v.check(subject, "age", false, "%s counts from %s before its rollover: its records go that much too early", x.Name, span(early))
	case over > v.slack:
		v.check(subject, "age", false, "%s should have been deleted %s ago", x.Name, span(over))
	}
	return nil
}

// writtenTooLong: an index that holds something is rolled over in time.
func (v *verifier) writtenTooLong(ctx context.Context, subject string, x member) error {
	over := time.Since(x.created) - v.opts.RolloverAge
	if over <= v.slack {
		return nil
	}
	n, err := countDocuments(ctx, v.client, x.Name)
	if err == nil && n > 0 {
		v.check(subject, "age", false, "%s should have been rolled over %s ago: its records are kept that much longer", x.Name, span(over))
	}
	return err
}
