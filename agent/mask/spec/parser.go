package spec

import (
	"maps"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

// Error is one mistake in a rules file, Errors are all of them. They hold
// nothing of a key's material.
type (
	Error  = strictyaml.Error
	Errors = strictyaml.Errors
)

// parser reads one rules file and collects everything that is wrong with it.
type parser struct {
	*strictyaml.Reader
	builtin bool
	spec    File
}

// Parse reads the text of a rules file.
func Parse(name string, text []byte, builtin bool) (File, Errors) {
	p := &parser{Reader: strictyaml.NewReader(name), builtin: builtin, spec: File{Limits: DefaultLimits, Stated: map[string]bool{}}}
	doc := p.Document(text)
	switch {
	case doc != nil:
		p.document(doc)
	case len(p.Errors()) == 0:
		p.FailAt(strictyaml.Place{Line: 1, Column: 1}, "", "the file is empty: it needs masking:", "")
	}
	return p.spec, p.Errors()
}

func (p *parser) at(n *yaml.Node, key string) Place { return Place{p.File, n.Line, n.Column, key} }

func (p *parser) failAt(at Place, problem string) {
	p.FailAt(strictyaml.Place{Line: at.Line, Column: at.Column}, at.Key, problem, "")
}

// reader reads the value of one key.
type reader func(n *yaml.Node, key string)

// mapping reads a mapping, key by key, in the order of the file.
func (p *parser) mapping(n *yaml.Node, key string, fields map[string]reader) {
	if n.Kind != yaml.MappingNode {
		p.Fail(n, key, "expected a mapping")
		return
	}
	for _, e := range p.Entries(n, key) {
		if read, known := fields[e.Name]; known {
			read(e.Value, e.Path)
		} else {
			p.unknown(e, slices.Sorted(maps.Keys(fields)))
		}
	}
}

// homes say where keys belong that are easily put a level too high or too low.
var homes = map[string]string{
	"version": "under masking", "defaults": "under masking", "limits": "under masking", "keys": "under masking",
	"allow": "under masking", "rules": "under masking", "tests": "at the top level",
	"select": "in a rule", "when": "in a rule", "action": "in a rule", "override": "in a rule",
	"path": "in select", "key": "in select", "detect": "in select", "match": "in select", "literal": "in select",
}

// unknown notes a key that does not belong here.
func (p *parser) unknown(e strictyaml.Entry, known []string) {
	near := strictyaml.Nearest(e.Name, known)
	if home := homes[e.Name]; home != "" && near == "" {
		p.Fail(e.Key, e.Path, "misplaced key; it belongs %s", home)
		return
	}
	p.Suggest(e.Key, e.Path, near, "unknown key")
}

// items reads a list; one item may stand without the list.
func (p *parser) items(n *yaml.Node, key string, read reader) {
	if n.Kind != yaml.SequenceNode {
		read(n, key)
		return
	}
	if len(n.Content) == 0 {
		p.Fail(n, key, "the list is empty")
	}
	for i, item := range n.Content {
		read(item, strictyaml.Item(key, i))
	}
}

// sequence reads a list that must be one.
func (p *parser) sequence(n *yaml.Node, key string, read reader) {
	if n.Kind != yaml.SequenceNode {
		p.Fail(n, key, "expected a list")
		return
	}
	for i, item := range n.Content {
		read(item, strictyaml.Item(key, i))
	}
}

// text reads a scalar.
func (p *parser) text(n *yaml.Node, key string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		p.Fail(n, key, "expected a text")
		return ""
	}
	return n.Value
}

func (p *parser) intoText(to *string) reader {
	return func(n *yaml.Node, key string) { *to = p.text(n, key) }
}

func (p *parser) intoNumber(to *int, least, most int) reader {
	return func(n *yaml.Node, key string) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
			p.Fail(n, key, "expected a whole number from %d to %d", least, most)
			return
		}
		*to = v
	}
}

func (p *parser) intoBool(to *bool) reader {
	return func(n *yaml.Node, key string) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			p.Fail(n, key, "expected true or false")
			return
		}
		*to = n.Value == "true"
	}
}

// oneOf reads one of a few words and returns it, or "".
func (p *parser) oneOf(n *yaml.Node, key, what string, choices ...string) string {
	v := p.text(n, key)
	if v == "" || slices.Contains(choices, v) {
		return v
	}
	p.Suggest(n, key, strictyaml.Nearest(v, choices), "unknown %s %q", what, v)
	return ""
}
