package kibana

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/auditship/auditship/exporter/install"
)

// Target is a space of a Kibana to install on: the objects of the bundle, and the
// role of those who look at them.
type Target struct{ client *Client }

// NewTarget makes the target; nothing is sent.
func NewTarget(client *Client) *Target { return &Target{client} }

// installedRoles are those that setup installs; the others are there for who needs
// them.
var installedRoles = []string{AnalystRole}

// Plan compares what should be installed with what is. It changes nothing.
func (t *Target) Plan(ctx context.Context) (install.Plan, error) {
	plan := install.Plan{Server: "Kibana, space " + t.client.space}
	found, err := t.objects(ctx)
	if err != nil {
		return plan, err
	}
	plan.Items = found
	for _, name := range installedRoles {
		item, err := t.role(ctx, name)
		switch {
		case mayNot(err):
			plan.Notes = append(plan.Notes, item.Name+" cannot be looked at: "+needsSecurity)
		case err != nil:
			return plan, err
		default:
			plan.Items = append(plan.Items, item)
		}
	}
	return plan, nil
}

const needsSecurity = "the user lacks the cluster privilege manage_security"

// Apply imports what is missing or outdated, and with force what a person changed,
// and leaves the rest alone. Each step is reported once it is done.
func (t *Target) Apply(ctx context.Context, force bool, report func(step string)) error {
	if err := t.client.ready(ctx); err != nil {
		return err
	}
	found, err := t.client.Apply(ctx, force)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.State.Due(force) {
			report(f.item().Report())
		}
	}
	for _, name := range installedRoles {
		item, err := t.role(ctx, name)
		if err == nil && item.State.Due(force) {
			if err = t.client.PutRole(ctx, name, force); err == nil {
				report(item.Report())
			}
		}
		if mayNot(err) {
			report("left alone " + item.Name + ": " + needsSecurity)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Verify proves that everything is there and as shipped. An object that a person
// changed is theirs to change, and unproven; a role that a person changed fails.
func (t *Target) Verify(ctx context.Context) ([]install.Check, error) {
	found, err := t.objects(ctx)
	if err != nil {
		return nil, err
	}
	var checks []install.Check
	for _, item := range found {
		checks = append(checks, check(item, install.Unproven))
	}
	for _, name := range installedRoles {
		item, err := t.role(ctx, name)
		switch {
		case mayNot(err):
			checks = append(checks, install.Check{Subject: item.Name, Name: "as shipped", Result: install.Unproven, Detail: needsSecurity})
		case err != nil:
			return nil, err
		default:
			checks = append(checks, check(item, install.Failed))
		}
	}
	return checks, nil
}

// check judges how an item stands; changed is what it comes to if a person changed
// it.
func check(i install.Item, changed install.Result) install.Check {
	c := install.Check{Subject: i.Name, Name: "as shipped", Result: install.OK, Detail: "yes"}
	differs := strings.Join(i.Details, ", ")
	switch i.State {
	case install.Missing:
		c.Name, c.Result, c.Detail = "exists", install.Failed, "no; auditship setup creates it"
	case install.Outdated:
		c.Result, c.Detail = install.Failed, "an older version ("+differs+"); auditship setup updates it"
	case install.Changed:
		c.Result, c.Detail = changed, "changed by a person ("+differs+"); auditship setup --force replaces it"
	case install.Current, install.Deletes: // nothing here deletes records
	}
	return c
}

// objects compares the bundle.
func (t *Target) objects(ctx context.Context) ([]install.Item, error) {
	if err := t.client.ready(ctx); err != nil {
		return nil, err
	}
	found, err := t.client.Verify(ctx)
	items := make([]install.Item, 0, len(found)+len(installedRoles))
	for _, f := range found {
		items = append(items, f.item())
	}
	return items, err
}

// item is an object of Kibana's in the words of setup.
func (f Finding) item() install.Item {
	return install.Item{Name: fmt.Sprintf("Kibana %s %q", f.Type, f.Title), State: f.State, Details: f.Differs}
}

// role compares a role.
func (t *Target) role(ctx context.Context, name string) (install.Item, error) {
	item := install.Item{Name: "Kibana role " + name}
	want, err := t.client.roleFor(name)
	if err != nil {
		return item, err
	}
	have, err := t.client.role(ctx, name)
	if err != nil {
		return item, err
	}
	item.State, item.Details = want.compare(have)
	return item, nil
}

// mayNot says that Kibana answered that the user may not do something.
func mayNot(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == http.StatusForbidden
}
