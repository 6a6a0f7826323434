package mask

import (
	"bytes"
	"unicode/utf8"
)

// Legible says whether a text that is no record can be masked with certainty:
// MaskText and Mask find in it what they would find in a record. It is not
// where it is no UTF-8 or has control characters, so that names may be spelled
// in ways that nobody reads, nor where it starts in the middle of a record, so
// that its first values have lost their names.
func Legible(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, isControl) && !startsInside(text)
}

// isControl says whether a character has no place in a text.
func isControl(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == utf8.RuneError
}

// startsInside says whether a text starts within a JSON value: its first quote
// closes a string, or it closes more brackets than it opens.
func startsInside(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 || text[0] == '{' || text[0] == '[' {
		return false
	}
	return bytes.IndexByte([]byte(",:}]"), text[0]) >= 0 || closesString(text) || closesMore(text)
}

// closesString says whether the first quote of a text ends a string.
func closesString(text []byte) bool {
	for at := range text {
		if text[at] != '"' || at > 0 && text[at-1] == '\\' {
			continue
		}
		before, behind := bytes.TrimRight(text[:at], " \t"), bytes.TrimLeft(text[at+1:], " \t\r\n")
		opens := len(before) == 0 || bytes.IndexByte([]byte("{[,:(="), before[len(before)-1]) >= 0
		return !opens && (len(behind) == 0 || bytes.IndexByte([]byte(",:}]"), behind[0]) >= 0)
	}
	return false
}

// closesMore says whether a text closes a bracket that it did not open, outside
// of quotes.
func closesMore(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return true
			}
		}
	}
	return false
}
