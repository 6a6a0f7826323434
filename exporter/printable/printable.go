package printable

import (
	"strings"
	"unicode"
)

// Line is s on one line: line breaks and tabs become blanks, other control and format
// characters, escape sequences and those for the direction of writing with them, become
// U+FFFD, so that one sees that there was something. So does what is no UTF-8.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unsafe(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Text is Line for text of several lines, whose breaks and tabs stay.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unsafe(r) || r == '\u2028' || r == '\u2029') {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func unsafe(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
