package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// testSpec is an example in a rules file.
type testSpec struct {
	at      source
	name    string
	in, out []byte // JSON
	dropped bool
}

// test reads an entry of tests.
func (p *parser) test(n *yaml.Node, key string) {
	t := testSpec{at: p.at(n, key)}
	p.mapping(n, key, map[string]reader{
		"name":    p.intoText(&t.name),
		"in":      p.intoJSON(&t.in),
		"out":     p.intoJSON(&t.out),
		"dropped": p.intoBool(&t.dropped),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	switch {
	case t.in == nil:
		p.failAt(t.at, "a test needs in:, a record", "")
	case (t.out == nil) == !t.dropped:
		p.failAt(t.at, "a test needs out:, or dropped: true", "")
	default:
		p.spec.tests = append(p.spec.tests, t)
	}
}

func (p *parser) intoJSON(to *[]byte) reader {
	return func(n *yaml.Node, key string) {
		out, err := appendJSON(nil, n)
		if err != nil {
			p.fail(n, key, "%v", err)
			return
		}
		*to = out
	}
}

// appendJSON writes a YAML value as JSON, in its own order, duplicate keys
// included.
func appendJSON(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.MappingNode:
		dst = append(dst, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsonscan.AppendQuoted(dst, []byte(n.Content[i].Value)), ':')
			var err error
			if dst, err = appendJSON(dst, n.Content[i+1]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendJSON(dst, item); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case yaml.ScalarNode:
		return appendJSONScalar(dst, n), nil
	}
	return nil, fmt.Errorf("anchors and aliases cannot be written as JSON")
}

func appendJSONScalar(dst []byte, n *yaml.Node) []byte {
	switch n.Tag {
	case "!!null":
		return append(dst, "null"...)
	case "!!bool":
		v, _ := strconv.ParseBool(n.Value) // yaml.v3 gives the tag to true and false only
		return strconv.AppendBool(dst, v)
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...)
		}
	}
	return jsonscan.AppendQuoted(dst, []byte(n.Value))
}

// runTests runs the examples and returns those that failed.
func runTests(r *Rules, tests []testSpec) Errors {
	var errs Errors
	m := r.NewMasker()
	for _, t := range tests {
		if problem := t.run(m); problem != "" {
			errs = append(errs, &Error{File: t.at.file, Line: t.at.line, Column: t.at.column, Key: t.at.key, Problem: problem})
		}
	}
	return errs
}

// run says how the result differs from what the example wants, or "". It may
// quote the example, which is part of the rules file and no record.
func (t *testSpec) run(m *Masker) string {
	res := m.Mask(t.in)
	name := ""
	if t.name != "" {
		name = " " + strconv.Quote(t.name)
	}
	switch {
	case t.dropped && res.Outcome != Dropped:
		return fmt.Sprintf("test%s failed: the record was not dropped", name)
	case t.dropped:
		return ""
	case res.Outcome == Dropped:
		return fmt.Sprintf("test%s failed: the record was dropped", name)
	case !sameJSON(res.Bytes, t.out):
		return fmt.Sprintf("test%s failed: got %s, want %s", name, res.Bytes, t.out)
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
