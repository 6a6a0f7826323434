package pipeline

import (
	"context"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/input"
)

func (p *Pipeline) buildAPI(in config.Input, o Options, names *apisource.EventNames) (source, error) {
	client, err := input.APIClient(in.API)
	if err != nil {
		return nil, err
	}
	log := p.log.With().Str("input", in.ID).Logger()
	s, err := apisource.New(apisource.Config{
		Input: in.ID, Gateway: in.Gateway, Client: client, Names: names, Once: o.Once,
		PollInterval: time.Duration(in.API.PollInterval), Overlap: time.Duration(in.API.Overlap),
		Since: time.Duration(in.API.Since), PageSize: in.API.PageSize,
		Condition: func(reason string) {
			if p.notices.set("input/"+in.ID, reason) && reason != "" {
				log.Warn().Str("reason", reason).Msg("the audit API cannot be read; waiting, nothing is lost")
			}
		},
		Log: log,
	})
	if err != nil {
		return nil, err
	}
	p.exportAPI(in.ID, s)
	return s, nil
}

// namesPatience bounds how long files wait for the gateway's display names.
const namesPatience = 10 * time.Second

// afterNames begins to read files when the gateway was asked for the display names
// of its event types, so that their documents have them.
type afterNames struct {
	source
	names *apisource.EventNames
}

func (s afterNames) Run(ctx context.Context, saved []event.Saved, emit func(context.Context, event.Batch) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.names.Tried():
	case <-time.After(namesPatience):
	}
	return s.source.Run(ctx, saved, emit)
}
