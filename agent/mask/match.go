package mask

import (
	"bytes"
	"regexp"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/rule"
)

// matcher is a regular expression of a rule.
type matcher struct {
	rule    rule.ID
	re      *regexp.Regexp
	literal []byte // every match holds it; empty where none is known
}

// addMatcher registers the expression of a rule.
func (r *Rules) addMatcher(id rule.ID, re *regexp.Regexp, literal string) {
	if literal == "" {
		literal, _ = re.LiteralPrefix()
	}
	r.matchers = append(r.matchers, matcher{id, re, []byte(literal)})
	switch len(literal) {
	case 0:
		r.filter.AddAlways(hasMatch)
	case 1, 2:
		r.filter.AddLiteral(literal[:1], hasMatch)
	default:
		r.filter.AddLiteral(literal, hasMatch)
	}
}

// match collects what the expressions of the rules find.
func (t *texts) match(text []byte, zones rule.Zones) {
	m := t.w.m
	for i := range m.rules.matchers {
		x := &m.rules.matchers[i]
		if !bytes.Contains(text, x.literal) || m.choose([]rule.ID{x.rule}, zones) == rule.None {
			continue
		}
		for _, at := range x.re.FindAllIndex(text, -1) {
			if at[1] > at[0] {
				t.reader.Take(detect.Span{Start: at[0], End: at[1]}, x.rule)
			}
		}
	}
}
