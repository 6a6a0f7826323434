package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/auditship/auditship/agent/mask/spec"
)

// runTests runs the examples and returns those that failed.
func runTests(r *Rules, tests []spec.Test) Errors {
	var errs Errors
	m := r.NewMasker()
	for _, t := range tests {
		if problem := runTest(m, &t); problem != "" {
			errs = append(errs, &Error{File: t.At.File, Line: t.At.Line, Column: t.At.Column, Key: t.At.Key, Problem: problem})
		}
	}
	return errs
}

// runTest says how the result differs from what the example wants, or "". It may
// quote the example, which is part of the rules file and no record.
func runTest(m *Masker, t *spec.Test) string {
	res := m.Mask(t.In)
	name := ""
	if t.Name != "" {
		name = " " + strconv.Quote(t.Name)
	}
	switch {
	case t.Dropped && res.Outcome != Dropped:
		return fmt.Sprintf("test%s failed: the record was not dropped", name)
	case t.Dropped:
		return ""
	case res.Outcome == Dropped:
		return fmt.Sprintf("test%s failed: the record was dropped", name)
	case !sameJSON(res.Bytes, t.Out):
		return fmt.Sprintf("test%s failed: got %s, want %s", name, res.Bytes, t.Out)
	}
	return ""
}

// sameJSON compares two JSON texts without regard to the order of members.
func sameJSON(a, b []byte) bool {
	x, errX := decodeJSON(a)
	y, errY := decodeJSON(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}
