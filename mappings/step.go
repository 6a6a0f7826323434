package mappings

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// step is something that an existing data stream needs, because templates act
// on new backing indices and new streams only.
type step struct {
	kind   stepKind
	stream string
	index  string // the backing index, for setPolicy
	// old is the policy or retention there is; "" if there is none.
	old    string
	new    string
	state  install.State
	losses []string // what doing it would delete
}

type stepKind string

const (
	// createStream makes the stream before its first record, so that Kibana has
	// fields to show; without it every control and chart there is in error.
	createStream stepKind = "create data stream"
	// setPolicy puts a backing index, made by other templates, under our ILM
	// policy.
	setPolicy stepKind = "set ILM policy"
	// setRetention sets the data stream lifecycle (serverless only).
	setRetention stepKind = "set retention"
	// rollOver begins a new backing index, because the write index was made by
	// other templates.
	rollOver stepKind = "roll over"
)

func (s step) item() install.Item {
	i := install.Item{State: s.state, Details: s.losses}
	switch s.kind {
	case createStream:
		i.Name = "data stream " + s.stream
	case rollOver:
		i.Name, i.Done = "rollover of data stream "+s.stream, "rolled over data stream "+s.stream
	case setPolicy:
		i.Name = fmt.Sprintf("ILM policy of index %s: %q -> %q", s.index, s.old, s.new)
		i.Done = fmt.Sprintf("set ILM policy of index %s to %s", s.index, s.new)
	case setRetention:
		i.Name = fmt.Sprintf("retention of data stream %s: %q -> %q", s.stream, s.old, s.new)
		i.Done = fmt.Sprintf("set retention of data stream %s to %s", s.stream, s.new)
	}
	return i
}

// streamSteps finds what the streams of all namespaces need.
func (p *plan) streamSteps(ctx context.Context, all []dataStream) ([]step, error) {
	var steps []step
	named := func(s dataStream) bool { return s.Name == StreamName(p.namespace) }
	if p.namespace != "" && !slices.ContainsFunc(all, named) {
		steps = append(steps, step{kind: createStream, stream: StreamName(p.namespace), state: install.Missing})
	}
	for _, s := range all {
		if p.server.Serverless {
			steps = append(steps, p.retentionSteps(s)...)
		}
		more, err := p.indexSteps(ctx, s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

// indexSteps compares the backing indices with the templates. The rollover comes
// last: an index whose policy is set while ILM is still at work after a rollover
// loses its step and hangs there.
func (p *plan) indexSteps(ctx context.Context, s dataStream) ([]step, error) {
	var steps, last []step
	for i, index := range s.Indices {
		isWriteIndex := i == len(s.Indices)-1
		elsewhere := !p.server.Serverless && index.ILMPolicy != Name
		if !isWriteIndex && !elsewhere {
			continue
		}
		live, err := readIndex(ctx, p.client, index.Name)
		if isNotFound(err) {
			continue // it was deleted since it was listed
		}
		if err != nil {
			return nil, err
		}
		if elsewhere {
			state := install.Outdated
			if madeByUs(live.Mappings) {
				state = install.Changed
			}
			steps = append(steps, step{kind: setPolicy, stream: s.Name, index: index.Name, old: index.ILMPolicy, new: Name, state: state})
		}
		if isWriteIndex {
			if last, err = p.rolloverSteps(ctx, s.Name, live); err != nil {
				return nil, err
			}
		}
	}
	return append(steps, last...), nil
}

// rolloverSteps: a write index made by other templates, or by ours before the
// user added a field in logs-api7.audit@custom, is succeeded by a new one.
func (p *plan) rolloverSteps(ctx context.Context, stream string, live template) ([]step, error) {
	s := step{kind: rollOver, stream: stream, state: install.Outdated}
	if markOf(live.Mappings) != p.mark {
		// With a template that a person changed, and keeps, the next backing
		// index might not carry our mark either.
		if p.templatesChangedByHand() {
			s.state = install.Changed
		}
		return []step{s}, nil
	}
	in, err := simulate(ctx, p.client, stream)
	if err != nil {
		return nil, err
	}
	if markOf(in.Mappings) == p.mark && !hasFields(live.Mappings, in.Mappings) {
		return []step{s}, nil
	}
	return nil, nil
}

func (p *plan) templatesChangedByHand() bool {
	for _, o := range p.objects {
		if (o.Kind == IndexTemplate || o.Kind == ComponentTemplate) && o.state == install.Changed {
			return true
		}
	}
	return false
}

// retentionSteps: a stream keeps the lifecycle of the template it was created
// with. One that equals what the installed template says was not set by hand.
func (p *plan) retentionSteps(s dataStream) []step {
	want := timeValue(p.opts.Retention)
	if sameTime(s.Lifecycle.Retention, want) && s.Lifecycle.Enabled {
		return nil
	}
	var before string
	for _, o := range p.objects {
		if o.Name == SettingsComponent {
			before, _ = get(o.installed, "template", "lifecycle", "data_retention").(string)
		}
	}
	state := install.Outdated
	if s.Lifecycle.Retention != "" && !sameTime(s.Lifecycle.Retention, before) {
		state = install.Changed
	}
	return []step{{kind: setRetention, stream: s.Name, old: s.Lifecycle.Retention, new: want, state: state}}
}

// sameTime compares two time values of Elasticsearch, whatever their units.
func sameTime(a, b string) bool {
	x, err := parseTimeValue(a)
	if err != nil {
		return false
	}
	y, err := parseTimeValue(b)
	return err == nil && x == y
}

// take carries one step out.
func (p *plan) take(ctx context.Context, s step) error {
	stream := url.PathEscape(s.stream)
	var err error
	switch s.kind {
	case createStream:
		err = p.client.JSON(ctx, http.MethodPut, "/_data_stream/"+stream, nil, nil)
		var e *exporter.Error
		if errors.As(err, &e) && e.Type == "resource_already_exists_exception" {
			err = nil // an agent was faster
		}
	case rollOver:
		if err := p.checkTemplateInForce(ctx, s.stream); err != nil {
			return err
		}
		err = p.client.JSON(ctx, http.MethodPost, "/"+stream+"/_rollover", nil, nil)
	case setPolicy:
		body := map[string]any{"index.lifecycle.name": s.new}
		err = p.client.JSON(ctx, http.MethodPut, "/"+url.PathEscape(s.index)+"/_settings", body, nil)
	case setRetention:
		body := map[string]any{"data_retention": s.new}
		err = p.client.JSON(ctx, http.MethodPut, "/_data_stream/"+stream+"/_lifecycle", body, nil)
	}
	if err != nil {
		return fmt.Errorf("%s of data stream %s: %w", s.kind, s.stream, err)
	}
	return nil
}

// checkTemplateInForce prevents a rollover at each run where another template
// wins, which would never help.
func (p *plan) checkTemplateInForce(ctx context.Context, stream string) error {
	in, err := simulate(ctx, p.client, stream)
	if err != nil {
		return err
	}
	if markOf(in.Mappings) != p.mark {
		return fmt.Errorf("data stream %s takes another index template than %s, one of a higher priority: remove that or lower it", stream, Name)
	}
	return nil
}
