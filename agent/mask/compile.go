package mask

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/spec"
	"github.com/auditship/auditship/agent/strictyaml"
)

// compiler puts parsed files together.
type compiler struct {
	opts     Options
	errs     Errors
	r        *Rules
	specs    []spec.Rule // by rule
	patterns []paths.Pattern
	zones    int
	allowed  map[string]spec.Place // paths exempt by allow
}

func newCompiler(opts Options) *compiler {
	return &compiler{
		opts:    opts,
		allowed: map[string]spec.Place{},
		r:       &Rules{set: rule.NewSet(), limits: spec.DefaultLimits, filter: detect.NewFilter()},
	}
}

func (c *compiler) fail(at spec.Place, format string, args ...any) {
	c.suggest(at, "", format, args...)
}

// suggest is fail with the word that was probably meant.
func (c *compiler) suggest(at spec.Place, meant, format string, args ...any) {
	c.errs = append(c.errs, &Error{
		File: at.File, Line: at.Line, Column: at.Column, Key: at.Key, Problem: fmt.Sprintf(format, args...), Suggestion: meant,
	})
}

func (c *compiler) compile(files []spec.File) *Rules {
	failure := rule.DropValue
	for i := range files {
		failure = max(failure, files[i].Failure)
		c.limits(&files[i])
		for _, k := range files[i].Keys {
			c.key(k)
		}
		for _, a := range files[i].Allow {
			c.allow(a)
		}
	}
	for i := range files {
		for _, one := range files[i].Rules {
			c.declare(one, failure)
		}
	}
	c.r.limitRule = c.declareOwn(limitID, failure)
	c.r.errorRule = c.declareOwn(errorID, failure)
	for i, one := range c.specs {
		c.rule(rule.ID(i), one)
	}
	c.fixed()
	if len(c.errs) > 0 {
		return nil
	}
	c.r.patterns = c.patterns
	c.r.graph = paths.NewGraph(c.patterns, c.r.set)
	c.filter()
	c.lost()
	return c.r
}

// limits lets the smallest limit of all files count.
func (c *compiler) limits(f *spec.File) {
	l := &c.r.limits
	l.Depth = min(l.Depth, f.Limits.Depth)
	if f.Stated["decode"] {
		l.Decode = f.Limits.Decode
	}
	if f.Stated["length"] {
		l.Length = f.Limits.Length
	}
	if f.Stated["regex"] {
		l.Regex = f.Limits.Regex
	}
}

// wholes are the fields of a record that hold all kinds of values.
var wholes = []string{"http_request", "http_request.body", "http_request.headers", "http_response", "http_response.body"}

func (c *compiler) allow(a spec.Allow) {
	value := -1
	if a.Value != "" {
		if value = c.allowValue(a); value < 0 {
			return
		}
	}
	for _, p := range a.Paths {
		if p.Path.Open() && a.Value == "" || slices.Contains(wholes, p.Text) {
			c.fail(p.At, "a whole body cannot be exempt; name the fields")
			continue
		}
		if a.Value != "" {
			c.patterns = append(c.patterns, paths.Pattern{Path: p.Path, Meaning: paths.ExemptsSome, Value: value})
			continue
		}
		c.allowed[p.Text] = p.At
		c.patterns = append(c.patterns, paths.Pattern{Path: p.Path, Meaning: paths.Exempts})
	}
}

// allowValue compiles the expression of an exemption and gives its number, or -1.
func (c *compiler) allowValue(a spec.Allow) int {
	re, err := regexp.Compile(a.Value)
	switch {
	case err != nil:
		c.fail(a.At, "value: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return -1
	case re.MatchString(""):
		c.fail(a.At, "value: the expression matches the empty text")
		return -1
	}
	v := allowedValue{re: re, somewhere: len(a.Paths) > 0}
	if open, err := regexp.Compile(strings.TrimPrefix(a.Value, "^")); err == nil {
		v.prefix, _ = open.LiteralPrefix()
	}
	c.r.allowed = append(c.r.allowed, v)
	return len(c.r.allowed) - 1
}

// declare gives a rule its number.
func (c *compiler) declare(one spec.Rule, failure rule.OnError) {
	if before, twice := c.r.set.Named(one.ID); twice {
		c.twice(c.specs[before], one)
		return
	}
	if one.Failure != nil {
		failure = *one.Failure
	}
	c.specs = append(c.specs, one)
	c.r.set.Add(rule.Rule{
		Name: one.ID, Action: one.Action, Overrides: rule.None, KeepObjects: !one.Objects, KeepWords: !one.Words, ByName: len(one.Keys) > 0, Failure: failure, When: one.When,
	})
}

// twice says that two rules have one id.
func (c *compiler) twice(before, one spec.Rule) {
	switch {
	case before.Builtin:
		before = one
		fallthrough
	case one.Builtin:
		c.fail(before.At, "the built-in rules have a rule with the id %q; choose another, and override: %s to weaken that one", one.ID, one.ID)
	default:
		c.fail(one.At, "there is a rule with the id %q already", one.ID)
	}
}

// declareOwn adds a rule that no file holds.
func (c *compiler) declareOwn(id string, failure rule.OnError) rule.ID {
	c.declare(spec.Rule{ID: id, Builtin: true, Objects: true, Words: true, Action: rule.Action{Kind: rule.Redact}}, failure)
	own, _ := c.r.set.Named(id)
	return own
}

// rule compiles what a rule selects.
func (c *compiler) rule(id rule.ID, one spec.Rule) {
	c.override(id, one)
	c.sign(id, one)
	if len(one.In) > 0 {
		c.zone(id, one)
	}
	for _, p := range one.Paths {
		if at, ok := c.allowed[p.Text]; ok {
			c.fail(p.At, "the path is exempt by allow: in line %d of %s", at.Line, at.File)
		}
		c.patterns = append(c.patterns, paths.Pattern{Path: p.Path, Meaning: paths.Selects, Rule: id})
	}
	for _, k := range one.Keys {
		c.r.names.Add(k.Text, id, one.Whole)
	}
	for _, d := range one.Detect {
		c.r.detectors[d] = append(c.r.detectors[d], id)
	}
	for _, re := range one.Match {
		c.r.addMatcher(id, re, one.Literal)
	}
}

func (c *compiler) override(id rule.ID, one spec.Rule) {
	if one.Override == "" {
		return
	}
	other, known := c.r.set.Named(one.Override)
	if !known {
		at := one.At
		at.Key += ".override"
		c.suggest(at, strictyaml.Nearest(one.Override, slices.Sorted(slices.Values(c.r.set.Names()))), "there is no rule %q", one.Override)
		return
	}
	c.r.set.Of(id).Overrides = other
}

// sign gives a rule the key it hashes with.
func (c *compiler) sign(id rule.ID, one spec.Rule) {
	r := c.r.set.Of(id)
	if r.Action.Kind != rule.HMAC {
		return
	}
	key, known := c.r.set.Key(one.KeyID)
	if !known {
		if one.KeyID != "" {
			c.fail(one.KeyAt, "masking.keys has no key %q", one.KeyID)
		}
		return
	}
	if r.Action.Domain == "" {
		r.Action.Domain = one.ID
	}
	c.r.set.Sign(id, key)
}

func (c *compiler) zone(id rule.ID, one spec.Rule) {
	if c.zones == rule.MaxZones {
		c.fail(one.At, "more than %d rules have in:", rule.MaxZones)
		return
	}
	bit := rule.Zones(1) << c.zones
	c.r.set.Of(id).Zone = bit
	for _, p := range one.In {
		// whatever stands below a path belongs to it
		c.patterns = append(c.patterns, paths.Pattern{Path: p.Path.Below(), Meaning: paths.Zone, Zone: bit})
	}
	c.zones++
}

// fixed adds the paths that are the same in every set: the record's identity,
// where the request's address and the bodies it speaks about stand, what is
// written in words, and what people named.
func (c *compiler) fixed() {
	meanings := map[event.Part]paths.Meaning{
		event.URIPart: paths.URI, event.BodyPart: paths.Body, event.NamePart: paths.Name, event.WordsPart: paths.Message,
	}
	for _, f := range event.Fields() {
		for _, name := range f.Names() {
			add := func(means paths.Meaning) {
				path := paths.Keys(strings.Split(name, ".")...)
				c.patterns = append(c.patterns, paths.Pattern{Path: path, Meaning: means, Exact: true})
			}
			if f.Identity {
				add(paths.Protects)
			}
			if means, ok := meanings[f.Part]; ok {
				add(means)
			}
		}
	}
	for _, key := range []string{"error", "error_msg", "message"} {
		c.patterns = append(c.patterns, paths.Pattern{Path: paths.Anywhere(key), Meaning: paths.Message})
	}
}

// filter lets the filter look for the detectors in use.
func (c *compiler) filter() {
	addShapes(c.r.filter)
	for id := range detect.ID(detect.Count) {
		if len(c.r.detectors[id]) > 0 {
			c.r.filter.AddRow(id)
		}
	}
}

// lost notes the last keys of all paths. Where a text has lost its structure,
// they are taken for the names of secrets.
func (c *compiler) lost() {
	c.r.lostNames = map[string]rule.ID{}
	for _, p := range c.patterns {
		last, isKey := p.Path.Last()
		if p.Meaning != paths.Selects || !isKey {
			continue
		}
		before, known := c.r.lostNames[last]
		if !known {
			before = rule.None
		}
		c.r.lostNames[last] = c.r.set.Stronger(before, p.Rule)
	}
}
