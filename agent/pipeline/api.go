package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
)

// eventNames makes one memory of display names for each gateway that has an audit
// API; all of its inputs share it.
func eventNames(inputs []config.Input) map[string]*apisource.EventNames {
	names := map[string]*apisource.EventNames{}
	for _, in := range inputs {
		if in.API != nil && names[in.Gateway] == nil {
			names[in.Gateway] = apisource.NewEventNames()
		}
	}
	return names
}

// APIClient is how the audit API of an input is asked. It reads the proxy's secret
// and sends nothing.
func APIClient(api *config.APIInput) (apisource.ClientConfig, error) {
	proxy, err := api.Proxy.Reveal()
	if err != nil {
		return apisource.ClientConfig{}, fmt.Errorf("proxy: %w", err)
	}
	c := apisource.ClientConfig{
		URL: api.URL, Username: api.Username, Proxy: proxy, Timeout: time.Duration(api.Timeout),
		CAFile: api.CAFile, CertFile: api.CertFile, KeyFile: api.KeyFile,
	}
	if !api.APIKey.IsZero() {
		c.APIKey = api.APIKey.Reveal
	}
	if !api.Password.IsZero() {
		c.Password = api.Password.Reveal
	}
	return c, nil
}

func (p *Pipeline) buildAPI(in config.Input, o Options, names *apisource.EventNames) (source, error) {
	client, err := APIClient(in.API)
	if err != nil {
		return nil, err
	}
	log := p.log.With().Str("input", in.ID).Logger()
	s, err := apisource.New(apisource.Config{
		Input: in.ID, Gateway: in.Gateway, Client: client, Names: names, Once: o.Once,
		PollInterval: time.Duration(in.API.PollInterval), Overlap: time.Duration(in.API.Overlap),
		Since: time.Duration(in.API.Since), PageSize: in.API.PageSize,
		Condition: func(reason string) {
			if p.condition("input/"+in.ID, reason) && reason != "" {
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
