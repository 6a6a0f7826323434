package input

import (
	"fmt"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
)

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
