package mappings

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Step is something that an existing data stream needs, because templates act
// on new backing indices and new streams only.
type Step struct {
	Kind   StepKind
	Stream string
	Index  string // the backing index, for SetPolicy
	// Old is the policy or retention there is; "" if there is none.
	Old string
	New string
	// ByHand: a person set Old, so it stays unless forced.
	ByHand bool
}

// StepKind is what a step does.
type StepKind string

// The kinds of steps.
const (
	// RollOver begins a new backing index, because the write index was made by
	// other templates.
	RollOver StepKind = "roll over"
	// SetPolicy puts an older backing index, made by other templates, under our
	// ILM policy.
	SetPolicy StepKind = "set ILM policy"
	// SetRetention sets the data stream lifecycle (serverless only).
	SetRetention StepKind = "set retention"
)

func (s Step) subject() string {
	if s.Kind == SetPolicy {
		return "ILM policy of index " + s.Index
	}
	return "data stream " + s.Stream
}

// String says what is to be done.
func (s Step) String() string {
	switch s.Kind {
	case RollOver:
		return "roll over data stream " + s.Stream
	case SetPolicy:
		return fmt.Sprintf("set ILM policy of index %s: %q -> %q", s.Index, s.Old, s.New)
	default:
		return fmt.Sprintf("set retention of data stream %s: %q -> %q", s.Stream, s.Old, s.New)
	}
}

// done says it in the past.
func (s Step) done() string {
	switch s.Kind {
	case RollOver:
		return "rolled over data stream " + s.Stream
	case SetPolicy:
		return fmt.Sprintf("set ILM policy of index %s to %s", s.Index, s.New)
	default:
		return fmt.Sprintf("set retention of data stream %s to %s", s.Stream, s.New)
	}
}

func (s Step) applies(force bool) bool { return force || !s.ByHand }

// streamSteps finds what the streams of all namespaces need.
func (p *Plan) streamSteps(ctx context.Context) ([]Step, error) {
	all, err := streams(ctx, p.client)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range all {
		if p.Server.Serverless {
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

// indexSteps compares the backing indices with the templates.
func (p *Plan) indexSteps(ctx context.Context, s dataStream) ([]Step, error) {
	var steps []Step
	for i, index := range s.Indices {
		isWriteIndex := i == len(s.Indices)-1
		if !isWriteIndex && (p.Server.Serverless || index.ILMPolicy == Name) {
			continue
		}
		live, err := readIndex(ctx, p.client, index.Name)
		if isNotFound(err) {
			continue // it was deleted since it was listed
		}
		if err != nil {
			return nil, err
		}
		if isWriteIndex {
			more, err := p.rolloverSteps(ctx, s.Name, live)
			if err != nil {
				return nil, err
			}
			steps = append(steps, more...)
		}
		if !p.Server.Serverless && index.ILMPolicy != Name {
			steps = append(steps, Step{
				Kind: SetPolicy, Stream: s.Name, Index: index.Name,
				Old: index.ILMPolicy, New: Name, ByHand: madeByUs(live.Mappings),
			})
		}
	}
	return steps, nil
}

// rolloverSteps: a write index made by other templates, or by ours before the
// user added a field in logs-api7.audit@custom, is succeeded by a new one.
func (p *Plan) rolloverSteps(ctx context.Context, stream string, live template) ([]Step, error) {
	step := Step{Kind: RollOver, Stream: stream}
	if markOf(live.Mappings) != p.mark {
		// With a template that a person changed, and keeps, the next backing
		// index might not carry our mark either.
		step.ByHand = p.templatesChangedByHand()
		return []Step{step}, nil
	}
	in, err := simulate(ctx, p.client, stream)
	if err != nil {
		return nil, err
	}
	if markOf(in.Mappings) == p.mark && !hasFields(live.Mappings, in.Mappings) {
		return []Step{step}, nil
	}
	return nil, nil
}

func (p *Plan) templatesChangedByHand() bool {
	for _, o := range p.Objects {
		if (o.Kind == IndexTemplate || o.Kind == ComponentTemplate) && o.Action == ChangedByHand {
			return true
		}
	}
	return false
}

// retentionSteps: a stream keeps the lifecycle of the template it was created
// with. One that equals what the installed template says was not set by hand.
func (p *Plan) retentionSteps(s dataStream) []Step {
	want := timeValue(p.opts.Retention)
	if sameTime(s.Lifecycle.Retention, want) && s.Lifecycle.Enabled {
		return nil
	}
	var before string
	for _, o := range p.Objects {
		if o.Name == SettingsComponent {
			before, _ = get(o.installed, "template", "lifecycle", "data_retention").(string)
		}
	}
	byHand := s.Lifecycle.Retention != "" && !sameTime(s.Lifecycle.Retention, before)
	return []Step{{Kind: SetRetention, Stream: s.Name, Old: s.Lifecycle.Retention, New: want, ByHand: byHand}}
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
func (p *Plan) take(ctx context.Context, s Step) error {
	stream := url.PathEscape(s.Stream)
	var err error
	switch s.Kind {
	case RollOver:
		if err := p.checkTemplateInForce(ctx, s.Stream); err != nil {
			return err
		}
		err = p.client.JSON(ctx, http.MethodPost, "/"+stream+"/_rollover", nil, nil)
	case SetPolicy:
		body := map[string]any{"index.lifecycle.name": s.New}
		err = p.client.JSON(ctx, http.MethodPut, "/"+url.PathEscape(s.Index)+"/_settings", body, nil)
	case SetRetention:
		body := map[string]any{"data_retention": s.New}
		err = p.client.JSON(ctx, http.MethodPut, "/_data_stream/"+stream+"/_lifecycle", body, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// checkTemplateInForce prevents a rollover at each run where another template
// wins, which would never help.
func (p *Plan) checkTemplateInForce(ctx context.Context, stream string) error {
	in, err := simulate(ctx, p.client, stream)
	if err != nil {
		return err
	}
	if markOf(in.Mappings) != p.mark {
		return fmt.Errorf("data stream %s takes another index template than %s, one of a higher priority: remove that or lower it", stream, Name)
	}
	return nil
}
