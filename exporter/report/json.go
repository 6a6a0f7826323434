package report

import (
	"bufio"
	"fmt"
)

// jsonEncoder writes one record a line, as the elements of an array or each by
// itself.
type jsonEncoder struct {
	w       *bufio.Writer
	columns []Column
	keys    [][]byte // of the columns, as in {"time": or ,"operator":
	opts    Options
	array   bool
	started bool
	line    []byte
}

func newJSONEncoder(w *bufio.Writer, columns []Column, opts Options) *jsonEncoder {
	e := &jsonEncoder{w: w, columns: columns, opts: opts, array: opts.Format == JSON}
	separator := "{"
	for _, c := range columns {
		e.keys = append(e.keys, fmt.Appendf(nil, "%s%s:", separator, quoted(c.Name)))
		separator = ","
	}
	return e
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
		e.line = append(e.line, e.keys[i]...)
		if c.isTime() {
			e.line = append(e.line, '"')
			e.line = r.hit.time().In(e.opts.Location).AppendFormat(e.line, timeLayout)
			e.line = append(e.line, '"')
		} else if v := c.value(r); v != nil {
			e.line = append(e.line, compact(v)...)
		} else {
			e.line = append(e.line, "null"...)
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
