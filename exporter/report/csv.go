package report

import (
	"bufio"
	"encoding/csv"
	"unicode/utf16"
)

// csvEncoder writes a heading and one line for each record.
type csvEncoder struct {
	out     *bufio.Writer
	w       *csv.Writer
	columns []Column
	opts    Options
	row     []string
	started bool
	long    int64 // cells that a spreadsheet would cut
}

// ExcelCell is how many characters Excel takes of a cell, in UTF-16 units.
// See https://support.microsoft.com/office/excel-specifications-and-limits.
const ExcelCell = 32_767

func newCSVEncoder(w *bufio.Writer, columns []Column, opts Options) *csvEncoder {
	e := &csvEncoder{out: w, w: csv.NewWriter(w), columns: columns, opts: opts, row: make([]string, len(columns))}
	e.w.Comma = opts.Separator
	return e
}

func (e *csvEncoder) start() error {
	if e.started {
		return nil
	}
	e.started = true
	if e.opts.BOM {
		if _, err := e.out.WriteString("\ufeff"); err != nil {
			return err
		}
	}
	for i, c := range e.columns {
		e.row[i] = e.defused(c.Title)
	}
	return e.w.Write(e.row)
}

func (e *csvEncoder) record(r *record) error {
	if err := e.start(); err != nil {
		return err
	}
	for i, c := range e.columns {
		e.row[i] = e.defused(c.cell(r, e.opts.Location))
		if len(e.row[i]) > ExcelCell && len(utf16.Encode([]rune(e.row[i]))) > ExcelCell {
			e.long++
		}
	}
	return e.w.Write(e.row)
}

// end writes the heading if no record came before it.
func (e *csvEncoder) end() error {
	if err := e.start(); err != nil {
		return err
	}
	e.w.Flush()
	return e.w.Error()
}

func (e *csvEncoder) defused(cell string) string {
	if e.opts.NoDefuse {
		return cell
	}
	return defuse(cell, e.w.Comma)
}
