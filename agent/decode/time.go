package decode

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// The unit of a number is told by its size: below 10^11 it is seconds (until
// the year 5138), below 10^14 milliseconds (from 1973), below 10^17
// microseconds, above that nanoseconds.
const (
	maxSeconds      = 100_000_000_000
	maxMilliseconds = 1000 * maxSeconds
	maxMicroseconds = 1000 * maxMilliseconds
)

// layouts are the textual forms besides RFC 3339. The time package takes a
// fraction after the seconds of each, with a point or a comma.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", // with a comma or one-digit hours
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05Z07",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 -0700 MST",
	"2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
	"2006-01-02",
	"2006/01/02 15:04:05 Z0700",
	"2006/01/02 15:04:05",
	"02/Jan/2006:15:04:05 -0700",
	"02 Jan 2006 15:04:05 -0700",
	"Jan 2, 2006 15:04:05",
	"Jan 2, 2006 3:04:05 PM",
	time.RFC1123Z,
	time.RFC1123,
	time.RFC850,
	time.RubyDate,
	time.UnixDate,
	time.ANSIC,
}

// longestTime bounds what is tried against the layouts.
const longestTime = 64

// readTime reads event_time. What lies before 1970 or after 9999 is no time:
// the one is how an unset time is written, the other Elasticsearch cannot read.
func (d *Decoder) readTime(token event.Token) (time.Time, bool) {
	d.text = token.AppendText(d.text[:0])
	text := bytes.TrimSpace(d.text)
	t, ok := d.readLayout(text)
	if !ok {
		t, ok = readNumber(text)
	}
	t = t.UTC()
	if !ok || t.Unix() < 0 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// readNumber reads a number of any unit, with or without a fraction.
func readNumber(text []byte) (time.Time, bool) {
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	n, ok := readDigits(whole)
	if !ok {
		return readFloat(text)
	}
	nanos, ok := readFraction(fraction)
	if !ok {
		return readFloat(text)
	}
	switch {
	case n < maxSeconds:
		return time.Unix(n, nanos), true
	case n < maxMilliseconds:
		return time.Unix(n/1000, n%1000*1_000_000+nanos/1000), true
	case n < maxMicroseconds:
		return time.Unix(n/1_000_000, n%1_000_000*1000+nanos/1_000_000), true
	}
	return time.Unix(n/1_000_000_000, n%1_000_000_000), true
}

// readFraction reads the digits after a point as billionths.
func readFraction(digits []byte) (int64, bool) {
	var n int64
	scale := int64(100_000_000)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n += int64(c-'0') * scale
		scale /= 10
	}
	return n, true
}

// readFloat reads what is written with an exponent, and 19 digits.
func readFloat(text []byte) (time.Time, bool) {
	if len(text) > longestTime || len(text) == 0 || text[0] < '0' || text[0] > '9' {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return time.Unix(n/1_000_000_000, n%1_000_000_000), true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f > math.MaxInt64/2 {
		return time.Time{}, false
	}
	switch {
	case f < maxSeconds:
		return time.UnixMilli(int64(math.Round(f * 1000))), true
	case f < maxMilliseconds:
		return time.UnixMilli(int64(math.Round(f))), true
	case f < maxMicroseconds:
		return time.UnixMicro(int64(math.Round(f))), true
	}
	return time.Unix(0, int64(f)), true
}

func (d *Decoder) readLayout(text []byte) (time.Time, bool) {
	if len(text) < len("2006-01-02") || len(text) > longestTime || bytes.IndexByte(text, ':') < 0 && text[4] != '-' {
		return time.Time{}, false
	}
	var t time.Time
	if t.UnmarshalText(text) == nil { // RFC 3339, without allocating
		return t, true
	}
	s := string(text)
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, s, d.location)
		if err == nil {
			return t, knownZone(t, d.location)
		}
	}
	return time.Time{}, false
}

// knownZone refuses a time whose zone is an abbreviation that the time package
// does not know: it would be read as UTC, hours away from the truth.
func knownZone(t time.Time, local *time.Location) bool {
	if t.Location() == time.UTC || t.Location() == local {
		return true
	}
	name, offset := t.Zone()
	return offset != 0 || name == "" || name == "UTC" || name == "GMT"
}
