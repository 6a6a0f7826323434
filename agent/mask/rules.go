package mask

import (
	"github.com/auditship/auditship/agent/event"
	"regexp"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/spec"
)

// Rules are compiled masking rules. They never change and may be shared; each
// goroutine masks with a Masker of its own.
type Rules struct {
	set       *rule.Set
	allowed   []allowedValue
	limits    spec.Limits
	patterns  []paths.Pattern
	graph     *paths.Graph // of the patterns
	names     names.Patterns
	detectors [detect.Count][]rule.ID // rules by the detector they use
	matchers  []matcher
	filter    *detect.Filter
	lostNames map[string]rule.ID    // last keys of paths, and their rules
	held      map[string]event.Text // what fields hold, of rules seen Through a rename
	// limitRule and errorRule stand for what no rule of the files did: a value
	// too deep or long to look into, and one whose masking failed.
	limitRule, errorRule rule.ID
}

// The rules every set has, whatever its files say.
const (
	limitID = "limit"
	errorID = "error"
)

// Names lists the ids of the rules, built-in ones included, by the index that
// Masker.Hits uses. The last two are not in any file: "limit" counts values
// too deep or long to look into, "error" values whose masking failed; both
// were replaced.
func (r *Rules) Names() []string { return r.set.Names() }

// lost is the rule for a key whose place is not known, or None.
func (r *Rules) lost(key string) rule.ID {
	if id, ok := r.lostNames[key]; ok {
		return id
	}
	return rule.None
}

// allowedValue exempts values that match from rules that select by name or
// path.
type allowedValue struct {
	re     *regexp.Regexp
	prefix string // literal start of every match
	// somewhere: only at the places that go with it
	somewhere bool
}

// allows says whether a value is exempt by what it is.
func (r *Rules) allows(value []byte) bool {
	for i := range r.allowed {
		if !r.allowed[i].somewhere && r.allowed[i].covers(value) {
			return true
		}
	}
	return false
}

// covers says whether the value matches from its first byte, followed by
// nothing but the characters of a plain path, so that nothing can hide behind
// an allowed start.
func (a *allowedValue) covers(value []byte) bool {
	if !chars.HasPrefix(value, a.prefix) {
		return false
	}
	at := a.re.FindIndex(value)
	return at != nil && at[0] == 0 && plainPath.All(value[at[1]:])
}

var plainPath = chars.Alnum("_./-")
