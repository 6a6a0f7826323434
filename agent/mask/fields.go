package mask

import (
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/jsonscan"
)

// MasksField reports whether a rule changes whatever stands at a path of the record
// such as "operator.email", under some condition at least. It tries the rules on a
// record with nothing else in it, so what only a detector would find there, or a
// rule that also looks at neighbours, is not reported.
func (r *Rules) MasksField(path string) bool {
	always := *r
	always.rules = slices.Clone(r.rules)
	for i := range always.rules {
		always.rules[i].when = nil
	}
	hits, res := always.NewMasker().Explain(recordWith(path))
	return res.Outcome != Kept || slices.ContainsFunc(hits, func(h Hit) bool { return h.Path == path })
}

// recordWith is a record that holds a plain word at the path.
func recordWith(path string) []byte {
	var record []byte
	keys := strings.Split(path, ".")
	for _, key := range keys {
		record = append(jsonscan.AppendQuoted(append(record, '{'), []byte(key)), ':')
	}
	record = append(record, `"probe"`...)
	return append(record, strings.Repeat("}", len(keys))...)
}
