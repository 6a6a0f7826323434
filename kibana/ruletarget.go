package kibana

import (
	"context"
	"errors"

	"github.com/auditship/auditship/exporter/install"
)

// RuleTarget is a space of a Kibana to install detection and alert rules on.
type RuleTarget struct{ client *Client }

// NewRuleTarget makes the target; nothing is sent.
func NewRuleTarget(client *Client) *RuleTarget { return &RuleTarget{client} }

// Plan compares the rules shipped with those in Kibana. It changes nothing.
func (t *RuleTarget) Plan(ctx context.Context) (install.Plan, error) {
	plan := install.Plan{Server: "Rules of Kibana, space " + t.client.space}
	if err := t.client.ready(ctx); err != nil {
		return plan, err
	}
	report, err := t.client.VerifyRules(ctx)
	if errors.Is(err, ErrNoSecurity) {
		plan.Notes, err = append(plan.Notes, err.Error()), nil
	}
	for _, f := range report {
		plan.Items = append(plan.Items, f.item())
	}
	return plan, err
}

// Apply installs what is missing, disabled, and updates what nobody changed, with
// force also what a person changed. Each step is reported once it is done.
func (t *RuleTarget) Apply(ctx context.Context, force bool, report func(step string)) error {
	if err := t.client.ready(ctx); err != nil {
		return err
	}
	found, err := t.client.ApplyRules(ctx, force)
	if err != nil && !errors.Is(err, ErrNoSecurity) {
		return err
	}
	for _, f := range found {
		if f.State.Due(force) {
			report(f.item().Report())
		}
	}
	return nil
}

// Verify proves that the rules are there and as shipped. One that a person changed
// is theirs to change, and unproven.
func (t *RuleTarget) Verify(ctx context.Context) ([]install.Check, error) {
	plan, err := t.Plan(ctx)
	checks := make([]install.Check, 0, len(plan.Items))
	for _, item := range plan.Items {
		checks = append(checks, check(item, install.Unproven))
	}
	return checks, err
}
