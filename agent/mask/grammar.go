package mask

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

// source is where something stands in a rules file.
type source struct {
	file         string
	line, column int
	key          string
}

// fileSpec is a rules file after parsing, before compilation.
type fileSpec struct {
	off     bool // defaults: off
	failure onError
	limits  limits
	limited map[string]bool // which limits the file states
	keys    []keySpec
	allow   []allowSpec
	rules   []ruleSpec
	tests   []testSpec
}

type keySpec struct {
	at        source
	id        string
	file, env string
	minBytes  int
}

type allowSpec struct {
	at            source
	paths         []pathSpec
	value, reason string
}

type ruleSpec struct {
	at       source
	builtin  bool
	id       string
	when     *condition
	in       []pathSpec
	paths    []pathSpec
	keys     []textSpec
	detect   []detector
	match    []*regexp.Regexp
	literal  string
	objects  bool
	action   action
	keyID    string // of action hmac
	keyAt    source
	failure  *onError
	override string
	reason   string
}

type pathSpec struct {
	at   source
	text string
	segs []segment
}

type textSpec struct {
	at   source
	text string
}

// parser reads one rules file and collects everything that is wrong with it.
type parser struct {
	file    string
	builtin bool
	errs    Errors
	spec    fileSpec
}

// parseFile reads the text of a rules file.
func parseFile(name string, text []byte, builtin bool) (fileSpec, Errors) {
	p := &parser{file: name, builtin: builtin, spec: fileSpec{limits: defaultLimits, limited: map[string]bool{}}}
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

func (p *parser) at(n *yaml.Node, key string) source { return source{p.file, n.Line, n.Column, key} }

func (p *parser) fail(n *yaml.Node, key, format string, args ...any) {
	p.failAt(p.at(n, key), fmt.Sprintf(format, args...), "")
}

func (p *parser) failAt(at source, problem, suggestion string) {
	p.errs = append(p.errs, &Error{File: at.file, Line: at.line, Column: at.column, Key: at.key, Problem: problem, Suggestion: suggestion})
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
func (p *parser) unknown(at source, name string, known []string) {
	near := nearest(name, known)
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
	p.failAt(p.at(n, key), fmt.Sprintf("unknown %s %q", what, v), nearest(v, choices))
	return ""
}

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
				p.fail(n, key, "this agent knows version 1 only")
			}
		},
		"defaults": func(n *yaml.Node, key string) { p.spec.off = p.oneOf(n, key, "value", "strict", "off") == "off" },
		"on_error": func(n *yaml.Node, key string) { p.spec.failure = p.onError(n, key) },
		"limits":   p.limits,
		"keys":     p.keys,
		"allow":    func(n *yaml.Node, key string) { p.sequence(n, key, p.allow) },
		"rules":    func(n *yaml.Node, key string) { p.sequence(n, key, p.rule) },
	})
}

func (p *parser) onError(n *yaml.Node, key string) onError {
	words := []string{"drop_value", "dead_letter", "stop"}
	return onError(max(0, slices.Index(words, p.oneOf(n, key, "value", words...))))
}

func (p *parser) limits(n *yaml.Node, key string) {
	l := &p.spec.limits
	note := func(name string, read reader) reader {
		return func(n *yaml.Node, key string) {
			p.spec.limited[name] = true
			read(n, key)
		}
	}
	p.mapping(n, key, map[string]reader{
		"max_depth":        note("depth", p.intoNumber(&l.depth, 1, defaultLimits.depth)),
		"max_decode_depth": note("decode", p.intoNumber(&l.decode, 1, 16)),
		"max_string":       note("length", p.intoSize(&l.length)),
		"regex_max_len":    note("regex", p.intoNumber(&l.regex, 1, 10_000)),
	})
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,9}) ?(B|KiB|MiB|KB|MB|)$`)

func (p *parser) intoSize(to *int) reader {
	return func(n *yaml.Node, key string) {
		m := sizePattern.FindStringSubmatch(n.Value)
		if n.Kind != yaml.ScalarNode || m == nil {
			p.fail(n, key, "expected a size such as 512KiB or 8MiB")
			return
		}
		v, _ := strconv.Atoi(m[1]) // nine digits always fit
		*to = v * map[string]int{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "KB": 1e3, "MB": 1e6}[m[2]]
	}
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// maxIDLength bounds ids of rules and keys, which stand in every marker.
const maxIDLength = 48

func (p *parser) id(n *yaml.Node, key string) string {
	id := p.text(n, key)
	if id != "" && (!idPattern.MatchString(id) || len(id) > maxIDLength) {
		p.fail(n, key, "an id is made of letters, digits, - and _, %d at most", maxIDLength)
		return ""
	}
	return id
}

func (p *parser) keys(n *yaml.Node, key string) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, key, "expected a mapping from key ids to keys")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := keySpec{at: p.at(n.Content[i], join(key, n.Content[i].Value)), minBytes: 32}
		k.id = p.id(n.Content[i], k.at.key)
		p.mapping(n.Content[i+1], k.at.key, map[string]reader{
			"file":      p.intoText(&k.file),
			"env":       p.intoText(&k.env),
			"min_bytes": p.intoNumber(&k.minBytes, 16, 1024),
		})
		if (k.file == "") == (k.env == "") {
			p.failAt(k.at, "a key comes from a file: or from an environment variable, env:", "")
			continue
		}
		p.spec.keys = append(p.spec.keys, k)
	}
}

func (p *parser) allow(n *yaml.Node, key string) {
	a := allowSpec{at: p.at(n, key)}
	p.mapping(n, key, map[string]reader{
		"path":  func(n *yaml.Node, key string) { p.items(n, key, p.intoPaths(&a.paths)) },
		"value": p.intoText(&a.value), "reason": p.intoText(&a.reason),
	})
	switch {
	case n.Kind != yaml.MappingNode:
		return
	case a.reason == "":
		p.failAt(a.at, "an exemption needs a reason:", "")
	case (len(a.paths) == 0) == (a.value == "") && !p.complained(key+"."):
		p.failAt(a.at, "an entry names a path: or a value:, one of them", "")
	default:
		p.spec.allow = append(p.spec.allow, a)
	}
}

func (p *parser) rule(n *yaml.Node, key string) {
	r := ruleSpec{at: p.at(n, key), builtin: p.builtin, objects: true}
	r.action.kind = noAction
	selected := false
	p.mapping(n, key, map[string]reader{
		"id":   func(n *yaml.Node, key string) { r.id = p.id(n, key) },
		"when": func(n *yaml.Node, key string) { r.when = p.when(n, key) },
		"in":   func(n *yaml.Node, key string) { p.fail(n, key, "it belongs to the selector: select: {..., in: [...]}") },
		"select": func(n *yaml.Node, key string) {
			selected = true
			p.selector(n, key, &r)
		},
		"action":   func(n *yaml.Node, key string) { p.action(n, key, &r) },
		"on_error": func(n *yaml.Node, key string) { v := p.onError(n, key); r.failure = &v },
		"override": p.intoText(&r.override),
		"reason":   p.intoText(&r.reason),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if r.id == "" && !p.complained(key+".id") {
		p.failAt(r.at, "a rule needs an id:", "")
	}
	if !selected {
		p.failAt(r.at, "a rule needs a select:", "")
	}
	if r.action.kind == noAction && !p.complained(key+".action") {
		p.failAt(r.at, "a rule needs an action:", "")
	}
	if r.override != "" && r.reason == "" {
		p.failAt(r.at, "an override needs a reason:", "")
	}
	p.spec.rules = append(p.spec.rules, r)
}

// noAction stands for an action that is missing or wrong.
const noAction actionKind = 255

// complained says whether there was an error at or below a key already.
func (p *parser) complained(key string) bool {
	return slices.ContainsFunc(p.errs, func(e *Error) bool { return strings.HasPrefix(e.Key, key) })
}

func (p *parser) intoPaths(to *[]pathSpec) reader {
	return func(n *yaml.Node, key string) {
		text := p.text(n, key)
		if text == "" {
			return
		}
		segs, err := parsePath(text)
		if err != nil {
			p.fail(n, key, "%v", err)
			return
		}
		*to = append(*to, pathSpec{p.at(n, key), text, segs})
	}
}

func (p *parser) selector(n *yaml.Node, key string, r *ruleSpec) {
	kinds := 0
	one := func(read reader) reader {
		return func(n *yaml.Node, key string) {
			kinds++
			p.items(n, key, read)
		}
	}
	p.mapping(n, key, map[string]reader{
		"path": one(p.intoPaths(&r.paths)),
		"key": one(func(n *yaml.Node, key string) {
			if t := p.text(n, key); t != "" {
				if _, ok := parseName(t, none); !ok {
					p.fail(n, key, "the name has no letters or digits")
					return
				}
				r.keys = append(r.keys, textSpec{p.at(n, key), t})
			}
		}),
		"detect": one(func(n *yaml.Node, key string) {
			if d := slices.Index(detectorNames[:], p.oneOf(n, key, "detector", detectorNames[:]...)); d >= 0 {
				r.detect = append(r.detect, detector(d))
			}
		}),
		"match":   one(func(n *yaml.Node, key string) { p.match(n, key, r) }),
		"literal": p.intoText(&r.literal),
		"in":      func(n *yaml.Node, key string) { p.items(n, key, p.intoPaths(&r.in)) },
		"objects": p.intoBool(&r.objects),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if kinds != 1 {
		p.fail(n, key, "a selector names one of path:, key:, detect:, match:")
		return
	}
	p.qualifiers(n, key, r)
}

// qualifiers refuses what would do nothing beside a selector, or make it miss
// something.
func (p *parser) qualifiers(n *yaml.Node, key string, r *ruleSpec) {
	switch {
	case len(r.in) > 0 && len(r.paths) > 0:
		p.fail(n, key, "in: goes with key:, detect: or match:; a path says where itself")
	case r.literal != "" && len(r.match) == 0 && !p.complained(key+".match"):
		p.fail(n, key, "literal: goes with match:")
	case !r.objects && len(r.paths)+len(r.keys) == 0:
		p.fail(n, key, "objects: goes with path: or key:")
	}
	for _, re := range r.match {
		if r.literal != "" && !alwaysHolds(re, r.literal) {
			p.fail(n, key, "literal: a match without %q is possible, and would be missed", r.literal)
		}
	}
}

func (p *parser) match(n *yaml.Node, key string, r *ruleSpec) {
	text := p.text(n, key)
	if text == "" {
		return
	}
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		p.fail(n, key, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	case re.MatchString(""):
		p.fail(n, key, "the expression matches the empty text")
	case len(text) > p.spec.limits.regex:
		p.fail(n, key, "the expression is longer than %d bytes (limits.regex_max_len)", p.spec.limits.regex)
	default:
		r.match = append(r.match, re)
	}
}
