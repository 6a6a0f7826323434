package mappings

import (
	"context"
	"fmt"
	"net/http"

	"github.com/auditship/auditship/exporter"
)

// Apply installs everything that is missing or an older version of ours, and
// rolls outdated data streams over. What a person changed stays. It is NewPlan
// and (*Plan).Apply in one.
func Apply(ctx context.Context, client *exporter.Client, opts Options) error {
	plan, err := NewPlan(ctx, client, opts)
	if err != nil {
		return err
	}
	return plan.Apply(ctx, false, func(string) {})
}

// Apply carries the plan out. With force it also replaces what a person
// changed. Each step is reported once it is done, in words such as "created
// index template logs-api7.audit". It stops at the first error; a second run
// goes on from there.
func (p *Plan) Apply(ctx context.Context, force bool, report func(step string)) error {
	for _, o := range p.Objects {
		if !o.applies(force) {
			continue
		}
		if err := p.client.JSON(ctx, http.MethodPut, o.Path, o.Body, nil); err != nil {
			return fmt.Errorf("install %s: %w", o, err)
		}
		report(done[o.Action] + " " + o.String())
	}
	for _, s := range p.Steps {
		if !s.applies(force) {
			continue
		}
		err := p.take(ctx, s)
		if isNotFound(err) {
			continue // it was deleted meanwhile, and needs nothing any more
		}
		if err != nil {
			return err
		}
		report(s.done())
	}
	return nil
}

var done = map[Action]string{Create: "created", Update: "updated", ChangedByHand: "replaced"}

func (o Object) applies(force bool) bool {
	return o.Action == Create || o.Action == Update || o.Action == ChangedByHand && force
}
