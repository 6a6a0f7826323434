package report

import (
	"strings"

	"github.com/rivo/uniseg"
)

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
