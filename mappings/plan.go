package mappings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// object is an asset and how it differs from what is installed.
type object struct {
	Asset
	state install.State
	// changes lead from what is installed to the asset; without the metadata,
	// unless nothing else differs.
	changes []change
	losses  []string // what doing it would delete

	installed map[string]any // nil if there is none
}

func (o object) item() install.Item {
	i := install.Item{Name: o.String(), State: o.state, Details: o.losses}
	if o.installed == nil {
		return i // all of it is new: --print shows it
	}
	for _, c := range o.changes {
		i.Details = append(i.Details, c.String())
	}
	return i
}

// plan is what an installation would do.
type plan struct {
	server  exporter.Info
	objects []object
	// steps are what existing data streams need.
	steps []step
	// securityOff: the server has no users and roles, so none are planned.
	securityOff bool

	client    *exporter.Client
	opts      Options
	namespace string // whose stream is to be there, "" for none
	mark      string // streamFingerprint
}

// newPlan compares what should be installed with what is. It changes nothing.
func newPlan(ctx context.Context, client *exporter.Client, opts Options, namespace string) (*plan, error) {
	server, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	assets, err := Assets(opts, server)
	if err != nil {
		return nil, err
	}
	p := &plan{server: server, client: client, opts: opts.withDefaults(), namespace: namespace, mark: streamFingerprint(assets)}
	_, err = client.CheckPrivileges(ctx, exporter.Privileges{Cluster: []string{"monitor"}})
	if p.securityOff = errors.Is(err, exporter.ErrSecurityOff); err != nil && !p.securityOff {
		return nil, err
	}
	for _, a := range assets {
		if a.Kind == Role && p.securityOff {
			continue
		}
		o, err := compare(ctx, client, a)
		if err != nil {
			return nil, err
		}
		p.objects = append(p.objects, o)
	}
	all, err := streams(ctx, client)
	if err != nil {
		return nil, err
	}
	if p.steps, err = p.streamSteps(ctx, all); err != nil {
		return nil, err
	}
	return p, p.findLosses(ctx, all)
}

func (p *plan) items() []install.Item {
	items := make([]install.Item, 0, len(p.objects)+len(p.steps))
	for _, o := range p.objects {
		items = append(items, o.item())
	}
	for _, s := range p.steps {
		items = append(items, s.item())
	}
	return items
}

// apply carries the plan out. With force it also replaces what a person changed
// and does what deletes records. It stops at the first error; a second run goes
// on from there.
func (p *plan) apply(ctx context.Context, force bool, report func(string)) error {
	for _, o := range p.objects {
		if !o.state.Due(force) {
			continue
		}
		if err := p.client.JSON(ctx, http.MethodPut, o.Path, o.Body, nil); err != nil {
			return fmt.Errorf("install %s: %w", o, err)
		}
		report(o.item().Report())
	}
	for _, s := range p.steps {
		if !s.state.Due(force) {
			continue
		}
		err := p.take(ctx, s)
		if isNotFound(err) {
			continue // it was deleted meanwhile, and needs nothing any more
		}
		if err != nil {
			return err
		}
		report(s.item().Report())
	}
	return nil
}

func compare(ctx context.Context, client *exporter.Client, a Asset) (object, error) {
	installed, err := read(ctx, client, a)
	if err != nil {
		return object{}, err
	}
	o := object{Asset: a, state: install.Missing, installed: installed}
	if installed == nil {
		o.changes = diff(map[string]any{}, a.content(a.Body))
		return o, nil
	}
	o.changes = diff(a.content(installed), a.content(a.Body))
	mark := get(installed, a.metaPath("fingerprint")...)
	ours := get(installed, a.metaPath("managed_by")...) == managedBy
	switch {
	case len(o.changes) > 0 && ours && mark == fingerprint(a.content(installed)):
		o.state = install.Outdated
	case len(o.changes) > 0:
		o.state = install.Changed
	case reflect.DeepEqual(get(installed, a.meta...), get(a.Body, a.meta...)):
		o.state = install.Current
	default: // the same content under another description: take it over
		o.state = install.Outdated
		o.changes = diff(a.normal(installed), a.normal(a.Body))
	}
	return o, nil
}

// read fetches an object in the form it is put in; nil if there is none.
func read(ctx context.Context, client *exporter.Client, a Asset) (map[string]any, error) {
	var answer map[string]any
	err := client.JSON(ctx, http.MethodGet, a.Path, nil, &answer)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", a, err)
	}
	body := unwrap(a, answer)
	if body == nil {
		return nil, fmt.Errorf("read %s: the answer does not hold it", a)
	}
	return body, nil
}

// unwrap takes the object out of the answer to GET, which differs by kind.
func unwrap(a Asset, answer map[string]any) map[string]any {
	var body any
	switch a.Kind {
	case ILMPolicy:
		policy := get(answer, a.Name, "policy")
		if policy == nil {
			return nil
		}
		body = map[string]any{"policy": policy}
	case ComponentTemplate:
		body = get(first(answer["component_templates"]), "component_template")
	case IndexTemplate:
		body = get(first(answer["index_templates"]), "index_template")
	case Role:
		body = answer[a.Name]
	}
	m, _ := body.(map[string]any)
	return m
}

func first(v any) any {
	if l, ok := v.([]any); ok && len(l) == 1 {
		return l[0]
	}
	return nil
}

func isNotFound(err error) bool {
	var e *exporter.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}
