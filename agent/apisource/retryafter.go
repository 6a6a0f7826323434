package apisource

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads the header of that name: a count of seconds or a date (RFC 9110,
// section 10.2.3), the latter by the sender's own clock where it shows it. What is
// neither, or lies in the past, counts as not given, and nobody means more than most.
func retryAfter(h http.Header, now time.Time, most time.Duration) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(n, uint64(most/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, min(until.Sub(now), most))
}
