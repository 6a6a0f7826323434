package mask

import (
	"cmp"
	"regexp"
	"slices"
)

// Rules are compiled masking rules. They never change and may be shared; each
// goroutine masks with a Masker of its own.
type Rules struct {
	rules   []rule
	byID    map[string]int32
	keyIDs  map[string]*hmacKey
	allowed []allowedValue
	limits  limits

	graph        *graph
	namePatterns []namePattern
	nameGlobs    bool                   // some of them are globs
	detectors    [detectorCount][]int32 // rules by the detector they use
	finders      [detectorCount]finder
	matchers     []matcher
	prefilter    *prefilter
	lostNames    map[string]int32 // last keys of paths, and their rules
	// limitRule and errorRule stand for what no rule of the files did: a value
	// too deep or long to look into, and one whose masking failed.
	limitRule, errorRule int32
	conditional          bool // some rules have a when:
}

// The rules every set has, whatever its files say.
const (
	limitID = "limit"
	errorID = "error"
)

// limits bound the work for one value.
type limits struct {
	depth  int // of containers in a record
	decode int // of texts inside texts: JSON in a string, base64, percent-encoding
	length int // of a string, in bytes
	regex  int // of a regular expression, in bytes
}

var defaultLimits = limits{depth: 10_000, decode: 4, length: 8 << 20, regex: 1000}

// onError is what becomes of a record in which a rule could not be applied. The
// value is replaced either way; the later ones are the stricter.
type onError byte

const (
	dropValue  onError = iota // the record goes on
	deadLetter                // it becomes a dead letter
	stop                      // the agent stops before it
)

// rule is one compiled rule.
type rule struct {
	id     string
	action action
	marker []byte // [REDACTED:<id>]
	quoted []byte // the same as a JSON string
	// zone is the bit of the in: paths, or 0 where the rule works everywhere.
	zone uint64
	// overrides is the rule that gives way to this one, or -1.
	overrides int32
	// keepObjects: an object below a key that the rule selects by name is
	// looked into instead of being masked as a whole.
	keepObjects bool
	failure     onError
	when        *condition
}

// allowedValue exempts values that match from rules that select by name or
// path.
type allowedValue struct {
	re     *regexp.Regexp
	prefix string // literal start of every match
}

// covers says whether the value matches from its first byte, followed by
// nothing but the characters of a plain path, so that nothing can hide behind
// an allowed start.
func (a *allowedValue) covers(value []byte) bool {
	if len(value) < len(a.prefix) || string(value[:len(a.prefix)]) != a.prefix {
		return false
	}
	at := a.re.FindIndex(value)
	if at == nil || at[0] != 0 {
		return false
	}
	for _, c := range value[at[1]:] {
		if !isAlnum(c) && c != '_' && c != '.' && c != '/' && c != '-' {
			return false
		}
	}
	return true
}

// lost is the rule for a key whose place is not known, or none.
func (r *Rules) lost(key string) int32 {
	if rule, ok := r.lostNames[key]; ok {
		return rule
	}
	return none
}

// Names lists the ids of the rules, built-in ones included, by the index that
// Masker.Hits uses. The last two are not in any file: "limit" counts values
// too deep or long to look into, "error" values whose masking failed; both
// were replaced.
func (r *Rules) Names() []string {
	out := make([]string, len(r.rules))
	for i := range r.rules {
		out[i] = r.rules[i].id
	}
	return out
}

// stronger picks the rule to apply where two select the same value; -1 stands
// for none. An override wins; otherwise the stronger action, then the first.
func (r *Rules) stronger(a, b int32) int32 {
	switch {
	case a < 0:
		return b
	case b < 0 || a == b:
		return a
	case r.rules[a].overrides == b:
		return a
	case r.rules[b].overrides == a:
		return b
	case r.rules[b].action.kind < r.rules[a].action.kind:
		return b
	}
	return a
}

func (r *Rules) compare(a, b int32) int {
	if a == b {
		return 0
	}
	if r.stronger(a, b) == a && r.stronger(b, a) == a {
		return -1
	}
	if r.stronger(a, b) == b && r.stronger(b, a) == b {
		return 1
	}
	return cmp.Compare(a, b)
}

func (r *Rules) sortByStrength(rules []int32) { slices.SortStableFunc(rules, r.compare) }

func (r *Rules) sortHits(hits []nameHit) {
	slices.SortStableFunc(hits, func(a, b nameHit) int { return r.compare(a.rule, b.rule) })
}

// isMarker says whether text is exactly what some rule of this set leaves
// behind. Such a value is left alone, so that masking twice changes nothing.
func (r *Rules) isMarker(text []byte) bool {
	return len(text) > 0 && r.markerLength(text) == len(text)
}

const (
	redactedPrefix = "[REDACTED:"
	hmacPrefix     = "hmac:"
)

// markerLength is the length of the marker that text starts with, or 0.
func (r *Rules) markerLength(text []byte) int {
	switch {
	case hasPrefix(text, redactedPrefix):
		rest := text[len(redactedPrefix):]
		end := slices.Index(rest[:min(len(rest), maxIDLength+1)], ']')
		if end < 0 {
			return 0
		}
		if _, known := r.byID[string(rest[:end])]; known {
			return len(redactedPrefix) + end + 1
		}
	case hasPrefix(text, hmacPrefix):
		rest := text[len(hmacPrefix):]
		end := slices.Index(rest[:min(len(rest), maxIDLength+1)], ':')
		if end < 0 {
			return 0
		}
		if key, known := r.keyIDs[string(rest[:end])]; known {
			return key.markerLength(rest[end+1:], len(hmacPrefix)+end+1)
		}
	}
	return 0
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
