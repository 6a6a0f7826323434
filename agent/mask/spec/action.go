package spec

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
)

// unkeyed names actions of other tools that this one refuses.
var unkeyed = map[string]string{"hash": "hmac", "sha256": "hmac", "sha1": "hmac", "md5": "hmac", "fingerprint": "hmac", "mask": "redact", "remove": "drop_field", "delete": "drop_field", "drop": "drop_field"}

// action reads an action: a word, or a word with its parameters.
func (p *parser) action(n *yaml.Node, key string, r *Rule) {
	name, params := n, (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode {
		if len(n.Content) != 2 {
			p.fail(n, key, "expected one action")
			return
		}
		name, params = n.Content[0], n.Content[1]
	}
	kind := slices.Index(rule.KindNames, name.Value)
	if kind < 0 || name.Kind != yaml.ScalarNode {
		meant, known := unkeyed[name.Value]
		if !known {
			meant = Nearest(name.Value, rule.KindNames)
		}
		p.failAt(p.at(name, key), "unknown action \""+name.Value+"\"", meant)
		return
	}
	a := rule.Action{Kind: rule.Kind(kind), Chars: 16, V4: 24, V6: 48}
	if params == nil {
		p.needsParameters(name, key, a.Kind)
	} else {
		p.parameters(params, join(key, name.Value), r, &a)
	}
	r.Action = a
}

func (p *parser) needsParameters(n *yaml.Node, key string, kind rule.Kind) {
	switch kind {
	case rule.HMAC:
		p.fail(n, key, "hmac needs a key: write hmac: {key: ID}")
	case rule.Partial:
		p.fail(n, key, "partial needs first: or last:, the characters to keep")
	case rule.Truncate:
		p.fail(n, key, "truncate needs the number of characters to keep: write truncate: 100")
	}
}

func (p *parser) parameters(n *yaml.Node, key string, r *Rule, a *rule.Action) {
	switch a.Kind {
	case rule.HMAC:
		r.KeyAt = p.at(n, key)
		p.mapping(n, key, map[string]reader{
			"key": func(n *yaml.Node, key string) { r.KeyID, r.KeyAt = p.text(n, key), p.at(n, key) },
			// 16 characters are 96 bits; a hash has 43
			"chars":  p.intoNumber(&a.Chars, 8, 43),
			"domain": p.intoText(&a.Domain),
		})
		if r.KeyID == "" {
			p.fail(n, key, "hmac needs a key: ID")
		}
	case rule.Partial:
		p.mapping(n, key, map[string]reader{
			"first": p.intoNumber(&a.First, 0, 64), "last": p.intoNumber(&a.Last, 0, 64),
		})
		if a.First+a.Last == 0 {
			p.fail(n, key, "partial needs first: or last:, the characters to keep")
		}
	case rule.TruncateIP:
		p.mapping(n, key, map[string]reader{
			"v4": p.intoNumber(&a.V4, 0, 32), "v6": p.intoNumber(&a.V6, 0, 128),
		})
	case rule.Truncate:
		p.intoNumber(&a.Chars, 1, 1<<20)(n, key)
	default:
		p.fail(n, key, "the action takes no parameters")
	}
}

// when reads the conditions of a rule: every field must match one of its
// values; under not: none may.
func (p *parser) when(n *yaml.Node, key string) *rule.Condition {
	c := &rule.Condition{}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.fail(n, key, "expected a mapping from fields to values")
		return nil
	}
	p.conditions(n, key, false, c)
	return c
}

func (p *parser) conditions(n *yaml.Node, key string, negate bool, c *rule.Condition) {
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
		segs, err := paths.Parse(name.Value)
		if err != nil || !segs.Literal() {
			p.fail(name, at, "a condition names one field, such as event_type or http_request.method")
			continue
		}
		if first, _ := segs.First(); nearField(first) != "" {
			p.failAt(p.at(name, at), fmt.Sprintf("records have no field %q", first), nearField(first))
		}
		f := rule.FieldMatch{Negate: negate}
		f.Path = segs.Texts()
		p.items(value, at, func(n *yaml.Node, key string) { f.Values = append(f.Values, p.text(n, key)) })
		c.Fields = append(c.Fields, f)
	}
}
