package mask

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// span is a stretch of a text.
type span struct{ start, end int }

// hitSpan is a stretch of a text that a rule takes.
type hitSpan struct {
	span
	rule int32
	// A stretch that is masked inside instead of being replaced, a JSON
	// fragment, has its new content in walker.pieces[from:to]; to is 0 else.
	from, to int
}

// why says in one pass what reasons there are to look into a text.
func (w *walker) why(text []byte, node int32) trigger {
	if len(text) < minText || w.m.nodes.flags[node]&(nodeProtected|nodeAllowed) != 0 {
		return 0
	}
	found := w.m.rules.prefilter.look(text)
	switch flags := w.m.nodes.flags[node]; {
	case flags&nodeMessage != 0 || w.m.text && w.depth == 0:
		found |= whyMessage
	case flags&nodeName != 0:
		found &^= whyQuote // a name is no message: my "secret" token
	}
	return found
}

// value masks a whole value, by the rule that selects it or by looking inside,
// for the reasons in why. What it leaves of a text holds nothing any more that
// it would mask, so that masking twice is masking once: it masks its own
// result until that is so.
func (w *walker) value(text []byte, node, rule int32, why trigger) (out []byte, changed bool) {
	out, changed = w.once(text, node, rule, why)
	if !changed || w.m.rules.isMarker(out) || rule != none && w.m.rules.rules[rule].action.kind != truncate {
		return out, changed
	}
	return w.settle(out, node, rule), true
}

// settle masks a masked text until nothing changes.
func (w *walker) settle(out []byte, node, rule int32) []byte {
	defer w.m.quiet(w.m.probed)
	w.m.probed = &probe{rule: none}
	for range maxRounds {
		w.settled = append(w.settled[:0], out...)
		next, changed := w.once(w.settled, node, rule, w.why(w.settled, node))
		if !changed {
			return w.settled
		}
		out = next
	}
	return w.m.rules.rules[w.m.rules.errorRule].marker
}

// maxRounds bounds how often a text is masked until nothing changes. Two are
// common, three have been seen.
const maxRounds = 8

// once masks a value one time.
func (w *walker) once(text []byte, node, rule int32, why trigger) (out []byte, changed bool) {
	if len(text) > w.m.rules.limits.length && (rule != none || why != 0) {
		return w.limited(), true
	}
	if rule == none {
		out, changed = w.inspect(text, node, why)
		return out, changed && !w.m.rules.allows(text)
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
	out, changed := w.inspect(text, node, w.why(text, node))
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
	w.m.refuse(rule)
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

// inspect masks the secrets inside a text. out is memory of the walker, or of
// the next one.
func (w *walker) inspect(text []byte, node int32, why trigger) (out []byte, changed bool) {
	if why == 0 || w.m.rules.isMarker(text) {
		return nil, false
	}
	if why&(whyBracket|whyQuote) != 0 && startsJSON(text) {
		if out, changed, ok := w.json(text, node); ok {
			return out, changed
		}
	}
	w.spans, w.pieces = w.spans[:0], w.pieces[:0]
	w.search(text, node, why, false)
	return w.replaceSpans(text)
}

// startsJSON says whether a text could be JSON worth looking into.
func startsJSON(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[', '"':
			return true
		default:
			return false
		}
	}
	return false
}

// json masks a text that is JSON itself, or begins as JSON and breaks. ok says
// that it was one of these.
func (w *walker) json(text []byte, node int32) (out []byte, changed, ok bool) {
	if w.depth >= w.m.rules.limits.decode {
		if !validJSON(text) {
			return nil, false, false
		}
		return w.limited(), true, true
	}
	inner := w.inner()
	if inner.walk(text, node, none) != nil {
		if inner.good < 2 {
			return nil, false, false // a bracket, and then something else
		}
		out, changed = inner.broken()
		return out, changed, true
	}
	if len(inner.edits) == 0 {
		return nil, false, true
	}
	w.plain = inner.assemble(w.plain[:0], len(text))
	return w.plain, true, true
}

func validJSON(text []byte) bool {
	var s jsonscan.Scanner
	s.Reset(text)
	for {
		switch s.Next() {
		case jsonscan.EOF:
			return true
		case jsonscan.Invalid:
			return false
		}
	}
}

// broken finishes a text that stopped being JSON: what was read is masked
// already, the rest is masked as text. Where the rest belongs to a value that
// a rule selects, it goes as a whole.
func (w *walker) broken() (out []byte, changed bool) {
	tail := w.data[w.good:]
	rule := w.tailRule()
	w.tail = w.assemble(w.tail[:0], w.good)
	before := len(w.edits) > 0
	if rule != none && len(bytes.TrimLeft(tail, ": \t\r\n\"'")) > 0 {
		w.took(rule)
		w.tail = append(w.tail, `: "`...)
		w.tail = append(append(w.tail, w.m.rules.rules[rule].marker...), '"')
		return w.tail, true
	}
	masked, more := w.plainText(tail, len(w.frames) > 0 || w.depth == 0)
	w.tail = append(w.tail, masked...)
	return w.tail, before || more
}

// tailRule is the rule for the value in which a text broke, or none.
func (w *walker) tailRule() int32 {
	if len(w.frames) == 0 {
		return w.force
	}
	f := &w.frames[len(w.frames)-1]
	if !f.array && w.last == jsonscan.Key {
		return w.decide(f.keyNode, f.force, f.key, jsonscan.String)
	}
	return f.force
}

// plainText masks a text that is no JSON. torn says that it may have lost its
// end, and its structure.
func (w *walker) plainText(text []byte, torn bool) (out []byte, changed bool) {
	w.spans, w.pieces = w.spans[:0], w.pieces[:0]
	w.search(text, startNode, ^trigger(0), torn)
	out, changed = w.replaceSpans(text)
	if !changed {
		return text, false
	}
	return out, true
}

// search collects what is to be hidden in a text that is no JSON as a whole.
func (w *walker) search(text []byte, node int32, why trigger, torn bool) {
	if why&whyBracket != 0 {
		w.fragments(text, node)
	}
	w.detect(text, node, why, torn || w.m.text && w.depth == 0)
	if why&whyPair != 0 {
		// of a body that is no JSON nothing is known: it has lost its structure
		w.pairs(text, node, torn || w.m.nodes.flags[node]&nodeBody != 0)
		w.multipart(text, node)
	}
	if why&whyTag != 0 {
		w.tags(text, node)
	}
	if why&(whyQuote|whyMessage) != 0 {
		w.quoted(text, node, torn, why&whyMessage != 0)
	}
	if why&whyEntity != 0 {
		w.entities(text, node)
	}
	if why&whyPercent != 0 {
		w.percent(text, node)
	}
	if why&whyBase64 != 0 {
		w.base64(text, node)
	}
}

// detect runs the detectors and expressions that have a reason to.
func (w *walker) detect(text []byte, node int32, why trigger, torn bool) {
	zones := w.m.nodes.list[node].zones
	for rest := uint32(why); rest != 0; rest &= rest - 1 {
		d := bits.TrailingZeros32(rest)
		if d >= len(w.m.rules.detectors) {
			break
		}
		if rule := w.m.choose(w.m.rules.detectors[d], zones); rule != none {
			w.found = w.m.rules.finders[d].find(w.found[:0], text, torn)
			for _, s := range w.found {
				w.spans = append(w.spans, hitSpan{span: s, rule: rule})
			}
		}
	}
	if why&whyMatch != 0 {
		w.match(text, zones)
	}
}

// choose picks the strongest of the rules that work in these zones.
func (m *Masker) choose(rules []int32, zones uint64) int32 {
	best := none
	for _, r := range rules {
		if zone := m.rules.rules[r].zone; (zone == 0 || zone&zones != 0) && m.holds(r) {
			best = m.rules.stronger(best, r)
		}
	}
	return best
}

// replaceSpans applies the rules to the spans found. Where spans overlap their
// union is masked, by the strongest rule. A marker that stands in the text
// stays.
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
			s = w.merge(s, w.spans[i])
		}
		old := text[s.start:s.end]
		if w.m.rules.isMarker(old) {
			continue
		}
		w.plain = append(w.plain, text[at:s.start]...)
		from := len(w.plain)
		if s.to > 0 {
			w.plain = append(w.plain, w.pieces[s.from:s.to]...)
		} else {
			w.plain = w.m.apply(w.plain, old, s.rule)
			w.took(s.rule)
		}
		changed = changed || !bytes.Equal(w.plain[from:], old)
		at = s.end
		w.dropsText(s.rule)
	}
	w.plain = append(w.plain, text[at:]...)
	return w.plain, changed
}

// merge joins two spans that overlap. A fragment that was masked inside keeps
// its content unless something reaches beyond it.
func (w *walker) merge(a, b hitSpan) hitSpan {
	if a.to > 0 && b.end <= a.end {
		return a
	}
	out := hitSpan{span: span{a.start, max(a.end, b.end)}}
	switch {
	case a.to > 0:
		out.rule = b.rule
	case b.to > 0:
		out.rule = a.rule
	default:
		out.rule = w.m.rules.stronger(a.rule, b.rule)
	}
	return out
}

// dropsText notes that a rule found in a text drops the field or the event.
func (w *walker) dropsText(rule int32) {
	if rule == none {
		return
	}
	switch w.m.rules.rules[rule].action.kind {
	case dropEvent:
		w.m.dropped = true
	case dropField:
		w.dropRule = rule
	}
}
