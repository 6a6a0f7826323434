package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"

	"github.com/auditship/auditship/exporter/printable"
)

// blockEncoder writes a block of lines for each record: what happened on the
// first, then each value that the record has under its title, JSON indented.
type blockEncoder struct {
	w       *bufio.Writer
	columns []Column
	opts    Options
	titles  int // cells of the widest title
}

func newBlockEncoder(w *bufio.Writer, columns []Column, opts Options) *blockEncoder {
	e := &blockEncoder{w: w, columns: columns, opts: opts}
	for _, c := range columns {
		e.titles = max(e.titles, cells(c.Title))
	}
	return e
}

// blockRule is how long the line over a block is where the terminal's width is
// not known.
const blockRule = 80

func (e *blockEncoder) record(r *record) error {
	heading := "── " + r.hit.time().In(e.opts.Location).Format(timeLayout)
	for _, path := range []string{"api7.audit.event_name", "user.name", "event.outcome"} {
		if s := printable.Line(text(r.field(path))); s != "" {
			heading += " · " + s
		}
	}
	width := e.opts.Width
	if width == 0 {
		width = blockRule
	}
	heading += " "
	heading += strings.Repeat("─", max(2, width-cells(heading)))
	if _, err := e.w.WriteString(heading + "\n"); err != nil {
		return err
	}
	for _, c := range e.columns {
		if c.isTime() {
			continue
		}
		if err := e.value(c, c.value(r)); err != nil {
			return err
		}
	}
	return e.w.WriteByte('\n')
}

// value writes a title and its value, whose further lines stand under its
// first one.
func (e *blockEncoder) value(c Column, v json.RawMessage) error {
	if v == nil {
		return nil
	}
	title := pad(c.Title, e.titles)
	for line := range strings.SplitSeq(readable(v), "\n") {
		if _, err := e.w.WriteString(strings.TrimRight(title+"  "+printable.Line(line), " ") + "\n"); err != nil {
			return err
		}
		title = strings.Repeat(" ", e.titles)
	}
	return nil
}

// readable is a value for the eye: objects and arrays indented, text with its
// own line breaks.
func readable(v json.RawMessage) string {
	if v[0] == '{' || v[0] == '[' && bytes.ContainsRune(v, '{') {
		var b bytes.Buffer
		if json.Indent(&b, v, "", "  ") == nil {
			return b.String()
		}
	}
	return strings.TrimRight(text(v), "\r\n")
}

func (e *blockEncoder) end() error { return nil }
