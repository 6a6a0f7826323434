package mask

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// layer looks into what a stretch of text decodes to, and takes it as a whole
// if there is a secret inside, or if the layers go deeper than the limit.
func (t *texts) layer(text []byte, at detect.Span, decoded []byte) {
	w := t.w
	if bytes.Equal(decoded, text[at.Start:at.End]) {
		return
	}
	if w.depth >= w.m.rules.limits.Decode {
		w.m.refuse(w.m.rules.limitRule)
		t.reader.Take(at, w.m.rules.limitRule)
		return
	}
	if by := w.inner().texts.probe(decoded, t.node); by != rule.None {
		t.reader.Take(at, by)
	}
}

// probe says which rule is the strongest that hits something in text, or none.
// It counts nothing.
func (t *texts) probe(text []byte, node paths.Node) rule.ID {
	m := t.w.m
	defer m.quiet(m.probed)
	m.probed = &probe{rule: rule.None}
	t.w.frames = t.w.frames[:0]
	why := m.rules.filter.Look(text)
	if _, changed := t.inspect(text, node, &why); !changed {
		return rule.None
	}
	return m.probed.rule
}

// probe collects the rules that hit while nothing is counted.
type probe struct{ rule rule.ID }

// quiet ends a probe.
func (m *Masker) quiet(before *probe) { m.probed = before }

// fragments masks the JSON values that stand in a text.
func (t *texts) fragments(text []byte, node paths.Node) {
	if t.w.depth >= t.w.m.rules.limits.Decode {
		return
	}
	tries := 0
	for i := 0; i < len(text) && tries < maxFragments; i++ {
		if text[i] != '{' && text[i] != '[' {
			continue
		}
		if n := t.w.m.rules.set.MarkerLength(text[i:]); n > 0 {
			i += n - 1
			continue
		}
		tries++
		end := shape.JSONEnd(text, i)
		if end == 0 {
			continue
		}
		inner := t.w.inner()
		if inner.walk(text[i:end], node, rule.None) == nil && len(inner.edits.list) > 0 {
			from := len(t.pieces)
			t.pieces = inner.edits.assemble(t.pieces, text[i:end])
			t.reader.Hits = append(t.reader.Hits, shape.Hit{Span: detect.Span{Start: i, End: end}, Rule: rule.None, From: from, To: len(t.pieces)})
		}
		i = end - 1
	}
}

// maxFragments bounds how often a text is read as JSON, since each bracket
// that opens nothing is read to the end.
const maxFragments = 16

// broken finishes a text that stopped being JSON: what was read is masked
// already, the rest is masked as text. Where the rest belongs to a value that
// a rule selects, it goes as a whole.
func (w *walker) broken() (out []byte, changed bool) {
	tail := w.data[w.good:]
	by := w.tailRule()
	w.unnamed()
	if w.homeless() {
		by = w.m.rules.limitRule
	}
	w.tail = w.edits.assemble(w.tail[:0], w.data[:w.good])
	before := len(w.edits.list) > 0
	if by != rule.None && len(bytes.TrimLeft(tail, ": \t\r\n\"'")) > 0 {
		w.took(by)
		w.tail = append(append(append(w.tail, `: "`...), w.m.rules.set.Of(by).Marker...), '"')
		return w.tail, true
	}
	masked, more := w.texts.torn(tail, len(w.frames) > 0 || w.depth == 0)
	w.tail = append(w.tail, masked...)
	return w.tail, before || more
}

// tailRule is the rule for the value in which a text broke, or None.
func (w *walker) tailRule() rule.ID {
	if len(w.frames) == 0 {
		return w.force
	}
	f := w.frame()
	if f.array || w.last != jsonscan.Key {
		return f.force
	}
	by := w.m.decide(f.keyNode, f.force, f.key, jsonscan.String)
	if by == rule.None && f.key.role == names.Value && w.kin.nameless(f) {
		return w.m.rules.limitRule
	}
	return by
}

// unnamed takes the values in the open objects of a text that broke which had no
// name yet: it may have come behind them.
func (w *walker) unnamed() {
	limit := w.m.rules.limitRule
	for i := range w.frames {
		f := &w.frames[i]
		if f.kin == 0 || !w.kin.nameless(f) {
			continue
		}
		of := w.kin.list[f.kin-1]
		for _, v := range of.values[:of.v] {
			if v.end != 0 && v.key.role == names.Value && v.kind.IsScalar() {
				w.reread(v.stretch, v.node, limit)
			}
		}
	}
}

// homeless takes the bodies of a text that broke before the address came which
// says what they are. It says whether the text broke inside one.
func (w *walker) homeless() (inside bool) {
	if w.depth > 0 || w.m.address != paths.Nowhere {
		return false
	}
	limit := w.m.rules.limitRule
	for _, b := range w.m.bodies {
		if end := offset(shape.JSONEnd(w.data, int(b.start))); end > b.start {
			w.reread(stretch{b.start, end}, b.node, limit)
			continue
		}
		at := stretch{b.start, offset(w.good)}
		w.edits.forget(at, w.m.untake)
		w.edits.quote(at, limit, w.m.rules.set.Of(limit).Marker)
		return true
	}
	return false
}

// torn masks a text that is no JSON, whatever could stand in it.
func (t *texts) torn(text []byte, torn bool) (out []byte, changed bool) {
	why := t.w.m.rules.everything(text)
	t.search(text, paths.Start, &why, torn)
	out, changed = t.replace(text)
	if !changed {
		return text, false
	}
	return out, true
}
