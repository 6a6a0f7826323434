package mask

import (
	"slices"
	"strconv"
	"strings"

	"github.com/auditship/auditship/agent/mask/rule"
)

// Hit says what happened to one value. It holds nothing of the value itself.
type Hit struct {
	Rule   string // id of the rule
	Path   string // where the value stands, such as http_request.body.plugins.key-auth.key
	Action string // as the rules file calls it
}

// Explain masks a record as Mask does and lists every value that was changed
// or dropped, in the order in which they were found.
func (m *Masker) Explain(record []byte) ([]Hit, Result) {
	hits := []Hit{}
	m.explain = &hits
	defer func() { m.explain = nil }()
	res := m.Mask(record)
	return hits, res
}

// note adds a hit to the explanation.
func (w *walker) note(by rule.ID) {
	if w.m.explain == nil {
		return
	}
	r := w.m.rules.set.Of(by)
	var b strings.Builder
	w.path(&b)
	h := Hit{Rule: r.Name, Path: b.String(), Action: r.Action.Kind.String()}
	if !slices.Contains(*w.m.explain, h) {
		*w.m.explain = append(*w.m.explain, h)
	}
}

// path names the place of the current value, through all layers.
func (w *walker) path(b *strings.Builder) {
	if w.outer != nil {
		w.outer.path(b)
	}
	for i := range w.frames {
		f := &w.frames[i]
		switch {
		case f.array:
			b.WriteString("[" + strconv.Itoa(int(f.index)-1) + "]")
		case f.key != nil:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(f.key.shown())
		}
	}
}

// shown is the key as it may be printed.
func (k *keyInfo) shown() string {
	if k.secret {
		return "[REDACTED]"
	}
	return printable(k.plain)
}

// printable writes what a terminal would obey as escapes.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	quoted := strconv.QuoteToGraphic(s)
	return quoted[1 : len(quoted)-1]
}
