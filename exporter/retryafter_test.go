package exporter

import (
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
			if got := retryAfter(http.Header{"Retry-After": {tt.header}}, now); got != tt.want {
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
		d := retryAfter(http.Header{"Retry-After": {s}}, time.Unix(1_800_000_000, 0))
		if d < 0 || d > 24*time.Hour {
			t.Errorf("Retry-After %q is %v", s, d)
		}
	})
}
