package csvrows

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// Table is what the header row of a CSV file says: which member of the record each
// column is. It never changes.
type Table struct {
	dialect
	header  []byte // the row, to know it again where exports were concatenated
	columns int
	known   int    // columns with a name of the record's
	time    int    // the column of event_time, -1 without one
	zone    string // of times that name none, "" where the title names none
	ids     []int  // the columns whose long numbers must be whole
	members []*member
}

// Separator is what stands between the cells.
func (t *Table) Separator() byte { return t.separator }

// member is a key of the records that rows become: a column, or an object of
// members.
type member struct {
	name    string
	key     []byte // the name as a JSON string, and a colon
	column  int
	members []*member
	// parsed says that a cell that holds a JSON object or array stands for it.
	parsed bool
	// within wraps a cell that holds text into an object with this key.
	within []byte
}

// addColumn gives a column its place in the record: under the record's own name
// where it has one that is free, otherwise under the text of its header.
func (t *Table) addColumn(column int, header, name string, renamed bool, names []string) {
	switch name {
	case event.EventTimeName:
		if t.time < 0 {
			t.time = column
		}
	case event.IDName, "resource_id", "operator.id":
		t.ids = append(t.ids, column)
	}
	m := &member{column: column}
	switch {
	case name == "operator" && has(names, "operator"):
		name = "operator.username"
	case name == "operator" && !renamed:
		m.parsed, m.within = true, []byte(`{"username":`)
	case event.IsObject(name), strings.HasSuffix(name, ".body"), strings.HasSuffix(name, ".headers"):
		m.parsed = true
	case name == "" && event.IsObject(header[:max(0, strings.IndexByte(header, '.'))]):
		name = header
	}
	if name != "" && !renamed && t.place(name, m) {
		return
	}
	t.addUnknown(m, header, renamed)
}

// addUnknown places a column under the text of its header: one that the record has no
// name for, or that the configuration renames later.
func (t *Table) addUnknown(m *member, header string, renamed bool) {
	*m = member{column: m.column, parsed: m.parsed && renamed}
	if header == "" {
		header = fmt.Sprintf("column %d", m.column+1)
	}
	free := header
	for n := 2; slices.ContainsFunc(t.members, func(other *member) bool { return other.name == free }); n++ {
		free = fmt.Sprintf("%s (%d)", header, n)
	}
	m.setName(free)
	t.members = append(t.members, m)
}

// maxParts is how many names a dotted path may have.
const maxParts = 8

// place puts a member under a dotted path. It is false where something else
// stands there, or on the way.
func (t *Table) place(path string, m *member) bool {
	parts := strings.Split(path, ".")
	if len(parts) > maxParts || slices.Contains(parts, "") {
		return false
	}
	members := &t.members
	for i, part := range parts {
		last := i == len(parts)-1
		at := slices.IndexFunc(*members, func(other *member) bool { return other.name == part })
		switch {
		case at >= 0 && (last || (*members)[at].members == nil):
			return false
		case last:
			m.setName(part)
			*members = append(*members, m)
			return true
		case at < 0:
			at = len(*members)
			object := &member{column: -1}
			object.setName(part)
			*members = append(*members, object)
		}
		members = &(*members)[at].members
	}
	return false // not reached: parts is not empty
}

func (m *member) setName(name string) {
	m.name = name
	m.key = append(appendString(nil, []byte(name)), ':')
}

// Writer writes rows as the JSON texts of records.
type Writer struct {
	scanner jsonscan.Scanner
	text    []byte // scratch: a cell without its doubled quotes
	zoned   []byte // scratch: a time with the zone of its title
}

// Append appends the record of the row that r found. Cells that are empty have no
// member.
func (w *Writer) Append(dst []byte, r *Rows) []byte {
	dst, _ = w.object(dst, r, r.table.members)
	return dst
}

// object reports whether the object has a member.
func (w *Writer) object(dst []byte, r *Rows, members []*member) ([]byte, bool) {
	dst = append(dst, '{')
	first := true
	for _, m := range members {
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = append(dst, m.key...)
		var some bool
		if m.members != nil {
			dst, some = w.object(dst, r, m.members)
		} else {
			dst, some = w.cell(dst, m, w.textOf(r, m.column))
		}
		if some {
			first = false
		} else {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), !first
}

// bareTime is a date and time that names no zone.
var bareTime = regexp.MustCompile(`^\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?[ T,]*(?:[^\d\sA-Za-z]{2,12}\s*)?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?$`)

// textOf is what the cell of a column says, a time with the zone of its title.
func (w *Writer) textOf(r *Rows, column int) []byte {
	text := r.cells[column].text(r.data, &w.text)
	if column != r.table.time || r.table.zone == "" || !bareTime.Match(text) {
		return text
	}
	w.zoned = append(append(append(w.zoned[:0], text...), ' '), r.table.zone...)
	return w.zoned
}

func (w *Writer) cell(dst []byte, m *member, text []byte) ([]byte, bool) {
	switch {
	case len(text) == 0:
		return dst, false
	case m.parsed && w.isJSON(text):
		return append(dst, text...), true
	case m.within != nil:
		return append(appendString(append(dst, m.within...), text), '}'), true
	}
	return appendString(dst, text), true
}

// isJSON reports whether a cell holds one JSON object or array.
func (w *Writer) isJSON(text []byte) bool {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return false
	}
	w.scanner.Reset(text)
	return w.scanner.Skip(w.scanner.Next()) && w.scanner.Next() == jsonscan.EOF
}

const hexDigits = "0123456789abcdef"

// appendString appends text as a JSON string. Bytes that are not UTF-8 are passed
// through, as in any record.
func appendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
