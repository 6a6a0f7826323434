package exporter

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads the header of that name: a count of seconds or a date
// (RFC 9110, section 10.2.3). What is neither, or lies in the past, counts as
// not given. Nobody means years: more than a day is cut to a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	const day = 24 * time.Hour
	if n, err := strconv.ParseUint(v, 10, 64); err == nil {
		return time.Duration(min(n, uint64(day/time.Second))) * time.Second
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return max(0, min(t.Sub(now), day))
}
