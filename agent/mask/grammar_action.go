package mask

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// actionNames are the words of action:, by kind.
var actionNames = []string{"drop_event", "drop_field", "redact", "hmac", "partial", "truncate_ip", "truncate"}

// unkeyed names actions of other tools that this one refuses.
var unkeyed = map[string]string{"hash": "hmac", "sha256": "hmac", "sha1": "hmac", "md5": "hmac", "fingerprint": "hmac", "mask": "redact", "remove": "drop_field", "delete": "drop_field", "drop": "drop_field"}

// action reads an action: a word, or a word with its parameters.
func (p *parser) action(n *yaml.Node, key string, r *ruleSpec) {
	name, params := n, (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode {
		if len(n.Content) != 2 {
			p.fail(n, key, "expected one action")
			return
		}
		name, params = n.Content[0], n.Content[1]
	}
	kind := slices.Index(actionNames, name.Value)
	if kind < 0 || name.Kind != yaml.ScalarNode {
		meant, known := unkeyed[name.Value]
		if !known {
			meant = nearest(name.Value, actionNames)
		}
		p.failAt(p.at(name, key), "unknown action \""+name.Value+"\"", meant)
		return
	}
	a := action{kind: actionKind(kind), chars: 16, v4: 24, v6: 48}
	if params == nil {
		p.needsParameters(name, key, a.kind)
	} else {
		p.parameters(params, join(key, name.Value), r, &a)
	}
	r.action = a
}

func (p *parser) needsParameters(n *yaml.Node, key string, kind actionKind) {
	switch kind {
	case hmacHash:
		p.fail(n, key, "hmac needs a key: write hmac: {key: ID}")
	case partial:
		p.fail(n, key, "partial needs first: or last:, the characters to keep")
	case truncate:
		p.fail(n, key, "truncate needs the number of characters to keep: write truncate: 100")
	}
}

func (p *parser) parameters(n *yaml.Node, key string, r *ruleSpec, a *action) {
	switch a.kind {
	case hmacHash:
		r.keyAt = p.at(n, key)
		p.mapping(n, key, map[string]reader{
			"key": func(n *yaml.Node, key string) { r.keyID, r.keyAt = p.text(n, key), p.at(n, key) },
			// 16 characters are 96 bits; a hash has 43
			"chars":  p.intoNumber(&a.chars, 8, 43),
			"domain": p.intoText(&a.domain),
		})
		if r.keyID == "" {
			p.fail(n, key, "hmac needs a key: ID")
		}
	case partial:
		p.mapping(n, key, map[string]reader{
			"first": p.intoNumber(&a.first, 0, 64), "last": p.intoNumber(&a.last, 0, 64),
		})
		if a.first+a.last == 0 {
			p.fail(n, key, "partial needs first: or last:, the characters to keep")
		}
	case truncateIP:
		p.mapping(n, key, map[string]reader{
			"v4": p.intoNumber(&a.v4, 0, 32), "v6": p.intoNumber(&a.v6, 0, 128),
		})
	case truncate:
		p.intoNumber(&a.chars, 1, 1<<20)(n, key)
	default:
		p.fail(n, key, "the action takes no parameters")
	}
}

// when reads the conditions of a rule: every field must match one of its
// values; under not: none may.
func (p *parser) when(n *yaml.Node, key string) *condition {
	c := &condition{}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.fail(n, key, "expected a mapping from fields to values")
		return nil
	}
	p.conditions(n, key, false, c)
	return c
}

func (p *parser) conditions(n *yaml.Node, key string, negate bool, c *condition) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		at := join(key, name.Value)
		if seen[name.Value] {
			p.fail(name, at, "the key stands here twice")
		}
		seen[name.Value] = true
		if name.Value == "not" && !negate {
			if value.Kind != yaml.MappingNode {
				p.fail(value, at, "expected a mapping from fields to values")
				continue
			}
			p.conditions(value, at, true, c)
			continue
		}
		segs, err := parsePath(name.Value)
		if err != nil || !isLiteral(segs) {
			p.fail(name, at, "a condition names one field, such as event_type or http_request.method")
			continue
		}
		if meant := nearField(segs[0].text); meant != "" {
			p.failAt(p.at(name, at), fmt.Sprintf("records have no field %q", segs[0].text), meant)
		}
		f := fieldMatch{negate: negate}
		for _, s := range segs {
			f.path = append(f.path, s.text)
		}
		p.items(value, at, func(n *yaml.Node, key string) { f.values = append(f.values, p.text(n, key)) })
		c.fields = append(c.fields, f)
	}
}
