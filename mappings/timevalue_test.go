package mappings

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimeValues(t *testing.T) {
	tests := map[string]struct {
		duration time.Duration
		want     string
	}{
		"days":         {180 * day, "180d"},
		"hours":        {36 * time.Hour, "36h"},
		"minutes":      {90 * time.Minute, "90m"},
		"seconds":      {61 * time.Second, "61s"},
		"milliseconds": {1500 * time.Millisecond, "1500ms"},
		"nothing":      {0, "0d"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := timeValue(tc.duration); got != tc.want {
				t.Errorf("timeValue: got %s, want %s", got, tc.want)
			}
			if got, err := parseTimeValue(tc.want); got != tc.duration || err != nil {
				t.Errorf("parseTimeValue: got %v, %v", got, err)
			}
		})
	}
}

func TestTimeValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(10000*day/time.Millisecond)).Draw(t, "ms")) * time.Millisecond
		if got, err := parseTimeValue(timeValue(d)); got != d || err != nil {
			t.Fatalf("%v became %s became %v, %v", d, timeValue(d), got, err)
		}
	})
}

func TestSameTime(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"in the same unit":   {"180d", "180d", true},
		"in another unit":    {"4320h", "180d", true},
		"another time":       {"90d", "180d", false},
		"nothing":            {"", "180d", false},
		"nothing on both":    {"", "", false},
		"without a unit":     {"180", "180d", false},
		"never":              {"-1", "180d", false},
		"more than fits":     {"99999999999999d", "180d", false},
		"microseconds":       {"1000micros", "1ms", true},
		"nanoseconds":        {"1000000nanos", "1ms", true},
		"a number of JSON's": {"1e2d", "100d", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := sameTime(tc.a, tc.b); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func FuzzParseTimeValue(f *testing.F) {
	for _, s := range []string{"180d", "7d", "0ms", "4320h", "-1", "1micros", "d", "", "9223372036854775807nanos"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseTimeValue(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q became %v", s, d)
		}
		if d%time.Millisecond == 0 && !sameTime(s, timeValue(d)) {
			t.Fatalf("%q became %v, written %s", s, d, timeValue(d))
		}
	})
}

func TestWhatUndoesASetting(t *testing.T) {
	for of, want := range map[string]string{
		".ds-logs-000001": `PUT .ds-logs-000001/_settings {"index.lifecycle.skip":null}`,
		"its template":    "take index.lifecycle.skip out of it",
	} {
		if got := undo(of, "index.lifecycle.skip"); got != want {
			t.Errorf("%s: %s", of, got)
		}
	}
}
