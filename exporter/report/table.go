package report

import (
	"bufio"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter/printable"
)

// sampleRows is how many records the widths of a table's columns are made of.
// They are held back until then.
const sampleRows = 200

// minWidth is how narrow a column may get so that the table fits.
const minWidth = 6

// tableEncoder writes aligned columns. Where the width of the terminal is
// known, cells are cut so that a record is one line.
type tableEncoder struct {
	w       *bufio.Writer
	columns []Column
	opts    Options
	sample  [][]string // nil once the widths are known
	widths  []int
}

func newTableEncoder(w *bufio.Writer, columns []Column, opts Options) *tableEncoder {
	heading := make([]string, len(columns))
	for i, c := range columns {
		heading[i] = strings.ToUpper(printable.Line(c.Title))
	}
	return &tableEncoder{w: w, columns: columns, opts: opts, sample: [][]string{heading}}
}

func (e *tableEncoder) record(r *record) error {
	row := make([]string, len(e.columns))
	for i, c := range e.columns {
		row[i] = tableCell(c, r, e.opts.Location)
	}
	if e.sample == nil {
		return e.line(row)
	}
	e.sample = append(e.sample, row)
	if len(e.sample) <= sampleRows {
		return nil
	}
	return e.flushSample(true)
}

// tableTime leaves the milliseconds away: the table is for looking, the other
// formats are for keeping.
const tableTime = "2006-01-02 15:04:05Z07:00"

func tableCell(c Column, r *record, zone *time.Location) string {
	if c.isTime() {
		return r.hit.time().In(zone).Format(tableTime)
	}
	return printable.Line(c.cell(r, zone))
}

func (e *tableEncoder) end() error {
	if e.sample == nil {
		return nil
	}
	return e.flushSample(false)
}

func (e *tableEncoder) flushSample(more bool) error {
	e.widths = fitWidths(e.sample, e.least(), e.opts.Width, more)
	for _, row := range e.sample {
		if err := e.line(row); err != nil {
			return err
		}
	}
	e.sample = nil
	return nil
}

// least is how narrow each column may get so that a line fits: the time stays
// whole, since without it a record says little.
func (e *tableEncoder) least() []int {
	least := make([]int, len(e.columns))
	for i, c := range e.columns {
		least[i] = minWidth
		if c.isTime() {
			least[i] = len("2006-01-02 15:04:05Z") // the zone may be cut
		}
	}
	return least
}

func (e *tableEncoder) line(row []string) error {
	var b strings.Builder
	for i, cell := range row {
		if e.opts.Width > 0 {
			cell = cut(cell, e.widths[i])
		}
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(pad(cell, e.widths[i]))
	}
	_, err := e.w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// fitWidths gives each column the width of its widest cell. Where that is more
// than a line, the widest columns give way, down to least; where it is not and
// more rows are to come, all get some of what is left.
func fitWidths(rows [][]string, least []int, line int, more bool) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], cells(cell))
		}
	}
	if line == 0 {
		return widths
	}
	room := line - 2*(len(widths)-1)
	for i := range widths {
		widths[i] = min(widths[i], line)
		room -= widths[i]
	}
	for ; room < 0; room++ {
		i := widest(widths, least)
		if i < 0 {
			break // too narrow a terminal: the lines wrap
		}
		widths[i]--
	}
	for i := 0; more && room > 0; room-- {
		widths[i]++
		i = (i + 1) % len(widths)
	}
	return widths
}

// widest is the widest column that may give way, -1 if there is none.
func widest(widths, least []int) int {
	found := -1
	for i, w := range widths {
		if w > least[i] && (found < 0 || w > widths[found]) {
			found = i
		}
	}
	return found
}
