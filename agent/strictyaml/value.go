package strictyaml

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time. A file writes it as a number with a unit, or
// several of them in falling order: 500ms, 90s, 10m, 2h, 7d12h, 180d, 1w. A day
// is 24 hours.
type Duration time.Duration

const day = Duration(24 * time.Hour)

// Duration gives the span as Go's own type.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

var daysPattern = regexp.MustCompile(`^(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(.*)$`)

// ParseDuration reads what a configuration file may hold: Go's notation with d
// and w in front. Negative spans and numbers without a unit are errors, and so
// is what does not fit (about 292 years).
func ParseDuration(s string) (Duration, error) {
	m := daysPattern.FindStringSubmatch(s)
	if m == nil || s == "" || strings.HasPrefix(m[3], "-") || strings.HasPrefix(m[3], "+") {
		return 0, errDuration
	}
	weeks, _ := strconv.Atoi(m[1]) // "" is 0, and six digits always fit
	days, _ := strconv.Atoi(m[2])
	days += 7 * weeks
	var rest time.Duration
	if m[3] != "" {
		var err error
		if rest, err = time.ParseDuration(m[3]); err != nil || m[3] == "0" {
			return 0, errDuration // the error of time.ParseDuration quotes the value
		}
	}
	if int64(days) > math.MaxInt64/int64(day) {
		return 0, errDuration
	}
	total := Duration(days)*day + Duration(rest)
	if total < 0 {
		return 0, errDuration
	}
	return total, nil
}

var errDuration = fmt.Errorf("not a time span such as 30s, 10m, 7d12h or 180d")

// String prints the shortest form that ParseDuration reads back.
func (d Duration) String() string {
	var b strings.Builder
	if days := d / day; days > 0 {
		fmt.Fprintf(&b, "%dd", days)
		d -= days * day
	}
	if d == 0 && b.Len() > 0 {
		return b.String()
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return b.String() + s
}

// MarshalYAML writes the form of String.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// Bytes is a size in bytes. A file writes it with a unit: 512KiB, 8MiB, 1GiB
// (powers of 1024), 500KB, 8MB, 1GB (powers of 1000), 100B, or a bare number of
// bytes.
type Bytes int64

// Sizes.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// units lists the larger ones first, since String takes the first that fits.
var units = []struct {
	name string
	size Bytes
}{
	{"TiB", 1 << 40}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

var bytesPattern = regexp.MustCompile(`^([0-9]{1,18}) ?([A-Za-z]*)$`)

// ParseBytes reads what a configuration file may hold. The unit's case does not
// matter.
func ParseBytes(s string) (Bytes, error) {
	m := bytesPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, errBytes
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, errBytes
	}
	for _, u := range units {
		if !strings.EqualFold(u.name, m[2]) {
			continue
		}
		if n > math.MaxInt64/int64(u.size) {
			return 0, errBytes
		}
		return Bytes(n) * u.size, nil
	}
	return 0, errBytes
}

var errBytes = fmt.Errorf("not a size such as 512KiB, 8MiB or 1GiB")

// String prints the largest power of 1024 that divides the size, or bytes.
func (b Bytes) String() string {
	for _, u := range units {
		if strings.HasSuffix(u.name, "iB") && b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalYAML writes the form of String.
func (b Bytes) MarshalYAML() (any, error) { return b.String(), nil }
