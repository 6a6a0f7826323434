package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// valueAfter is the value behind the separator at sep, whose key starts at
// start.
func valueAfter(text []byte, start, sep int) detect.Span {
	from := sep + 1
	for from < len(text) && bytes.IndexByte([]byte(" \t=>:"), text[from]) >= 0 {
		from++ // also := => ==
	}
	escapes := 0
	for from+escapes < len(text) && text[from+escapes] == '\\' {
		escapes++
	}
	if at := from + escapes; at < len(text) && isQuote(text[at]) {
		return span(at+1, closingQuote(text, at, escapes))
	}
	if from < len(text) && (text[from] == '{' || text[from] == '[') {
		if end := JSONEnd(text, from); end > 0 {
			return span(from, end)
		}
	}
	end, whole := bareEnd(text, start, sep, from)
	if whole && text[sep] == ':' {
		return folded(text, start, from, end)
	}
	return span(from, end)
}

// isMapping says whether the value behind the separator at sep has names in it: an
// object, or lines further in of which the first is a pair.
func isMapping(text []byte, sep int, v detect.Span) bool {
	if v.Start >= v.End {
		return false
	}
	if text[v.Start] == '{' {
		return true
	}
	line := text[v.Start:min(lineEnd(text, v.Start), v.End)]
	at := bytes.IndexByte(line, ':')
	return bytes.IndexByte(text[sep:v.Start], '\n') >= 0 && at > 0 && (at+1 == len(line) || line[at+1] == ' ')
}

// folded adds to the line text[from:end], the value of the key at start, the
// lines behind it that belong to the value: those further in, as YAML and folded
// headers have them, and the items of a list.
func folded(text []byte, start, from, end int) detect.Span {
	column := start - max(0, lineStart(text, start))
	empty := from == end
	for end < len(text) {
		next := end + 1
		if text[end] == '\r' && next < len(text) && text[next] == '\n' {
			next++
		}
		in := next
		for in < len(text) && (text[in] == ' ' || text[in] == '\t') {
			in++
		}
		item := empty && in-next == column && chars.HasPrefix(text[in:], "- ")
		if endsLine(text, in) || in-next <= column && !item {
			break
		}
		if from == end {
			from = in
		}
		end = lineEnd(text, in)
	}
	return span(from, end)
}

// closingQuote is where the value ends whose opening quote stands at at, after
// so many backslashes. Without a closing quote it is the end of the text.
func closingQuote(text []byte, at, escapes int) int {
	for i := at + 1; i < len(text); i++ {
		if text[i] != text[at] {
			continue
		}
		n := 0
		for i-n-1 > at && text[i-n-1] == '\\' {
			n++
		}
		if n == escapes || n < escapes || n%2 == 0 && escapes == 0 {
			return i - n
		}
	}
	return len(text)
}

// JSONEnd is where the JSON value ends that starts at from, 0 if there is rule.None.
func JSONEnd(text []byte, from int) int {
	var s jsonscan.Scanner
	s.Reset(text[from:])
	if !s.Skip(s.Next()) {
		return 0
	}
	return from + s.End()
}

// bareEnd is where a value without quotes ends. A key at the start of its line
// has the whole line after a colon; otherwise a blank ends the value, and a
// separator does if another key follows it. whole says that it has the line.
func bareEnd(text []byte, start, sep, from int) (end int, whole bool) {
	if lineStart(text, start) >= 0 { // once a line, so that long lines are not read again and again
		line := lineEnd(text, from)
		if text[sep] == ':' || !bytes.ContainsAny(text[from:line], "=&;") {
			return line, true
		}
	}
	for i := from; i < len(text); i++ {
		switch c := text[i]; c {
		case '\r', '\n':
			return i, false
		case ' ', '\t', '"', '\'', '`', '<', '>':
			if i > from {
				return i, false
			}
		case '&', ';':
			if endsLine(text, i+1) || opensPair(text[i+1:]) {
				return i, false
			}
		case ',':
			if text[sep] == ':' && (endsLine(text, i+1) || text[i+1] == ' ') || opensPair(text[i+1:]) {
				return i, false
			}
		}
	}
	return len(text), false
}

// lineStart is where the line of a key starts that is the first thing on it, but
// for blanks, dashes and quotes; otherwise it is -1.
func lineStart(text []byte, i int) int {
	for i > 0 && bytes.IndexByte([]byte(" \t-\"'"), text[i-1]) >= 0 {
		i--
	}
	if i > 0 && text[i-1] != '\n' && text[i-1] != '\r' {
		return -1
	}
	return i
}

// lineEnd is where the line ends that i stands on.
func lineEnd(text []byte, i int) int {
	if at := bytes.IndexAny(text[i:], "\r\n"); at >= 0 {
		return i + at
	}
	return len(text)
}

func endsLine(text []byte, i int) bool { return i == len(text) || text[i] == '\n' || text[i] == '\r' }

// opensPair says whether a key and = follow.
func opensPair(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	n := nameChars.Run(text, 0)
	return n > 0 && n < len(text) && text[n] == '='
}

// Unescape resolves JSON's escapes where they are well formed.
func Unescape(text []byte) []byte {
	var s jsonscan.Scanner
	quoted := append(append([]byte{'"'}, text...), '"')
	s.Reset(quoted)
	if s.Next() != jsonscan.String || s.End() != len(quoted) {
		return text
	}
	return jsonscan.AppendUnquoted(nil, quoted)
}

// PlainName is a name as it is meant: without percent-encoding, of so many
// layers at most, and without the escapes of JSON.
func PlainName(name []byte, layers int) []byte {
	plain := name
	for range layers {
		if bytes.IndexByte(plain, '%') < 0 {
			break
		}
		plain = Unpercent(nil, plain, false)
	}
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain = Unescape(plain)
	}
	if bytes.IndexByte(plain, 0) >= 0 {
		plain = bytes.ReplaceAll(plain, []byte{0}, nil) // it was UTF-16 once
	}
	return plain
}
