package spec

import (
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/strictyaml"
)

func (p *parser) document(n *yaml.Node) {
	p.mapping(n, "", map[string]reader{
		"masking": p.masking,
		"tests":   func(n *yaml.Node, key string) { p.sequence(n, key, p.test) },
	})
}

func (p *parser) masking(n *yaml.Node, key string) {
	p.mapping(n, key, map[string]reader{
		"version": func(n *yaml.Node, key string) {
			if n.Value != "1" {
				p.Fail(n, key, "this agent knows version 1 only")
			}
		},
		"defaults": func(n *yaml.Node, key string) { p.spec.Off = p.oneOf(n, key, "value", "strict", "off") == "off" },
		"on_error": func(n *yaml.Node, key string) { p.spec.Failure = p.onError(n, key) },
		"limits":   p.limits,
		"keys":     p.keys,
		"allow":    func(n *yaml.Node, key string) { p.sequence(n, key, p.allow) },
		"rules":    func(n *yaml.Node, key string) { p.sequence(n, key, p.rule) },
	})
}

func (p *parser) onError(n *yaml.Node, key string) rule.OnError {
	words := []string{"drop_value", "dead_letter", "stop"}
	return rule.OnError(max(0, slices.Index(words, p.oneOf(n, key, "value", words...))))
}

func (p *parser) limits(n *yaml.Node, key string) {
	l := &p.spec.Limits
	note := func(name string, read reader) reader {
		return func(n *yaml.Node, key string) {
			p.spec.Stated[name] = true
			read(n, key)
		}
	}
	p.mapping(n, key, map[string]reader{
		"max_depth":        note("depth", p.intoNumber(&l.Depth, 1, DefaultLimits.Depth)),
		"max_decode_depth": note("decode", p.intoNumber(&l.Decode, 1, 16)),
		"max_string":       note("length", p.intoSize(&l.Length)),
		"regex_max_len":    note("regex", p.intoNumber(&l.Regex, 1, 10_000)),
	})
}

// maxLength bounds max_string.
const maxLength = 1 << 30

func (p *parser) intoSize(to *int) reader {
	return func(n *yaml.Node, key string) {
		v, err := strictyaml.ParseBytes(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < 1 || v > maxLength {
			p.Fail(n, key, "expected a size such as 512KiB or 8MiB, up to 1GiB")
			return
		}
		*to = int(v)
	}
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func (p *parser) id(n *yaml.Node, key string) string {
	id := p.text(n, key)
	if id != "" && (!idPattern.MatchString(id) || len(id) > rule.MaxName) {
		p.Fail(n, key, "an id is made of letters, digits, - and _, %d at most", rule.MaxName)
		return ""
	}
	return id
}

func (p *parser) keys(n *yaml.Node, key string) {
	if n.Kind != yaml.MappingNode {
		p.Fail(n, key, "expected a mapping from key ids to keys")
		return
	}
	for _, e := range p.Entries(n, key) {
		k := Key{At: p.at(e.Key, e.Path), MinBytes: 32}
		k.ID = p.id(e.Key, k.At.Key)
		p.mapping(e.Value, k.At.Key, map[string]reader{
			"file":      p.intoText(&k.File),
			"env":       p.intoText(&k.Env),
			"min_bytes": p.intoNumber(&k.MinBytes, 16, 1024),
		})
		if (k.File == "") == (k.Env == "") {
			p.failAt(k.At, "a key comes from a file: or from an environment variable, env:")
			continue
		}
		p.spec.Keys = append(p.spec.Keys, k)
	}
}

func (p *parser) allow(n *yaml.Node, key string) {
	a := Allow{At: p.at(n, key)}
	p.mapping(n, key, map[string]reader{
		"path":  func(n *yaml.Node, key string) { p.items(n, key, p.intoPaths(&a.Paths)) },
		"value": p.intoText(&a.Value), "reason": p.intoText(&a.Reason),
	})
	switch {
	case n.Kind != yaml.MappingNode:
		return
	case a.Reason == "":
		p.failAt(a.At, "an exemption needs a reason:")
	case len(a.Paths) == 0 && a.Value == "" && !p.Complained(key+"."):
		p.failAt(a.At, "an entry names a path:, a value:, or both")
	default:
		p.spec.Allow = append(p.spec.Allow, a)
	}
}

func (p *parser) rule(n *yaml.Node, key string) {
	r := Rule{At: p.at(n, key), Builtin: p.builtin, Objects: true, Words: true}
	r.Action.Kind = noAction
	selected := false
	p.mapping(n, key, map[string]reader{
		"id":   func(n *yaml.Node, key string) { r.ID = p.id(n, key) },
		"when": func(n *yaml.Node, key string) { r.When = p.when(n, key) },
		"in":   func(n *yaml.Node, key string) { p.Fail(n, key, "it belongs to the selector: select: {..., in: [...]}") },
		"select": func(n *yaml.Node, key string) {
			selected = true
			p.selector(n, key, &r)
		},
		"action":   func(n *yaml.Node, key string) { p.action(n, key, &r) },
		"on_error": func(n *yaml.Node, key string) { v := p.onError(n, key); r.Failure = &v },
		"override": p.intoText(&r.Override),
		"reason":   p.intoText(&r.Reason),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if r.ID == "" && !p.Complained(key+".id") {
		p.failAt(r.At, "a rule needs an id:")
	}
	if !selected {
		p.failAt(r.At, "a rule needs a select:")
	}
	if r.Action.Kind == noAction && !p.Complained(key+".action") {
		p.failAt(r.At, "a rule needs an action:")
	}
	if r.Override != "" && r.Reason == "" {
		p.failAt(r.At, "an override needs a reason:")
	}
	p.spec.Rules = append(p.spec.Rules, r)
}

// noAction stands for an action that is missing or wrong.
const noAction rule.Kind = 255
