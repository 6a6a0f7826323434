package spec

import (
	"encoding/json"
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// test reads an entry of tests.
func (p *parser) test(n *yaml.Node, key string) {
	t := Test{At: p.at(n, key)}
	p.mapping(n, key, map[string]reader{
		"name":    p.intoText(&t.Name),
		"in":      p.intoJSON(&t.In),
		"out":     p.intoJSON(&t.Out),
		"dropped": p.intoBool(&t.Dropped),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	switch {
	case t.In == nil:
		p.failAt(t.At, "a test needs in:, a record")
	case (t.Out == nil) == !t.Dropped:
		p.failAt(t.At, "a test needs out:, or dropped: true")
	default:
		p.spec.Tests = append(p.spec.Tests, t)
	}
}

func (p *parser) intoJSON(to *[]byte) reader {
	return func(n *yaml.Node, key string) {
		out, err := appendJSON(nil, n)
		if err != nil {
			p.Fail(n, key, "%v", err)
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
