package report

import (
	"bufio"
	"strings"

	"github.com/auditship/auditship/exporter/printable"
)

// lineEncoder writes a line for each record, as a person follows them on a terminal:
// the time, then the columns that the record has, coloured by whether it worked.
type lineEncoder struct {
	w       *bufio.Writer
	columns []Column
	opts    Options
	colours bool
}

// The colours of a terminal by outcome.
const (
	colourFailure = "\x1b[31m" // red
	colourSuccess = "\x1b[32m" // green
	colourOff     = "\x1b[0m"
)

func (e *lineEncoder) record(r *record) error {
	outcome := text(r.field("event.outcome"))
	cells := make([]string, 0, len(e.columns)+1)
	for _, c := range e.columns {
		if cell := tableCell(c, r, e.opts.Location); cell != "" {
			cells = append(cells, cell)
		}
	}
	cells = append(cells, e.coloured(outcome))
	_, err := e.w.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	return err
}

func (e *lineEncoder) coloured(outcome string) string {
	colour := map[string]string{"failure": colourFailure, "success": colourSuccess}[outcome]
	if !e.colours || colour == "" {
		return printable.Line(outcome)
	}
	return colour + outcome + colourOff
}

func (e *lineEncoder) end() error { return nil }
