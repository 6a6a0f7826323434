package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// parser reads one rules file and collects everything that is wrong with it.
type parser struct {
	file    string
	builtin bool
	errs    Errors
	spec    File
}

// Parse reads the text of a rules file.
func Parse(name string, text []byte, builtin bool) (File, Errors) {
	p := &parser{file: name, builtin: builtin, spec: File{Limits: DefaultLimits, Stated: map[string]bool{}}}
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&doc)
	if err == nil {
		if err = decoder.Decode(&more); err == nil {
			p.fail(more.Content[0], "", "the file has a second document: put all rules into one")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.yamlError(err)
		return p.spec, p.errs
	}
	if len(doc.Content) == 0 {
		p.errs = append(p.errs, &Error{File: name, Line: 1, Column: 1, Problem: "the file is empty: it needs masking:"})
		return p.spec, p.errs
	}
	p.document(doc.Content[0])
	return p.spec, p.errs
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\n\s*)?line ([0-9]+): (.*)`)

func (p *parser) yamlError(err error) {
	e := &Error{File: p.file, Line: 1, Column: 1, Problem: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1]) // digits only
		e.Problem = m[2]
	}
	p.errs = append(p.errs, e)
}

func (p *parser) at(n *yaml.Node, key string) Place { return Place{p.file, n.Line, n.Column, key} }

func (p *parser) fail(n *yaml.Node, key, format string, args ...any) {
	p.failAt(p.at(n, key), fmt.Sprintf(format, args...), "")
}

func (p *parser) failAt(at Place, problem, suggestion string) {
	p.errs = append(p.errs, &Error{File: at.File, Line: at.Line, Column: at.Column, Key: at.Key, Problem: problem, Suggestion: suggestion})
}

// reader reads the value of one key.
type reader func(n *yaml.Node, key string)

// mapping reads a mapping, key by key, in the order of the file.
func (p *parser) mapping(n *yaml.Node, key string, fields map[string]reader) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, key, "expected a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		read, known := fields[name.Value]
		switch {
		case !known:
			p.unknown(p.at(name, join(key, name.Value)), name.Value, sortedKeys(fields))
		case seen[name.Value]:
			p.fail(name, join(key, name.Value), "the key stands here twice")
		default:
			read(value, join(key, name.Value))
		}
		seen[name.Value] = true
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
func (p *parser) unknown(at Place, name string, known []string) {
	near := Nearest(name, known)
	if home := homes[name]; home != "" && near == "" {
		p.failAt(at, "misplaced key; it belongs "+home, "")
		return
	}
	p.failAt(at, "unknown key", near)
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// items reads a list; one item may stand without the list.
func (p *parser) items(n *yaml.Node, key string, read reader) {
	if n.Kind != yaml.SequenceNode {
		read(n, key)
		return
	}
	if len(n.Content) == 0 {
		p.fail(n, key, "the list is empty")
	}
	for i, item := range n.Content {
		read(item, fmt.Sprintf("%s[%d]", key, i))
	}
}

// sequence reads a list that must be one.
func (p *parser) sequence(n *yaml.Node, key string, read reader) {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, key, "expected a list")
		return
	}
	for i, item := range n.Content {
		read(item, fmt.Sprintf("%s[%d]", key, i))
	}
}

// text reads a scalar.
func (p *parser) text(n *yaml.Node, key string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		p.fail(n, key, "expected a text")
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
			p.fail(n, key, "expected a whole number from %d to %d", least, most)
			return
		}
		*to = v
	}
}

func (p *parser) intoBool(to *bool) reader {
	return func(n *yaml.Node, key string) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			p.fail(n, key, "expected true or false")
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
	p.failAt(p.at(n, key), fmt.Sprintf("unknown %s %q", what, v), Nearest(v, choices))
	return ""
}
