package cli

import (
	"fmt"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/exporter"
)

// newElasticsearch makes the client of the configured Elasticsearch. It sends
// nothing. Key and password are read again for each request; the proxy is read
// once.
func newElasticsearch(es config.Elasticsearch) (*exporter.Client, error) {
	proxy, err := es.Proxy.Reveal()
	if err != nil {
		return nil, misused(fmt.Errorf("elasticsearch.proxy: %w", err))
	}
	cfg := exporter.Config{
		Addresses:     es.URLs,
		CloudID:       es.CloudID,
		Username:      es.Username,
		CAFile:        es.CAFile,
		CAFingerprint: es.CAFingerprint,
		Proxy:         proxy,
		Timeout:       es.Timeout.Duration(),
		UserAgent:     "auditship",
	}
	if !es.APIKey.IsZero() {
		cfg.APIKey = es.APIKey.Reveal
	}
	if !es.Password.IsZero() {
		cfg.Password = es.Password.Reveal
	}
	client, err := exporter.New(cfg)
	if err != nil {
		return nil, misused(err)
	}
	return client, nil
}
