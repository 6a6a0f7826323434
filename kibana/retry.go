package kibana

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// retry says whether a request is worth sending again: Kibana is starting or
// busy, or the connection broke. It never is after an answer that says no.
func retry(ctx context.Context, res *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil { // knows which of these cannot heal, such as an untrusted certificate
		return retryablehttp.DefaultRetryPolicy(ctx, res, err)
	}
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

// backoff waits as long as Retry-After asks for, but at most limit, or
// without it twice as long each time, with jitter.
func backoff(least, limit time.Duration, attempt int, res *http.Response) time.Duration {
	if res != nil {
		if wait, ok := retryAfter(res.Header.Get("Retry-After"), time.Now()); ok {
			return min(wait, limit)
		}
	}
	wait := limit
	if attempt < 30 { // below the overflow of the shift
		wait = min(limit, least<<attempt)
	}
	if wait <= 0 {
		return 0
	}
	return wait/2 + rand.N(wait/2+1)
}

// retryAfter reads the header of that name, seconds or a date (RFC 9110,
// section 10.2.3). ok is false if it is neither.
func retryAfter(header string, now time.Time) (wait time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if s, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(s) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
