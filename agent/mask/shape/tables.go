package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/rule"
)

// maxCells is how many columns of a table are looked at.
const maxCells = 64

// Tables reads tables in a text: CSV, TSV, Markdown and columns between blanks. A
// line that names columns, one of which is sensitive, says what the cells below it
// hold, up to a line that is no row of the table.
func Tables(text []byte, r *Reader) {
	t := table{Reader: r, text: text}
	for start := 0; start < len(text); {
		end := lineEnd(text, start)
		t.line(start, end)
		start = end + 1
	}
}

// table is the table that was read last.
type table struct {
	*Reader
	text    []byte
	by      byte // what stands between cells, 0 outside of a table
	columns []rule.ID
	cells   []detect.Span
}

func (t *table) line(start, end int) {
	if t.by != 0 {
		t.cells = split(t.text, start, end, t.by, t.cells[:0])
		if len(t.cells) == len(t.columns) {
			t.row()
			return
		}
		t.by = 0
	}
	for _, by := range []byte("\t|,; ") {
		t.cells = split(t.text, start, end, by, t.cells[:0])
		if len(t.cells) > 1 && len(t.cells) <= maxCells {
			t.header(by)
			return
		}
	}
}

// header takes a line for the head of a table if every cell can be a name and one
// of them is sensitive.
func (t *table) header(by byte) {
	t.columns = t.columns[:0]
	sensitive := false
	for _, c := range t.cells {
		name := t.text[c.Start:c.End]
		if len(name) > 40 || !columnChars.All(name) || len(name) == 0 && by != '|' {
			return
		}
		column := rule.None
		if len(name) > 0 && bytes.Count(name, []byte(" ")) < 3 {
			column = t.Ask(name).Named
		}
		sensitive = sensitive || column != rule.None
		t.columns = append(t.columns, column)
	}
	if sensitive {
		t.by = by
	}
}

var columnChars = chars.Alnum("_-. /()").WithHigh()

func (t *table) row() {
	for i, c := range t.cells {
		cell := t.text[c.Start:c.End]
		if by := t.columns[i]; by != rule.None && len(bytes.Trim(cell, "-:")) > 0 {
			t.value(t.text, c, by)
		}
	}
}

// split cuts a line into its cells, without the blanks and quotes around them. by
// is what stands between them; a blank means two or more. Beyond maxCells it stops.
func split(text []byte, start, end int, by byte, cells []detect.Span) []detect.Span {
	quoted := false
	from := start
	for i := start; i <= end && len(cells) <= maxCells; i++ {
		switch {
		case i == end:
		case text[i] == '"' && by != ' ':
			quoted = !quoted
			continue
		case quoted || text[i] != by || by == ' ' && (i+1 >= end || text[i+1] != ' '):
			continue
		}
		cells = append(cells, trimmed(text, from, i))
		for by == ' ' && i+1 < end && text[i+1] == ' ' {
			i++
		}
		from = i + 1
	}
	return cells
}

// trimmed is a cell without blanks and quotes.
func trimmed(text []byte, start, end int) detect.Span {
	blank := func(c byte) bool { return c == ' ' || c == '\r' || c == '"' || c == '\'' || c == '`' || c == '\t' }
	for start < end && blank(text[start]) {
		start++
	}
	for end > start && blank(text[end-1]) {
		end--
	}
	return span(start, end)
}
