package spec

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/strictyaml"
)

func (p *parser) intoPaths(to *[]Path) reader {
	return func(n *yaml.Node, key string) {
		text := p.text(n, key)
		if text == "" {
			return
		}
		segs, err := paths.Parse(text)
		if err != nil {
			p.Fail(n, key, "%v", err)
			return
		}
		p.mistyped(n, key, text, segs)
		*to = append(*to, Path{p.at(n, key), text, segs})
	}
}

func (p *parser) selector(n *yaml.Node, key string, r *Rule) {
	kinds := 0
	one := func(read reader) reader {
		return func(n *yaml.Node, key string) {
			kinds++
			p.items(n, key, read)
		}
	}
	p.mapping(n, key, map[string]reader{
		"path": one(p.intoPaths(&r.Paths)),
		"key": one(func(n *yaml.Node, key string) {
			if t := p.text(n, key); t != "" {
				if !names.Readable(t) {
					p.Fail(n, key, "the name has no letters or digits")
					return
				}
				r.Keys = append(r.Keys, Text{p.at(n, key), t})
			}
		}),
		"detect": one(func(n *yaml.Node, key string) {
			if name := p.oneOf(n, key, "detector", detect.Names()...); name != "" {
				r.Detect = append(r.Detect, detect.Named(name)...)
			}
		}),
		"match":   one(func(n *yaml.Node, key string) { p.match(n, key, r) }),
		"literal": p.intoText(&r.Literal),
		"in":      func(n *yaml.Node, key string) { p.items(n, key, p.intoPaths(&r.In)) },
		"objects": p.intoBool(&r.Objects),
		"whole":   p.intoBool(&r.Whole),
		"words":   p.intoBool(&r.Words),
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if kinds != 1 {
		p.Fail(n, key, "a selector names one of path:, key:, detect:, match:")
		return
	}
	p.qualifiers(n, key, r)
}

// qualifiers refuses what would do nothing beside a selector, or make it miss
// something.
func (p *parser) qualifiers(n *yaml.Node, key string, r *Rule) {
	switch {
	case len(r.In) > 0 && len(r.Paths) > 0:
		p.Fail(n, key, "in: goes with key:, detect: or match:; a path says where itself")
	case r.Literal != "" && len(r.Match) == 0 && !p.Complained(key+".match"):
		p.Fail(n, key, "literal: goes with match:")
	case !r.Objects && len(r.Paths)+len(r.Keys) == 0:
		p.Fail(n, key, "objects: goes with path: or key:")
	case r.Whole && len(r.Keys) == 0:
		p.Fail(n, key, "whole: goes with key:")
	case !r.Words && len(r.Paths)+len(r.Keys) == 0:
		p.Fail(n, key, "words: goes with path: or key:")
	}
	for _, re := range r.Match {
		if r.Literal != "" && !alwaysHolds(re, r.Literal) {
			p.Fail(n, key, "literal: a match without %q is possible, and would be missed", r.Literal)
		}
	}
}

func (p *parser) match(n *yaml.Node, key string, r *Rule) {
	text := p.text(n, key)
	if text == "" {
		return
	}
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		p.Fail(n, key, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	case re.MatchString(""):
		p.Fail(n, key, "the expression matches the empty text")
	case len(text) > p.spec.Limits.Regex:
		p.Fail(n, key, "the expression is longer than %d bytes (limits.regex_max_len)", p.spec.Limits.Regex)
	default:
		r.Match = append(r.Match, re)
	}
}

// mistyped refuses a path that is a typing mistake away from a field of the
// gateway's record, since it would never match. Who means another field writes
// ["name"].
func (p *parser) mistyped(n *yaml.Node, key, text string, path paths.Path) {
	if path.InArray() {
		p.Fail(n, key, "the path can never match: a record is an object")
		return
	}
	first, ok := path.First()
	if meant := nearField(first); ok && meant != "" && !strings.HasPrefix(text, "[") {
		p.Suggest(n, key, meant, "the path can never match: records have no field %q", first)
	}
}

// nearField is the field of the gateway's record that a name is a typing
// mistake away from, or "".
func nearField(name string) string {
	if len(name) < 5 || slices.Contains(event.Members(), name) {
		return ""
	}
	best, least := "", 3
	for _, f := range event.Members() {
		if d := strictyaml.Distance(name, f); len(f) >= 5 && d < least {
			best, least = f, d
		}
	}
	return best
}

// alwaysHolds says whether every match of an expression holds the literal.
func alwaysHolds(re *regexp.Regexp, literal string) bool {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	return err == nil && mustHold(tree, literal)
}

func mustHold(re *syntax.Regexp, literal string) bool {
	holds := func(sub *syntax.Regexp) bool { return mustHold(sub, literal) }
	switch re.Op {
	case syntax.OpLiteral:
		return re.Flags&syntax.FoldCase == 0 && strings.Contains(string(re.Rune), literal)
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		return slices.ContainsFunc(re.Sub, holds)
	case syntax.OpRepeat:
		return re.Min > 0 && holds(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !holds(sub) })
	}
	return false
}
