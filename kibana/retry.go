package kibana

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/auditship/auditship/exporter/peer"
)

// retry says whether a request is worth sending again: Kibana is starting or
// busy, or the connection broke. It never is after an answer that says no.
func retry(ctx context.Context, res *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil { // knows which of these cannot heal
		again, _ := retryablehttp.DefaultRetryPolicy(ctx, res, err)
		return again && !peer.Untrusted(err), err
	}
	return busy(res.StatusCode), nil
}

// busy says of a status that the same request may succeed later.
func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause is how long to wait after the given number of retries.
func pause(b peer.Backoff, retries int, res *http.Response) time.Duration {
	var asked time.Duration
	if res != nil {
		asked = peer.RetryAfter(res.Header, time.Now())
	}
	return b.Pause(retries+1, asked)
}
