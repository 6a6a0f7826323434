package spec

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/strictyaml"
)

// unkeyed names actions of other tools that this one refuses.
var unkeyed = map[string]string{"hash": "hmac", "sha256": "hmac", "sha1": "hmac", "md5": "hmac", "fingerprint": "hmac", "mask": "redact", "remove": "drop_field", "delete": "drop_field", "drop": "drop_field"}

// action reads an action: a word, or a word with its parameters.
func (p *parser) action(n *yaml.Node, key string, r *Rule) {
	name, params := n, (*yaml.Node)(nil)
	if n.Kind == yaml.MappingNode {
		if len(n.Content) != 2 {
			p.Fail(n, key, "expected one action")
			return
		}
		name, params = n.Content[0], n.Content[1]
	}
	kind := slices.Index(rule.KindNames, name.Value)
	if kind < 0 || name.Kind != yaml.ScalarNode {
		meant, known := unkeyed[name.Value]
		if !known {
			meant = strictyaml.Nearest(name.Value, rule.KindNames)
		}
		p.Suggest(name, key, meant, "unknown action %q", name.Value)
		return
	}
	a := rule.Action{Kind: rule.Kind(kind), Chars: 16, V4: 24, V6: 48}
	if params == nil {
		p.needsParameters(name, key, a.Kind)
	} else {
		p.parameters(params, strictyaml.Join(key, name.Value), r, &a)
	}
	r.Action = a
}

func (p *parser) needsParameters(n *yaml.Node, key string, kind rule.Kind) {
	switch kind {
	case rule.HMAC:
		p.Fail(n, key, "hmac needs a key: write hmac: {key: ID}")
	case rule.Partial:
		p.Fail(n, key, "partial needs first: or last:, the characters to keep")
	case rule.Truncate:
		p.Fail(n, key, "truncate needs the number of characters to keep: write truncate: 100")
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
			p.Fail(n, key, "hmac needs a key: ID")
		}
	case rule.Partial:
		p.mapping(n, key, map[string]reader{
			"first": p.intoNumber(&a.First, 0, 64), "last": p.intoNumber(&a.Last, 0, 64),
		})
		if a.First+a.Last == 0 {
			p.Fail(n, key, "partial needs first: or last:, the characters to keep")
		}
	case rule.TruncateIP:
		p.mapping(n, key, map[string]reader{
			"v4": p.intoNumber(&a.V4, 0, 32), "v6": p.intoNumber(&a.V6, 0, 128),
		})
	case rule.Truncate:
		p.intoNumber(&a.Chars, 1, 1<<20)(n, key)
	default:
		p.Fail(n, key, "the action takes no parameters")
	}
}

// when reads the conditions of a rule: every field must match one of its
// values; under not: none may.
func (p *parser) when(n *yaml.Node, key string) *rule.Condition {
	c := &rule.Condition{}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		p.Fail(n, key, "expected a mapping from fields to values")
		return nil
	}
	p.conditions(n, key, false, c)
	return c
}

func (p *parser) conditions(n *yaml.Node, key string, negate bool, c *rule.Condition) {
	for _, e := range p.Entries(n, key) {
		if e.Name == "not" && !negate {
			if e.Value.Kind != yaml.MappingNode {
				p.Fail(e.Value, e.Path, "expected a mapping from fields to values")
				continue
			}
			p.conditions(e.Value, e.Path, true, c)
			continue
		}
		path, err := paths.Parse(e.Name)
		if err != nil || !path.Literal() {
			p.Fail(e.Key, e.Path, "a condition names one field, such as event_type or http_request.method")
			continue
		}
		if first, _ := path.First(); nearField(first) != "" {
			p.Suggest(e.Key, e.Path, nearField(first), "records have no field %q", first)
		}
		f := rule.FieldMatch{Path: path.Texts(), Negate: negate}
		p.items(e.Value, e.Path, func(n *yaml.Node, key string) { f.Values = append(f.Values, p.text(n, key)) })
		c.Fields = append(c.Fields, f)
	}
}
