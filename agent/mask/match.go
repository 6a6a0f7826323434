package mask

import "regexp"

// matcher is a regular expression of a rule.
type matcher struct {
	rule    int32
	re      *regexp.Regexp
	literal string // every match holds it; "" where none is known
}

// addMatcher registers the expression of a rule.
func (r *Rules) addMatcher(rule int32, re *regexp.Regexp, literal string) {
	if literal == "" {
		literal, _ = re.LiteralPrefix()
	}
	r.matchers = append(r.matchers, matcher{rule, re, literal})
}
