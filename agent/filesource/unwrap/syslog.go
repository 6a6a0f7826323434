package unwrap

import (
	"bytes"
	"strings"
	"time"
)

// isSyslog reports whether a line has a header of syslog for sure: with a priority,
// or in front of a record.
func isSyslog(line []byte) bool {
	var p part
	return readSyslog(line, &p) && (line[0] == '<' || len(p.text) > 0 && p.text[0] == '{' && !levels[strings.ToLower(p.host)])
}

// levels are what stands behind the time in the lines of loggers, in the host's place.
var levels = map[string]bool{
	"trace": true, "debug": true, "info": true, "notice": true, "warn": true, "warning": true, "error": true, "fatal": true, "audit": true,
}

// readSyslog reads the headers of RFC 5424 and RFC 3164, and both as daemons write
// them into files, without the priority.
func readSyslog(line []byte, p *part) bool {
	rest, priority := afterPriority(line)
	if priority && len(rest) > 1 && rest[0] >= '1' && rest[0] <= '9' && rest[1] == ' ' {
		return readNewSyslog(rest[2:], p)
	}
	return readOldSyslog(rest, priority, p)
}

// afterPriority moves over <14>.
func afterPriority(line []byte) (rest []byte, ok bool) {
	end := bytes.IndexByte(line[:min(len(line), len("<999>"))], '>')
	if end < 2 || line[0] != '<' || !areDigits(line[1:end]) {
		return line, false
	}
	return line[end+1:], true
}

func areDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// readNewSyslog reads what follows the version of RFC 5424.
func readNewSyslog(rest []byte, p *part) bool {
	var fields [5][]byte // time, host, application, process, message id
	for i := range fields {
		var ok bool
		if fields[i], rest, ok = bytes.Cut(rest, []byte{' '}); !ok || len(fields[i]) == 0 || len(fields[i]) > longestName {
			return false
		}
	}
	text, ok := afterStructuredData(rest)
	if !ok {
		return false
	}
	p.time, p.host = known(fields[0]), known(fields[1])
	p.text = append(p.text[:0], message(text)...)
	return true
}

// readOldSyslog reads what follows the priority of RFC 3164: a time without a year, or
// one of RFC 3339 as newer daemons write it, the host, and mostly a tag.
func readOldSyslog(rest []byte, priority bool, p *part) bool {
	stamp, rest := afterStamp(rest)
	if len(stamp) == 0 && !priority {
		return false
	}
	host, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok || len(host) == 0 || len(host) > longestName || bytes.ContainsAny(host, "{@[\"") {
		return false
	}
	p.time = ""
	if len(stamp) > len(time.Stamp) {
		p.time = string(stamp) // the other form names no year
	}
	p.host = string(host)
	p.text = append(p.text[:0], message(afterTag(rest))...)
	return true
}

// afterStamp moves over the time of RFC 3164, if there is one.
func afterStamp(rest []byte) (stamp, after []byte) {
	if n := len(time.Stamp); len(rest) > n && rest[n] == ' ' {
		if _, err := time.Parse(time.Stamp, string(rest[:n])); err == nil {
			return rest[:n], rest[n+1:]
		}
	}
	word, after, ok := bytes.Cut(rest, []byte{' '})
	if ok && len(word) >= len("2006-01-02T15:04:05Z") && len(word) <= longestStamp && word[4] == '-' && word[10] == 'T' && areDigits(word[:4]) {
		return word, after
	}
	return nil, rest
}

// longestStamp is RFC 3339 with nanoseconds and an offset.
const longestStamp = len("2006-01-02T15:04:05.000000000+00:00")

// longestTag bounds a tag with its process.
const longestTag = 128

// afterTag moves over "api7[123]: ".
func afterTag(rest []byte) []byte {
	if end := bytes.IndexByte(rest[:min(len(rest), longestTag)], ':'); end > 0 && !bytes.ContainsAny(rest[:end], " {@\"") {
		return bytes.TrimPrefix(rest[end+1:], []byte{' '})
	}
	return rest
}

// known is a field of RFC 5424, "" for the dash that stands for none.
func known(field []byte) string {
	if string(field) == "-" {
		return ""
	}
	return string(field)
}

var cee = []byte("@cee:")

// message is what follows the header, without the mark of UTF-8 and the cookie that
// announces JSON.
func message(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	inner := bytes.TrimLeft(text, " ")
	if after, ok := bytes.CutPrefix(inner, cee); ok {
		return bytes.TrimLeft(after, " ")
	}
	if len(inner) > 0 && inner[0] == '{' {
		return inner
	}
	return text
}

// afterStructuredData moves over the structured data of RFC 5424: - or [...][...].
func afterStructuredData(text []byte) ([]byte, bool) {
	if after, ok := bytes.CutPrefix(text, []byte("-")); ok {
		return bytes.TrimPrefix(after, []byte(" ")), len(after) == 0 || after[0] == ' '
	}
	if len(text) == 0 || text[0] != '[' {
		return nil, false
	}
	for len(text) > 0 && text[0] == '[' {
		end := elementEnd(text)
		if end < 0 {
			return nil, false
		}
		text = text[end:]
	}
	return bytes.TrimPrefix(text, []byte(" ")), true
}

// elementEnd is where an element of structured data ends: at a bracket outside of
// quotes.
func elementEnd(text []byte) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && text[i] == ']':
			return i + 1
		}
	}
	return -1
}
