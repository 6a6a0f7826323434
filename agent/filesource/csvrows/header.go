package csvrows

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/event"
)

// separators are what may stand between the cells of a row: the comma of RFC 4180,
// the semicolon of spreadsheets in half of Europe, tabs, and the bar of databases.
const separators = ",;\t|"

const (
	// leastKnown is how many columns of a header must be known.
	leastKnown = 2
	// Longest is how many bytes of a file a header, with what stands before it, may
	// take.
	Longest = 4096
	// preamble is how many lines may stand before the header.
	preamble = 20
)

// Read tells whether a file that begins with data is a CSV file. If so it returns its
// table and where the header row ends. told is false while that cannot be known; final
// says that nothing follows data. rename is the configuration's: from the header of a
// column to the record's name.
func Read(data []byte, final bool, rename map[string]string) (t *Table, end int, told bool) {
	if len(data) > Longest {
		data, final = data[:Longest], false
	}
	start := len(data) - len(bytes.TrimLeft(data, " \t\r\n\x00\xef\xbb\xbf"))
	if start == len(data) {
		return nil, 0, final || len(data) == Longest
	}
	use := separators
	for line := range preamble {
		if start >= len(data) || data[start] == '{' || data[start] == '[' {
			return nil, 0, final || start < len(data) || len(data) == Longest
		}
		if separator := excelSeparator(data[start:]); separator != 0 {
			use = string(separator)
		}
		t, end, whole := readHeader(data, start, final, use, rename)
		if t != nil && (line == 0 || t.isSure()) {
			return t, end, true
		}
		if !whole && len(data) < Longest && !final {
			return nil, 0, false
		}
		start = lineAfter(data, start)
		start = len(data) - len(bytes.TrimLeft(data[start:], " \t\r\n\x00"))
	}
	return nil, 0, true
}

// readHeader reads the line at start as a header, with each of the separators. whole
// is false where the line may not be there as a whole.
func readHeader(data []byte, start int, final bool, use string, rename map[string]string) (t *Table, end int, whole bool) {
	whole = true
	for _, separator := range []byte(use) {
		d := dialect{separator: separator}
		r := d.readRow(data, start, final, nil)
		if r.state == rowShort {
			whole = false
		}
		if r.state != rowWhole {
			continue
		}
		d.bareCR = r.next > r.end && data[r.end] == '\r' && r.next == r.end+1
		if t := newTable(d, data[start:r.end], data, r.cells, rename); t != nil {
			return t, r.next, true
		}
	}
	return nil, 0, whole
}

var sepLine = regexp.MustCompile(`^"?(?i:sep)=(.)"?[\r\n]`)

// excelSeparator is what the line names as separator, sep=;, 0 for another line.
func excelSeparator(line []byte) byte {
	if m := sepLine.FindSubmatch(line); m != nil {
		return m[1][0]
	}
	return 0
}

// zoneInTitle is a zone that a title names in brackets: Time (UTC+08:00).
var zoneInTitle = regexp.MustCompile(`(?i)[(（\[]\s*(?:(?:utc|gmt)\s*([+-]\d{1,2}(?::?\d{2})?)?|([+-]\d{2}:?\d{2})|z)\s*[)）\]]\s*$`)

// inBrackets is anything else that a title adds in brackets.
var inBrackets = regexp.MustCompile(`\s*[(（\[][^)）\]]*[)）\]]\s*$`)

// readTitle tells the record's name for a header, "" for one that is not known, and the
// zone that it names, as +08:00.
func readTitle(header string) (name, zone string) {
	if name := event.ColumnName(header); name != "" {
		return name, ""
	}
	bare := inBrackets.ReplaceAllString(header, "")
	name = event.ColumnName(bare)
	m := zoneInTitle.FindStringSubmatch(header)
	if name != event.EventTimeName || m == nil {
		return name, ""
	}
	return name, cmp.Or(m[1]+m[2], "Z")
}

// newTable is nil for a row that is no header of audit records.
func newTable(d dialect, row, data []byte, cells []cell, rename map[string]string) *Table {
	t := &Table{dialect: d, header: bytes.Clone(row), columns: len(cells), time: -1}
	headers := make([]string, len(cells))
	names := make([]string, len(cells))
	renamed := make([]bool, len(cells))
	for i, c := range cells {
		headers[i] = strings.TrimSpace(string(c.text(data, nil)))
		var zone string
		if from, to := lookUp(rename, headers[i]); to != "" {
			headers[i], names[i], renamed[i] = from, to, true
		} else if names[i], zone = readTitle(headers[i]); zone != "" {
			t.zone = zone
		}
		if names[i] != "" {
			t.known++
		}
	}
	if t.known < leastKnown {
		return nil
	}
	for i, name := range names {
		t.addColumn(i, headers[i], name, renamed[i], names)
	}
	return t
}

// lookUp finds what the configuration renames a header to, without regard to case.
func lookUp(rename map[string]string, header string) (from, to string) {
	if to = rename[header]; to != "" {
		return header, to
	}
	for from, to := range rename {
		if strings.EqualFold(from, header) {
			return from, to
		}
	}
	return "", ""
}

// isSure reports whether a line behind others is a header and no sentence of a title.
func (t *Table) isSure() bool { return t.known >= 3 || t.time >= 0 && t.known*2 >= t.columns }

// has reports whether a name of the record's is a member of an object.
func has(names []string, object string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, object+".") })
}
