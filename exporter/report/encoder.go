package report

import (
	"bufio"
	"strings"
)

// encoder writes records in one format. What it writes is complete after end.
type encoder interface {
	record(r *record) error
	end() error
}

func newEncoder(w *bufio.Writer, columns []Column, opts Options) (encoder, error) {
	switch opts.Format {
	case CSV:
		return newCSVEncoder(w, columns, opts), nil
	case JSON, NDJSON:
		return newJSONEncoder(w, columns, opts), nil
	case Table:
		if opts.Details {
			return newBlockEncoder(w, columns, opts), nil
		}
		return newTableEncoder(w, columns, opts), nil
	}
	names := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return nil, misused("format %q: must be one of %s", opts.Format, strings.Join(names, ", "))
}
