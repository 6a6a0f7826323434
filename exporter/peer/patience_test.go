package peer

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		header string
		want   time.Duration
	}{
		"absent":              {"", 0},
		"seconds":             {"120", 2 * time.Minute},
		"seconds with spaces": {" 3 ", 3 * time.Second},
		"zero":                {"0", 0},
		"negative":            {"-5", 0},
		"a date ahead":        {"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		"a date gone by":      {"Sun, 01 Mar 2026 11:00:00 GMT", 0},
		"years in seconds":    {"99999999999", 24 * time.Hour},
		"years as a date":     {"Mon, 01 Mar 2032 12:00:00 GMT", 24 * time.Hour},
		"overflow":            {"99999999999999999999999999", 0},
		"not a time":          {"soon", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := RetryAfter(http.Header{"Retry-After": {tt.header}}, now); got != tt.want {
				t.Errorf("Retry-After %q is %v, want %v", tt.header, got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "1e9", "Sun, 01 Mar 2026 12:00:30 GMT", "18446744073709551616"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := RetryAfter(http.Header{"Retry-After": {s}}, time.Unix(1_800_000_000, 0))
		if d < 0 || d > 24*time.Hour {
			t.Errorf("Retry-After %q is %v", s, d)
		}
	})
}

// A date is meant by the sender's clock, where it shows one.
func TestRetryAfterBySendersClock(t *testing.T) {
	h := http.Header{"Retry-After": {"Fri, 20 Nov 2026 13:00:20 GMT"}, "Date": {"Fri, 20 Nov 2026 13:00:00 GMT"}}
	if got := RetryAfter(h, time.Unix(1_700_000_000, 0)); got != 20*time.Second {
		t.Errorf("%v", got)
	}
}

func TestBackoffGrowsAndStaysBounded(t *testing.T) {
	b := Backoff{Min: 100 * time.Millisecond, Max: time.Second, AskedMax: 5 * time.Second}
	for failed := range 200 {
		most := min(time.Second, 100*time.Millisecond<<min(max(failed-1, 0), 10))
		if d := b.Pause(failed, 0); d < most/2 || d > most {
			t.Errorf("pause %d is %v, want between %v and %v", failed, d, most/2, most)
		}
	}
	if d := b.Pause(1, time.Hour); d != 5*time.Second {
		t.Errorf("with Retry-After of an hour it is %v, want 5s", d)
	}
	if d := (Backoff{}).Pause(3, 0); d != 0 {
		t.Errorf("without bounds it is %v", d)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := Sleep(t.Context(), -time.Hour); err != nil {
		t.Error(err)
	}
}
