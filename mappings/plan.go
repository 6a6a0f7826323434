package mappings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/auditship/auditship/exporter"
)

// Action is what Apply does with an object.
type Action string

// The actions.
const (
	Create    Action = "create"
	Unchanged Action = "unchanged"
	// Update replaces a version of ours that nobody changed.
	Update Action = "update"
	// ChangedByHand is not ours as we installed it: a person changed it, or made
	// it. It is left alone unless forced.
	ChangedByHand Action = "changed by hand"
)

// Object is an asset and how it differs from what is installed.
type Object struct {
	Asset
	Action Action
	// Changes lead from what is installed to the asset; without the metadata,
	// unless nothing else differs.
	Changes []Change

	installed map[string]any // nil if there is none
}

// Plan is what an installation would do.
type Plan struct {
	Server  exporter.Info
	Objects []Object
	// Steps are what existing data streams need.
	Steps []Step
	// SecurityOff: the server has no users and roles, so none are planned.
	SecurityOff bool

	client *exporter.Client
	opts   Options
	mark   string // streamFingerprint
}

// NewPlan compares what should be installed with what is. It changes nothing.
func NewPlan(ctx context.Context, client *exporter.Client, opts Options) (*Plan, error) {
	server, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	assets, err := Assets(opts, server)
	if err != nil {
		return nil, err
	}
	p := &Plan{Server: server, client: client, opts: opts.withDefaults(), mark: streamFingerprint(assets)}
	_, err = client.CheckPrivileges(ctx, exporter.Privileges{Cluster: []string{"monitor"}})
	if p.SecurityOff = errors.Is(err, exporter.ErrSecurityOff); err != nil && !p.SecurityOff {
		return nil, err
	}
	for _, a := range assets {
		if a.Kind == Role && p.SecurityOff {
			continue
		}
		o, err := compare(ctx, client, a)
		if err != nil {
			return nil, err
		}
		p.Objects = append(p.Objects, o)
	}
	p.Steps, err = p.streamSteps(ctx)
	return p, err
}

// Conflicts names what a person changed and Apply leaves alone without force.
func (p *Plan) Conflicts() []string {
	var list []string
	for _, o := range p.Objects {
		if o.Action == ChangedByHand {
			list = append(list, o.String())
		}
	}
	for _, s := range p.Steps {
		if s.ByHand {
			list = append(list, s.subject())
		}
	}
	return list
}

// Empty reports whether Apply would do nothing.
func (p *Plan) Empty(force bool) bool {
	for _, o := range p.Objects {
		if o.applies(force) {
			return false
		}
	}
	for _, s := range p.Steps {
		if s.applies(force) {
			return false
		}
	}
	return true
}

func compare(ctx context.Context, client *exporter.Client, a Asset) (Object, error) {
	installed, err := read(ctx, client, a)
	if err != nil {
		return Object{}, err
	}
	o := Object{Asset: a, Action: Create, installed: installed}
	if installed == nil {
		o.Changes = Diff(map[string]any{}, a.content(a.Body))
		return o, nil
	}
	o.Changes = Diff(a.content(installed), a.content(a.Body))
	mark := get(installed, a.metaPath("fingerprint")...)
	ours := get(installed, a.metaPath("managed_by")...) == managedBy
	switch {
	case len(o.Changes) > 0 && ours && mark == fingerprint(a.content(installed)):
		o.Action = Update
	case len(o.Changes) > 0:
		o.Action = ChangedByHand
	case reflect.DeepEqual(get(installed, a.meta...), get(a.Body, a.meta...)):
		o.Action = Unchanged
	default: // the same content under another description: take it over
		o.Action = Update
		o.Changes = Diff(a.normal(installed), a.normal(a.Body))
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
