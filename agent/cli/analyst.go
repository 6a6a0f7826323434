package cli

import (
	"errors"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
	reports "github.com/auditship/auditship/exporter/report"
)

// analystClient signs in for a command that only reads the trail. It needs no more of
// the configuration than elasticsearch, whose namespace it gives. The caller closes
// the client.
func (p *program) analystClient() (client *exporter.Client, namespace string, err error) {
	cfg, err := p.withoutInputs(config.Env{}, func(cfg *config.Config) []config.Secret {
		return []config.Secret{cfg.Elasticsearch.APIKey, cfg.Elasticsearch.Password}
	})
	if err != nil {
		return nil, "", err
	}
	client, err = newElasticsearch(cfg.Elasticsearch)
	return client, cfg.Elasticsearch.Namespace, err
}

// reported gives the errors of reading the trail their exit code.
func reported(err error) error {
	var misuse *reports.UsageError
	switch {
	case errors.As(err, &misuse):
		return misused(err)
	case errors.Is(err, peer.ErrUnreachable):
		return unreachable(err)
	}
	return err
}
