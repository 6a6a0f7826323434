package reconcile

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// longestRefresh is the longest refresh interval that is waited out.
const longestRefresh = time.Minute

// waitForRefresh waits until search sees every change that was made before the
// comparison began: as long as the slowest backing index takes to refresh. A longer
// interval is told instead.
func (c *comparison) waitForRefresh(ctx context.Context) error {
	interval, err := c.refreshInterval(ctx)
	if err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	if interval < 0 || interval > longestRefresh {
		c.summary.Unrefreshed = "the last " + interval.String()
		if interval < 0 {
			c.summary.Unrefreshed = "since refresh was turned off"
		}
		return nil
	}
	return peer.Sleep(ctx, interval+interval/10)
}

// refreshInterval is the longest of the backing indices; negative where one is never
// refreshed. Without one set Elasticsearch refreshes within a second, or when it is
// searched.
func (c *comparison) refreshInterval(ctx context.Context) (time.Duration, error) {
	var answer map[string]struct {
		Settings struct {
			Index struct {
				RefreshInterval string `json:"refresh_interval"`
			} `json:"index"`
		} `json:"settings"`
	}
	path := "/" + url.PathEscape(c.summary.Stream) + "/_settings/index.refresh_interval?ignore_unavailable=true"
	if err := c.o.Client.JSON(ctx, http.MethodGet, path, nil, &answer); err != nil {
		return 0, fmt.Errorf("read how often the backing indices are refreshed: %w", err)
	}
	longest := time.Second
	for _, x := range answer {
		text := x.Settings.Index.RefreshInterval
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text) // Elasticsearch writes days as d, and nobody means those
		if text == "-1" || err != nil || d < 0 {
			return -1, nil
		}
		longest = max(longest, d)
	}
	return longest, nil
}
