package report

import (
	"bufio"
)

// jsonEncoder writes one record a line, as the elements of an array or each by
// itself.
type jsonEncoder struct {
	w       *bufio.Writer
	columns []Column
	opts    Options
	array   bool
	started bool
	line    []byte
}

func (e *jsonEncoder) record(r *record) error {
	e.line = e.line[:0]
	switch {
	case e.array && e.started:
		e.line = append(e.line, ",\n"...)
	case e.array:
		e.line = append(e.line, "[\n"...)
	}
	e.started = true
	if e.opts.Details {
		e.line = append(e.line, compact(r.hit.Source)...)
	} else {
		e.appendObject(r)
	}
	if !e.array {
		e.line = append(e.line, '\n')
	}
	_, err := e.w.Write(e.line)
	return err
}

// appendObject writes the columns as members, in their order.
func (e *jsonEncoder) appendObject(r *record) {
	for i, c := range e.columns {
		if i == 0 {
			e.line = append(e.line, '{')
		} else {
			e.line = append(e.line, ',')
		}
		e.line = append(append(e.line, quoted(c.Name)...), ':')
		switch v := c.value(r); {
		case c.isTime():
			e.line = append(e.line, quoted(c.cell(r, e.opts.Location))...)
		case v == nil:
			e.line = append(e.line, "null"...)
		default:
			e.line = append(e.line, compact(v)...)
		}
	}
	e.line = append(e.line, '}')
}

func (e *jsonEncoder) end() error {
	text := ""
	switch {
	case e.array && !e.started:
		text = "[]\n"
	case e.array:
		text = "\n]\n"
	}
	_, err := e.w.WriteString(text)
	return err
}
