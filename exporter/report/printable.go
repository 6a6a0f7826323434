package report

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Printable makes text safe for a terminal, on one line, as tables are.
func Printable(s string) string { return printable(s) }

// printable makes text safe for a terminal: what a record says must not move
// the cursor, change colours or the order of letters, or pretend to be another
// line. Line breaks and tabs become blanks; other control and format
// characters, escape sequences with them, become U+FFFD, so that one sees that
// there was something.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// cells is how many cells of a terminal a printable text takes.
func cells(s string) int { return uniseg.StringWidth(s) }

// cut shortens a printable text to a number of cells, one at least, and shows
// that it did.
func cut(s string, width int) string {
	if len(s) <= width || cells(s) <= width {
		return s
	}
	var b strings.Builder
	left := width - 1 // for the mark
	for g := uniseg.NewGraphemes(s); g.Next() && g.Width() <= left; {
		b.WriteString(g.Str())
		left -= g.Width()
	}
	return b.String() + "…"
}

// pad fills a text with blanks up to a number of cells.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-cells(s)))
}
