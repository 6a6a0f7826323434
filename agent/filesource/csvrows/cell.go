package csvrows

import "bytes"

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

// dialect says how the rows of a file are written.
type dialect struct {
	separator byte
	// bareCR says that rows end with CR alone: one at the end of what was read
	// is then no half of a CRLF.
	bareCR bool
}

// readRow reads the row at pos. The cells are appended to the memory of cells.
func (d dialect) readRow(data []byte, pos int, final bool, cells []cell) row {
	r := row{cells: cells[:0], next: pos}
	for {
		c, after, state := d.readCell(data, r.next)
		r.cells = append(r.cells, c)
		switch {
		case state != rowWhole:
			r.state = state
			return r
		case after < len(data) && data[after] == d.separator:
			r.next = after + 1
			continue
		}
		r.end = after
		next, ended := d.lineBreak(data, after)
		if !ended && !final {
			r.state = rowShort
		}
		r.next = next
		return r
	}
}

// lineBreak moves over the line end at pos; ended is false where it may not be there
// as a whole yet.
func (d dialect) lineBreak(data []byte, pos int) (next int, ended bool) {
	switch {
	case pos >= len(data):
		return pos, false
	case data[pos] == '\n':
		return pos + 1, true
	case pos+1 == len(data):
		return pos + 1, d.bareCR
	case data[pos+1] == '\n':
		return pos + 2, true
	}
	return pos + 1, true
}

// cell is where the text of a cell stands, without its quotes.
type cell struct {
	start, end int
	quoted     bool
}

// readCell reads the cell at pos. after is where the separator or the line end behind
// it stands, or the end of data.
func (d dialect) readCell(data []byte, pos int) (c cell, after int, state rowState) {
	if pos < len(data) && data[pos] == '"' {
		return d.readQuoted(data, pos)
	}
	after = pos
	for after < len(data) && !d.endsCell(data[after]) {
		if data[after] == '"' && !d.isWithin(data, pos, after) {
			return c, after, rowBroken
		}
		after++
	}
	return cell{start: pos, end: after}, after, rowWhole
}

func (d dialect) endsCell(c byte) bool { return c == d.separator || c == '\n' || c == '\r' }

// isWithin reports whether the quote at i stands inside the words of a cell that began
// at start, as in 5" pipe or say "hi" there: not where a quoted cell may begin or end.
func (d dialect) isWithin(data []byte, start, i int) bool {
	return i > start && i+1 < len(data) && !d.endsCell(data[i+1]) && data[i+1] != '"' && data[i-1] != '"' && (data[i-1] == ' ' || data[i+1] == ' ')
}

func (d dialect) readQuoted(data []byte, pos int) (c cell, after int, state rowState) {
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
	for at < len(data) && data[at] == ' ' && d.separator != ' ' {
		at++ // before the separator it says nothing
	}
	if at < len(data) && !d.endsCell(data[at]) {
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

// lineAfter is where the line after the one at pos starts, or the end of data.
func lineAfter(data []byte, pos int) int {
	for i := pos; i < len(data); i++ {
		switch {
		case data[i] == '\n':
			return i + 1
		case data[i] == '\r' && i+1 < len(data) && data[i+1] != '\n':
			return i + 1
		}
	}
	return len(data)
}
