package eventtime

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// The unit of a number is told by its size: below 10^11 it is seconds (until the
// year 5138), below 10^14 milliseconds (from 1973), below 10^17 microseconds, above
// that nanoseconds.
const (
	maxSeconds      = 100_000_000_000
	maxMilliseconds = 1000 * maxSeconds
	maxMicroseconds = 1000 * maxMilliseconds
)

// maxSerial is above every day number of a spreadsheet: the year 2173.
const maxSerial = 100_000

// readNumber reads a number of any unit, with or without a fraction or an exponent.
// ok says that the text is a number.
func readNumber(text []byte) (t time.Time, problem Problem, ok bool) {
	if text[0] == '-' && len(text) > 1 && isDigit(text[1]) {
		if _, err := strconv.ParseFloat(string(text), 64); err == nil {
			return t, TooOld, true
		}
	}
	if !isDigit(text[0]) {
		return t, "", false
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	n, isWhole := readDigits(whole)
	nanos, isFraction := readFraction(fraction)
	if !isWhole || !isFraction {
		return readFloat(text)
	}
	if t, ok := readCompact(whole); ok && len(fraction) == 0 {
		return t, "", true
	}
	if problem := serial(float64(n), nanos != 0); problem != "" {
		return t, problem, true
	}
	switch {
	case n < maxSeconds:
		return time.Unix(n, nanos), "", true
	case n < maxMilliseconds:
		return time.Unix(n/1000, n%1000*1_000_000+nanos/1000), "", true
	case n < maxMicroseconds:
		return time.Unix(n/1_000_000, n%1_000_000*1000+nanos/1_000_000), "", true
	}
	return time.Unix(n/1_000_000_000, n%1_000_000_000), "", true
}

// serial tells zero and the day numbers of spreadsheets.
func serial(n float64, more bool) Problem {
	switch {
	case n == 0 && !more:
		return Zero
	case n >= 10_000 && n < maxSerial: // from 1927 on
		return Serial
	}
	return ""
}

// readCompact reads 20261128 and 20261128100000: as numbers they would lie before
// the year 2000 or centuries ahead.
func readCompact(digits []byte) (t time.Time, ok bool) {
	if len(digits) != 8 && len(digits) != 14 || digits[0] != '2' || digits[1] != '0' {
		return t, false
	}
	layout := "20060102150405"[:len(digits)]
	t, err := time.Parse(layout, string(digits))
	return t, err == nil
}

// readDigits reads a number of at most 19 digits.
func readDigits(digits []byte) (int64, bool) {
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if !isDigit(c) || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// readFraction reads the digits after a point as billionths.
func readFraction(digits []byte) (int64, bool) {
	var n int64
	scale := int64(100_000_000)
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		n += int64(c-'0') * scale
		scale /= 10
	}
	return n, true
}

// readFloat reads what is written with an exponent.
func readFloat(text []byte) (t time.Time, problem Problem, ok bool) {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || bytes.ContainsAny(text, "xXpP_") {
		return t, "", false
	}
	if f > math.MaxInt64/2 {
		return t, Ahead, true
	}
	if problem := serial(f, false); problem != "" {
		return t, problem, true
	}
	unit := 1.0 // of a second
	switch {
	case f >= maxMicroseconds:
		unit = 1e9
	case f >= maxMilliseconds:
		unit = 1e6
	case f >= maxSeconds:
		unit = 1e3
	}
	if resolution(text) > unit {
		return t, Rounded, true
	}
	seconds, rest := math.Modf(f / unit)
	return time.Unix(int64(seconds), int64(math.Round(rest*1e6))*1000), "", true
}

// resolution is what the last digit of a number with an exponent stands for.
func resolution(text []byte) float64 {
	mantissa, exponent, _ := bytes.Cut(bytes.ToLower(text), []byte{'e'})
	_, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	n, err := strconv.Atoi(string(bytes.TrimPrefix(exponent, []byte{'+'})))
	if err != nil {
		return 0 // no exponent: every digit is there
	}
	return math.Pow10(n - len(fraction))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
