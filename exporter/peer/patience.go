package peer

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Backoff says how long to wait before something is tried again.
type Backoff struct {
	// Min and Max bound the pause, which doubles from one to the other with
	// each failed try; between half and all of it is waited, by chance.
	Min, Max time.Duration
	// AskedMax bounds what a peer may ask for with Retry-After.
	AskedMax time.Duration
}

// Or fills what is zero from def.
func (b Backoff) Or(def Backoff) Backoff {
	return Backoff{cmp.Or(b.Min, def.Min), cmp.Or(b.Max, def.Max), cmp.Or(b.AskedMax, def.AskedMax)}
}

// Pause is the pause after the given number of failed tries, or what the peer
// asked for if that is longer.
func (b Backoff) Pause(failed int, asked time.Duration) time.Duration {
	d := b.Min << min(max(failed-1, 0), 20)
	if d <= 0 || d > b.Max {
		d = b.Max
	}
	return max(Jitter(d), min(asked, b.AskedMax))
}

// Jitter is between half and all of d, by chance, so that many who wait do not
// come back at once.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// Sleep waits, or returns ctx.Err() early.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// RetryAfter reads the header of that name: a count of seconds or a date (RFC
// 9110, section 10.2.3), the latter by the peer's own clock where it shows it.
// What is neither, or lies in the past, counts as not given. Nobody means years:
// more than a day is cut to a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	const day = 24 * time.Hour
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(n, uint64(day/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, min(until.Sub(now), day))
}
