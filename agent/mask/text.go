package mask

import (
	"bytes"
	"cmp"
	"slices"
)

// hitSpan is a stretch of a text that a rule takes.
type hitSpan struct {
	span
	rule int32
}

// minText is the length below which no detector finds anything: pin=1.
const minText = 5

// worthLook says in one pass whether a text could hold a secret.
func (w *walker) worthLook(text []byte, node int32) bool {
	if len(text) < minText || w.m.nodes.list[node].flags&(nodeProtected|nodeAllowed) != 0 {
		return false
	}
	return w.m.rules.prefilter.look(text) != 0
}

// value masks a whole value, by the rule that selects it or by looking inside.
func (w *walker) value(text []byte, node, rule int32) (out []byte, changed bool) {
	if len(text) > w.m.rules.limits.length {
		return w.limited(), true
	}
	if rule == none {
		if w.m.nodes.list[node].flags&(nodeProtected|nodeAllowed) != 0 {
			return nil, false
		}
		return w.inspect(text, node)
	}
	if w.m.rules.isMarker(text) || w.m.rules.allows(text) {
		return nil, false
	}
	if w.m.rules.rules[rule].action.kind == truncate {
		return w.truncated(text, node, rule)
	}
	w.plain = w.m.apply(w.plain[:0], text, rule)
	if bytes.Equal(w.plain, text) {
		return nil, false
	}
	w.took(rule)
	return w.plain, true
}

// truncated looks inside a value before it is cut short.
func (w *walker) truncated(text []byte, node, rule int32) ([]byte, bool) {
	out, changed := w.inspect(text, node)
	if !changed {
		out = text
	}
	short := firstRunes(out, w.m.rules.rules[rule].action.chars)
	if len(short) == len(out) {
		return out, changed
	}
	w.took(rule)
	return short, true
}

// limited replaces what is too long or nested too deeply to look into.
func (w *walker) limited() []byte {
	rule := w.m.rules.limitRule
	w.took(rule)
	w.plain = append(w.plain[:0], w.m.rules.rules[rule].marker...)
	return w.plain
}

// allows says whether a value is exempt by what it is.
func (r *Rules) allows(value []byte) bool {
	for i := range r.allowed {
		if r.allowed[i].covers(value) {
			return true
		}
	}
	return false
}

// inspect masks the secrets inside a text.
func (w *walker) inspect(text []byte, node int32) (out []byte, changed bool) {
	why := w.m.rules.prefilter.look(text)
	if why == 0 || w.m.rules.isMarker(text) || w.m.rules.allows(text) {
		return nil, false
	}
	w.spans = w.spans[:0]
	w.detect(text, node, why, false)
	return w.replaceSpans(text)
}

// maskPlain masks a text that is no JSON. cut says that it may be torn off.
func (w *walker) maskPlain(text []byte, cut bool) []byte {
	w.spans = w.spans[:0]
	w.root, w.frames = startNode, w.frames[:0]
	w.detect(text, startNode, ^trigger(0), cut)
	out, changed := w.replaceSpans(text)
	if !changed {
		return text
	}
	return out
}

// detect runs the detectors that have a reason to.
func (w *walker) detect(text []byte, node int32, why trigger, cut bool) {
	zones := w.m.nodes.list[node].zones
	var found [8]span
	for d, rules := range w.m.rules.detectors {
		if why>>d&1 == 0 || len(rules) == 0 {
			continue
		}
		rule := none
		for _, r := range rules {
			if zone := w.m.rules.rules[r].zone; (zone == 0 || zone&zones != 0) && w.m.holds(r) {
				rule = w.m.rules.stronger(rule, r)
			}
		}
		if rule == none {
			continue
		}
		for _, s := range w.m.rules.finders[d].find(found[:0], text, cut) {
			w.spans = append(w.spans, hitSpan{s, rule})
		}
	}
}

// replaceSpans applies the rules to the spans found. Where spans overlap their
// union is masked, by the strongest rule.
func (w *walker) replaceSpans(text []byte) (out []byte, changed bool) {
	if len(w.spans) == 0 {
		return nil, false
	}
	slices.SortFunc(w.spans, func(a, b hitSpan) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	w.plain = w.plain[:0]
	at := 0
	for i := 0; i < len(w.spans); {
		s := w.spans[i]
		for i++; i < len(w.spans) && w.spans[i].start < s.end; i++ {
			s.end = max(s.end, w.spans[i].end)
			s.rule = w.m.rules.stronger(s.rule, w.spans[i].rule)
		}
		w.plain = append(w.plain, text[at:s.start]...)
		w.plain = w.m.apply(w.plain, text[s.start:s.end], s.rule)
		at = s.end
		w.took(s.rule)
	}
	w.plain = append(w.plain, text[at:]...)
	return w.plain, true
}

// holdsSecret says whether a detector would take something out of a key.
func (m *Masker) holdsSecret(key string) bool {
	why := m.rules.prefilter.look([]byte(key))
	if why == 0 {
		return false
	}
	w := &walker{m: m, root: startNode}
	w.detect([]byte(key), startNode, why, false)
	return len(w.spans) > 0
}
