package ecs

import "time"

// minute is the text of a minute; the times of neighbouring records share it.
type minute struct {
	unix int64
	text []byte
}

// appendTime appends a time in UTC as the type date reads it: with
// milliseconds, and finer where it is finer.
func (m *minute) appendTime(dst []byte, t time.Time) []byte {
	unix := t.Unix()
	if unix < 0 {
		return t.UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	if m.text == nil || m.unix != unix/60 {
		m.unix = unix / 60
		m.text = t.UTC().AppendFormat(m.text[:0], "2006-01-02T15:04:")
	}
	dst = append(dst, m.text...)
	dst = append(appendDigits(dst, int(unix%60), 2), '.')
	switch ns := t.Nanosecond(); {
	case ns%1_000 != 0:
		dst = appendDigits(dst, ns, 9)
	case ns%1_000_000 != 0:
		dst = appendDigits(dst, ns/1_000, 6)
	default:
		dst = appendDigits(dst, ns/1_000_000, 3)
	}
	return append(dst, 'Z')
}

// appendDigits appends a number of at most nine digits with leading zeros.
func appendDigits(dst []byte, n, width int) []byte {
	var digits [9]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[:width]...)
}
