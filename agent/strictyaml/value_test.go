package strictyaml

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	tests := map[string]Duration{
		"0s":      0,
		"500ms":   Duration(500 * time.Millisecond),
		"90s":     Duration(90 * time.Second),
		"1h30m":   Duration(90 * time.Minute),
		"1.5h":    Duration(90 * time.Minute),
		"180d":    180 * day,
		"7d12h":   7*day + Duration(12*time.Hour),
		"1w":      7 * day,
		"2w3d4h":  17*day + Duration(4*time.Hour),
		"106751d": 106751 * day,
	}
	for in, want := range tests {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "60", "-5m", "+5m", "5 m", "1d-2h", "2h1d", "1d2w", "d", "1.5d", "106752d", "106751d24h", "9999999d", "abc", "1h\n"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestDurationString(t *testing.T) {
	tests := map[Duration]string{
		0:                                "0s",
		Duration(time.Minute):            "1m",
		Duration(10 * time.Minute):       "10m",
		Duration(time.Hour):              "1h",
		Duration(100 * time.Second):      "1m40s",
		7*day + Duration(12*time.Hour):   "7d12h",
		180 * day:                        "180d",
		Duration(250 * time.Millisecond): "250ms",
		day + Duration(time.Minute+time.Nanosecond): "1d1m0.000000001s",
	}
	for d, want := range tests {
		if got := d.String(); got != want {
			t.Errorf("%d ns prints %q, want %q", int64(d), got, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	tests := map[string]Bytes{
		"0": 0, "100": 100, "100B": 100, "1KB": 1000, "1KiB": 1024, "8MiB": 8 << 20,
		"8 MiB": 8 << 20, "8mib": 8 << 20, "5MB": 5e6, "1GiB": 1 << 30, "2GB": 2e9, "3TiB": 3 << 40,
	}
	for in, want := range tests {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "1.5MiB", "MiB", "8M", "8 MiB ", "8MiBs", "9999999999999999999", "9999999TiB", "٨MiB"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %v, want an error", in, got)
		}
	}
}

// What is printed is read back as the same.
func TestValuesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64Min(0).Draw(t, "nanoseconds"))
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%d prints as %s and is read as %d, %v", d, d, got, err)
		}
		b := Bytes(rapid.Int64Range(0, 999_999_999_999_999_999).Draw(t, "bytes"))
		if got, err := ParseBytes(b.String()); err != nil || got != b {
			t.Fatalf("%d prints as %s and is read as %d, %v", int64(b), b, int64(got), err)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"180d", "7d12h", "1w2d3h4m5s", "0", "-1s", "999999w999999d9999999h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d || d < 0 {
			t.Fatalf("%q is %d, prints as %s, is read as %d, %v", s, d, d, again, err)
		}
	})
}

func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"8MiB", "100", "1 GB", "-1", "99999999999TiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseBytes(s)
		if err != nil {
			return
		}
		if again, err := ParseBytes(b.String()); err != nil || again != b || b < 0 {
			t.Fatalf("%q is %d, prints as %s, is read as %d, %v", s, int64(b), b, int64(again), err)
		}
	})
}
