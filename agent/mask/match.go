package mask

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// matcher is a regular expression of a rule.
type matcher struct {
	rule    int32
	re      *regexp.Regexp
	literal []byte // every match holds it; empty where none is known
}

// addMatcher registers the expression of a rule.
func (r *Rules) addMatcher(rule int32, re *regexp.Regexp, literal string) {
	if literal == "" {
		literal, _ = re.LiteralPrefix()
	}
	r.matchers = append(r.matchers, matcher{rule, re, []byte(literal)})
	switch len(literal) {
	case 0:
		r.prefilter.always |= whyMatch
	case 1, 2:
		r.prefilter.add(literal[:1], whyMatch)
	default:
		r.prefilter.add(literal, whyMatch)
	}
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

// match collects what the expressions of the rules find.
func (w *walker) match(text []byte, zones uint64) {
	for i := range w.m.rules.matchers {
		x := &w.m.rules.matchers[i]
		if !bytes.Contains(text, x.literal) || w.m.choose([]int32{x.rule}, zones) == none {
			continue
		}
		for _, at := range x.re.FindAllIndex(text, -1) {
			if at[1] > at[0] {
				w.spans = append(w.spans, hitSpan{span: span{at[0], at[1]}, rule: x.rule})
			}
		}
	}
}
