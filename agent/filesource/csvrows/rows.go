package csvrows

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
)

// Rows cuts rows out of a stretch of a CSV file's bytes. It needs to know only the
// table of what came before the stretch. Call Reset, then Next until it is false.
//
// A quote that is missing or too many makes everything behind it mean something else,
// so reading then goes on at the next line that is a whole row by itself.
type Rows struct {
	Pos        int          // where the unfinished rest begins
	Start, End int          // of the row or fault that Next found
	Reason     event.Reason // "" for a row, otherwise one of event.Reason…

	table *Table
	data  []byte
	final bool // nothing will be appended to data
	cells []cell
}

// Reset begins with the row at pos of data. final says that nothing follows data.
func (r *Rows) Reset(t *Table, data []byte, pos int, final bool) {
	r.Pos, r.Start, r.End, r.Reason = pos, 0, 0, ""
	r.table, r.data, r.final = t, data, final
}

// Next finds the next row or fault.
func (r *Rows) Next() bool {
	for r.skipBlank() {
		got := r.table.readRow(r.data, r.Pos, r.final, r.cells)
		r.cells = got.cells
		switch {
		case got.state == rowWhole && bytes.Equal(r.data[r.Pos:got.end], r.table.header):
			r.Pos = got.next // another export was appended
		case got.state == rowWhole && r.fits(got):
			r.Start, r.End, r.Pos = r.Pos, got.end, got.next
			r.Reason = r.spoiled()
			return true
		case got.state == rowShort && !r.final && !r.swallows():
			return false
		default:
			return r.broken(got)
		}
	}
	return false
}

// fits reports whether a whole row is one of the table, and brings its cells to the
// table's columns. Cells that are too many must be empty. Cells may be missing at the
// end, as spreadsheets leave them out, if the row is sure to be one: with a time, and
// with nothing behind it that may be its rest.
func (r *Rows) fits(got row) bool {
	n := len(got.cells)
	switch {
	case n > r.table.columns:
		for _, c := range got.cells[r.table.columns:] {
			if c.start != c.end {
				return false
			}
		}
		r.cells = got.cells[:r.table.columns]
		return true
	case n < r.table.columns && (!r.hasTime(got) || !r.standsAlone(got.next)):
		return false
	}
	for ; n < r.table.columns; n++ {
		r.cells = append(r.cells, cell{})
	}
	return true
}

// leastDigits are in every time that can be read.
const leastDigits = 8

// hasTime reports whether a row has what may be a time where the table has its.
func (r *Rows) hasTime(got row) bool {
	if r.table.time < 0 || r.table.time >= len(got.cells) || len(got.cells) < leastKnown {
		return false
	}
	digits := 0
	for _, c := range got.cells[r.table.time].text(r.data, nil) {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits >= leastDigits
}

// standsAlone reports whether what follows a row is a row, a blank line, or not there.
func (r *Rows) standsAlone(next int) bool {
	end := lineAfter(r.data, next)
	if len(bytes.Trim(r.data[next:end], " \t\r\n\x00")) == 0 {
		return true
	}
	row := r.table.readRow(r.data, next, r.final, nil)
	if row.state != rowWhole {
		return row.state == rowShort && !r.final
	}
	return r.hasTime(row) || bytes.Equal(r.data[next:row.end], r.table.header)
}

// spoiled is the reason why a row is no record although it is whole: a spreadsheet
// has rounded one of its ids.
func (r *Rows) spoiled() event.Reason {
	for _, column := range r.table.ids {
		if isRounded(r.cells[column].text(r.data, nil)) {
			return event.ReasonSpreadsheet
		}
	}
	return ""
}

// isRounded reports whether a text is a number as spreadsheets write a long one:
// 1.23457E+17.
func isRounded(text []byte) bool {
	mantissa, exponent, ok := bytes.Cut(text, []byte("E+"))
	if !ok || len(mantissa) == 0 || len(exponent) < 2 || mantissa[0] < '0' || mantissa[0] > '9' {
		return false
	}
	return len(bytes.Trim(mantissa, "0123456789.,")) == 0 && len(bytes.Trim(exponent, "0123456789")) == 0
}

// skipBlank moves to the next line that is not blank, and reports whether there is
// one.
func (r *Rows) skipBlank() bool {
	for r.Pos < len(r.data) {
		rest := bytes.TrimPrefix(r.data[r.Pos:], []byte("\xef\xbb\xbf"))
		r.Pos = len(r.data) - len(rest)
		end := lineAfter(r.data, r.Pos)
		if len(bytes.Trim(r.data[r.Pos:end], " \t\r\n\x00")) > 0 {
			return true
		}
		if end == len(r.data) && !r.final && r.data[end-1] != '\n' {
			return false
		}
		r.Pos = end
	}
	return false
}

// swallowed is how many lines that look like rows an open quote may hold before it
// counts as a mistake.
const swallowed = 3

// swallows reports whether the row that does not end seems to hold others: lines
// with the right number of cells and a digit in the time.
func (r *Rows) swallows() bool {
	n := 0
	for line := lineAfter(r.data, r.Pos); line < len(r.data) && n < swallowed; {
		next := lineAfter(r.data, line)
		row := r.table.readRow(r.data[:next], line, false, r.cells)
		r.cells = row.cells
		if row.state == rowWhole && row.next == next && len(row.cells) == r.table.columns && r.table.time >= 0 &&
			bytes.ContainsAny(row.cells[r.table.time].text(r.data, nil), "0123456789") {
			n++
		}
		line = next
	}
	return n == swallowed
}

// broken reports what begins at Pos as a fault: up to the next line that is a whole
// row, at most to the end of a row that merely has the wrong number of cells; false
// if more bytes are needed.
func (r *Rows) broken(got row) bool {
	limit, reason := len(r.data), event.ReasonBrokenRow
	if got.state == rowWhole {
		limit = got.next
	}
	end := r.nextWhole(limit)
	if end == len(r.data) && r.data[end-1] != '\n' && (r.data[end-1] != '\r' || !r.table.bareCR) {
		switch cut := bytes.LastIndexAny(r.data[r.Pos:end-1], "\r\n"); {
		case r.final && (got.state == rowShort || len(got.cells) < r.table.columns):
			reason = event.ReasonCutShort
		case !r.final && cut < 0:
			return false
		case !r.final:
			end = r.Pos + cut + 1
		}
	}
	r.Start, r.Reason = r.Pos, reason
	r.End = r.Pos + len(bytes.TrimRight(r.data[r.Pos:end], " \t\r\n\x00"))
	r.Pos = end
	return true
}

const (
	// attempts is how many attempts to find a whole row look at all that there is.
	attempts = 64
	// farthest is how far those after them look, in bytes.
	farthest = 64 << 10
)

// nextWhole is the start of the first line behind Pos and before limit that is a
// whole row, or limit. Where more bytes may come, one that may become a whole row
// is taken for it.
func (r *Rows) nextWhole(limit int) int {
	n := 0
	for line := lineAfter(r.data, r.Pos); line < limit; line = lineAfter(r.data, line) {
		data := r.data
		if n++; n > attempts {
			data = data[:min(len(data), line+farthest)]
		}
		row := r.table.readRow(data, line, r.final, r.cells)
		r.cells = row.cells
		switch {
		case row.state == rowWhole && len(row.cells) == r.table.columns, row.state == rowShort && !r.final:
			return line
		}
	}
	return limit
}
