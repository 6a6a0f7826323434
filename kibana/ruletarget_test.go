package kibana

import (
	"testing"

	"github.com/auditship/auditship/exporter/install"
)

func TestRuleTarget(t *testing.T) {
	for name, c := range map[string]struct {
		noSecurity   bool
		rules, notes int
	}{
		"with the Security app":    {false, len(mustRules(t)), 0},
		"without the Security app": {true, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e, client := newEngine(t)
			e.noSecurity = c.noSecurity
			target := NewRuleTarget(client)
			plan, err := target.Plan(t.Context())
			if err != nil || plan.In(install.Missing) != c.rules || len(plan.Notes) != c.notes {
				t.Errorf("%d of %d missing, notes %q, %v", plan.In(install.Missing), len(plan.Items), plan.Notes, err)
			}
			for run, want := range []int{c.rules, 0} {
				var steps []string
				if err := target.Apply(t.Context(), true, func(s string) { steps = append(steps, s) }); err != nil || len(steps) != want {
					t.Errorf("run %d: %q, %v", run, steps, err)
				}
			}
			checks, err := target.Verify(t.Context())
			if err != nil || len(install.With(install.OK, checks)) != c.rules {
				t.Errorf("%v, %v", checks, err)
			}
		})
	}
}
