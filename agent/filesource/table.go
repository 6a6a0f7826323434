package filesource

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// table is what the header row of a CSV file says: which member of the record
// each column is. It never changes.
type table struct {
	separator byte
	header    []byte // the row, to know it again where exports were concatenated
	columns   int
	time      int // the column of event_time, -1 without one
	members   []*member
}

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

// separators are what may stand between the cells of a row: the comma of RFC
// 4180, the semicolon of spreadsheets in half of Europe, and tabs.
const separators = ",;\t"

// leastKnown is how many columns of a header must be known.
const leastKnown = 2

// readHeader tells whether a file that begins with data is a CSV file. If so it
// returns its table and where the header row ends. told is false while that
// cannot be known: the first row is not complete, and final says that more may
// come. A header is at most window bytes long.
func readHeader(data []byte, final bool) (t *table, end int, told bool) {
	if len(data) > window {
		data, final = data[:window], false
	}
	start := len(data) - len(bytes.TrimLeft(data, " \t\r\n\x00\xef\xbb\xbf"))
	if start == len(data) {
		return nil, 0, len(data) == window
	}
	if data[start] == '{' || data[start] == '[' {
		return nil, 0, true
	}
	told = true
	for _, separator := range []byte(separators) {
		r := readRow(data, start, separator, final, nil)
		if r.state == rowShort && len(data) < window && !final {
			told = false
		}
		if r.state != rowWhole {
			continue
		}
		if t := newTable(data[start:r.end], data, r.cells, separator); t != nil {
			return t, r.next, true
		}
	}
	return nil, 0, told
}

// newTable is nil for a row that is no header of audit records.
func newTable(row, data []byte, cells []cell, separator byte) *table {
	t := &table{separator: separator, header: bytes.Clone(row), columns: len(cells), time: -1}
	headers := make([]string, len(cells))
	names := make([]string, len(cells))
	known := 0
	for i, c := range cells {
		headers[i] = strings.TrimSpace(string(c.text(data, nil)))
		if names[i] = event.ColumnName(headers[i]); names[i] != "" {
			known++
		}
	}
	if known < leastKnown {
		return nil
	}
	for i, name := range names {
		t.addColumn(i, headers[i], name, names)
	}
	return t
}

// addColumn gives a column its place in the record: under the record's own name
// where it has one that is free, otherwise under the text of its header.
func (t *table) addColumn(column int, header, name string, names []string) {
	m := &member{column: column}
	switch {
	case name == "operator" && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "operator.") }):
		name = "operator.username"
	case name == "operator":
		m.parsed, m.within = true, []byte(`{"username":`)
	case event.IsObject(name), strings.HasSuffix(name, ".body"), strings.HasSuffix(name, ".headers"):
		m.parsed = true
	case name == "" && event.IsObject(header[:max(0, strings.IndexByte(header, '.'))]):
		name = header
	}
	if name != "" && t.place(name, m) {
		if name == event.EventTimeName {
			t.time = column
		}
		return
	}
	*m = member{column: column}
	if header == "" {
		header = fmt.Sprintf("column %d", column+1)
	}
	free := header
	for n := 2; slices.ContainsFunc(t.members, func(other *member) bool { return other.name == free }); n++ {
		free = fmt.Sprintf("%s (%d)", header, n)
	}
	m.setName(free)
	t.members = append(t.members, m)
}

// place puts a member under a dotted path. It is false where something else
// stands there, or on the way.
func (t *table) place(path string, m *member) bool {
	parts := strings.Split(path, ".")
	if len(parts) > 8 || slices.Contains(parts, "") {
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

// rowWriter writes rows as the JSON texts of records. The same row always becomes
// the same text: the _id of a record without an id is made of it.
type rowWriter struct {
	scanner jsonscan.Scanner
	text    []byte // scratch: a cell without its doubled quotes
}

// append appends the record of a row. Cells that are empty have no member.
func (w *rowWriter) append(dst, data []byte, t *table, cells []cell) []byte {
	dst, _ = w.object(dst, data, t.members, cells)
	return dst
}

// object reports whether the object has a member.
func (w *rowWriter) object(dst, data []byte, members []*member, cells []cell) ([]byte, bool) {
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
			dst, some = w.object(dst, data, m.members, cells)
		} else {
			dst, some = w.cell(dst, m, cells[m.column].text(data, &w.text))
		}
		if some {
			first = false
		} else {
			dst = dst[:before]
		}
	}
	return append(dst, '}'), !first
}

func (w *rowWriter) cell(dst []byte, m *member, text []byte) ([]byte, bool) {
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
func (w *rowWriter) isJSON(text []byte) bool {
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
