package filesource

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
)

// rows cuts rows out of a stretch of a CSV file's bytes, RFC 4180 with any line
// end. It needs to know only the table of what came before the stretch.
//
// A row with the wrong number of cells, or with a quote where none may be, is a
// fault. A quote that is missing or too many makes everything behind it mean
// something else, so reading then goes on at the next line that is a whole row by
// itself.
type rows struct {
	frame
	table *table
	data  []byte
	final bool // nothing will be appended to data
	cells []cell
}

func (r *rows) reset(t *table, data []byte, pos int, final bool) {
	r.frame = frame{pos: pos}
	r.table, r.data, r.final = t, data, final
}

// next finds the next row or fault.
func (r *rows) next() bool {
	for r.skipBlank() {
		got := readRow(r.data, r.pos, r.table.separator, r.final, r.cells)
		r.cells = got.cells
		switch {
		case got.state == rowWhole && bytes.Equal(r.data[r.pos:got.end], r.table.header):
			r.pos = got.next // another export was appended
		case got.state == rowWhole && len(got.cells) == r.table.columns:
			r.start, r.end, r.reason, r.pos = r.pos, got.end, "", got.next
			return true
		case got.state == rowShort && !r.final && !r.swallows():
			return false
		default:
			return r.broken(got)
		}
	}
	return false
}

// skipBlank moves to the next line that is not blank, and reports whether there is
// one.
func (r *rows) skipBlank() bool {
	for r.pos < len(r.data) {
		rest := bytes.TrimPrefix(r.data[r.pos:], []byte("\xef\xbb\xbf"))
		r.pos = len(r.data) - len(rest)
		line, _, ended := bytes.Cut(rest, []byte{'\n'})
		if len(bytes.Trim(line, " \t\r\x00")) > 0 {
			return true
		}
		if !ended && !r.final {
			return false
		}
		r.pos = min(r.pos+len(line)+1, len(r.data))
	}
	return false
}

// swallowed is how many lines that look like rows an open quote may hold before it
// counts as a mistake.
const swallowed = 3

// swallows reports whether the row that does not end seems to hold others: lines
// with the right number of cells and a digit in the time.
func (r *rows) swallows() bool {
	n := 0
	for line := lineAfter(r.data, r.pos); line < len(r.data) && n < swallowed; {
		next := lineAfter(r.data, line)
		row := readRow(r.data[:next], line, r.table.separator, false, r.cells)
		r.cells = row.cells
		if row.state == rowWhole && row.next == next && len(row.cells) == r.table.columns && r.table.time >= 0 &&
			bytes.ContainsAny(row.cells[r.table.time].text(r.data, nil), "0123456789") {
			n++
		}
		line = next
	}
	return n == swallowed
}

// broken reports what begins at pos as a fault: up to the next line that is a
// whole row, at most to the end of a row that merely has the wrong number of
// cells; false if more bytes are needed.
func (r *rows) broken(got row) bool {
	limit, reason := len(r.data), event.ReasonBrokenRow
	if got.state == rowWhole {
		limit = got.next
	}
	end := r.nextWhole(limit)
	if end == len(r.data) && r.data[end-1] != '\n' {
		switch cut := bytes.LastIndexByte(r.data[r.pos:], '\n'); {
		case r.final && (got.state == rowShort || len(got.cells) < r.table.columns):
			reason = event.ReasonCutShort
		case !r.final && cut < 0:
			return false
		case !r.final:
			end = r.pos + cut + 1
		}
	}
	r.start, r.reason = r.pos, reason
	r.end = r.pos + len(bytes.TrimRight(r.data[r.pos:end], " \t\r\n\x00"))
	r.pos = end
	return true
}

// maxAttempts is how many attempts to find a whole row look at all that there is.
const maxAttempts = 64

// farthest is how far those after them look.
const farthest = 64 << 10

// nextWhole is the start of the first line behind pos and before limit that is a
// whole row, or limit. Where more bytes may come, one that may become a whole row
// is taken for it.
func (r *rows) nextWhole(limit int) int {
	attempts := 0
	for line := lineAfter(r.data, r.pos); line < limit; line = lineAfter(r.data, line) {
		data := r.data
		if attempts++; attempts > maxAttempts {
			data = data[:min(len(data), line+farthest)]
		}
		row := readRow(data, line, r.table.separator, r.final, r.cells)
		r.cells = row.cells
		switch {
		case row.state == rowWhole && len(row.cells) == r.table.columns, row.state == rowShort && !r.final:
			return line
		}
	}
	return limit
}

// lineAfter is where the line after the one at pos starts, or the end of data.
func lineAfter(data []byte, pos int) int {
	if n := bytes.IndexByte(data[pos:], '\n'); n >= 0 {
		return pos + n + 1
	}
	return len(data)
}

type rowState int

const (
	rowWhole  rowState = iota
	rowShort           // data ends inside it, or inside a quote
	rowBroken          // a quote stands where none may be
)

// row is what readRow found.
type row struct {
	cells []cell
	end   int // of the last cell with its quotes
	next  int // behind the line end
	state rowState
}

// readRow reads the row at pos. The cells are appended to the memory of cells.
func readRow(data []byte, pos int, separator byte, final bool, cells []cell) row {
	r := row{cells: cells[:0], next: pos}
	for {
		c, after, state := readCell(data, r.next, separator)
		r.cells = append(r.cells, c)
		switch {
		case state != rowWhole:
			r.state = state
			return r
		case after == len(data) && !final:
			r.state = rowShort
			return r
		case after < len(data) && data[after] == separator:
			r.next = after + 1
			continue
		}
		r.end, r.next = after, min(after+1, len(data))
		if after > pos && data[after-1] == '\r' {
			r.end--
		}
		return r
	}
}

// cell is where the text of a cell stands, without its quotes.
type cell struct {
	start, end int
	quoted     bool
}

// readCell reads the cell at pos. after is where the separator or the line feed
// behind it stands, or the end of data.
func readCell(data []byte, pos int, separator byte) (c cell, after int, state rowState) {
	if pos < len(data) && data[pos] == '"' {
		return readQuoted(data, pos, separator)
	}
	after = pos
	for after < len(data) && data[after] != separator && data[after] != '\n' {
		if data[after] == '"' {
			return c, after, rowBroken
		}
		after++
	}
	end := after
	if end > pos && data[end-1] == '\r' && (end == len(data) || data[end] == '\n') {
		end--
	}
	return cell{start: pos, end: end}, after, rowWhole
}

func readQuoted(data []byte, pos int, separator byte) (c cell, after int, state rowState) {
	at := pos + 1
	for {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return c, len(data), rowShort
		}
		at += n + 1
		if at == len(data) || data[at] != '"' {
			break
		}
		at++ // a doubled quote
	}
	c = cell{start: pos + 1, end: at - 1, quoted: true}
	if at < len(data) && data[at] == '\r' && (at+1 == len(data) || data[at+1] == '\n') {
		at++
	}
	if at < len(data) && data[at] != separator && data[at] != '\n' {
		return c, at, rowBroken
	}
	return c, at, rowWhole
}

// text is what the cell says: as it stands between quotes, with doubled ones made
// one in the memory of scratch; without the white space around it otherwise.
func (c cell) text(data []byte, scratch *[]byte) []byte {
	text := data[c.start:c.end]
	if !c.quoted {
		return bytes.TrimSpace(text)
	}
	if bytes.IndexByte(text, '"') < 0 {
		return text
	}
	if scratch == nil {
		scratch = new([]byte)
	}
	*scratch = (*scratch)[:0]
	for i := 0; i < len(text); i++ {
		*scratch = append(*scratch, text[i])
		if text[i] == '"' {
			i++
		}
	}
	return *scratch
}
