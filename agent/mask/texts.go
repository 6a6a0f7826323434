package mask

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// The shapes that the filter tells apart.
const (
	hasPair    detect.Shapes = 1 << iota // = or :
	hasQuote                             // " ' ` and --flags
	hasPercent                           // %
	hasTag                               // <
	hasBracket                           // { or [
	hasBase64                            // a long run of base64
	hasEntity                            // &
	hasMatch                             // what a regular expression of a rule needs
	hasWide                              // marks of other scripts: ：
	hasLines                             // several lines
	hasCommand                           // a program that takes secrets
	hasCall                              // a function that does
	hasNUL                               // NULs between characters
	isMessage                            // it is a message, whatever stands in it
)

// addShapes lets a filter look for what texts are made of that hold others.
func addShapes(f *detect.Filter) {
	for c, why := range map[string]detect.Shapes{
		"=": hasPair, ":": hasPair, `"`: hasQuote, "'": hasQuote, "`": hasQuote,
		"%": hasPercent, "<": hasTag, "{": hasBracket, "[": hasBracket, " --": hasQuote,
		"\x00": hasNUL, "\n": hasLines, "-> ": hasPair, "(": hasCall, "&": hasEntity,
	} {
		f.AddLiteral(c, why)
	}
	for _, sign := range shape.CommandSigns {
		f.AddLiteral(sign, hasCommand)
	}
	for _, mark := range shape.WideMarks {
		f.AddLiteral(mark, hasWide)
	}
	f.AddRun(shape.Base64Chars, shape.MinBase64, hasBase64)
}

// everything is all that a text could be looked into for, whatever it looks like:
// all shapes, and the detectors that have a reason.
func (r *Rules) everything(text []byte) detect.Reasons {
	why := r.filter.Look(text)
	why.Shapes = ^detect.Shapes(0)
	return why
}

// texts masks the strings of one layer: as a whole, or what stands in them.
type texts struct {
	w       *walker
	node    paths.Node // of the text being searched
	reader  shape.Reader
	found   []detect.Span
	narrow  []byte // a text with marks of other scripts in ASCII
	pieces  []byte // fragments of a text after masking
	plain   []byte // a text of this layer after masking
	settled []byte // the same, while it is masked again
}

func (t *texts) init(w *walker) {
	t.w = w
	t.reader = shape.Reader{
		Ask:    func(name []byte) shape.Answer { return w.m.answer(name, t.node) },
		Marker: w.m.rules.set.MarkerLength,
		Exempt: w.m.exempts,
		Inside: t.layer,
		Limit:  w.m.rules.limitRule,
	}
}

// why says in one pass what reasons there are to look into a text.
func (t *texts) why(text []byte, node paths.Node) (found detect.Reasons) {
	m := t.w.m
	if len(text) < detect.MinText || m.places.Flags(node)&(paths.Protected|paths.Allowed) != 0 {
		return found
	}
	found = m.rules.filter.Look(text)
	switch flags := m.places.Flags(node); {
	case flags&paths.IsMessage != 0 || m.text && t.w.depth == 0:
		found.Shapes |= isMessage
	case flags&paths.IsName != 0:
		found.Shapes &^= hasQuote // a name is no message: my "secret" token
	}
	return found
}

// guarded is value with a net: a value whose masking panics is replaced.
func (t *texts) guarded(body []byte, node paths.Node, by rule.ID, why *detect.Reasons) (out []byte, changed bool) {
	defer func(before *probe) {
		if recover() == nil {
			return
		}
		w, failed := t.w, t.w.m.rules.errorRule
		w.m.probed = before
		w.took(failed)
		w.m.refuse(failed)
		if by != rule.None {
			w.m.refuse(by)
		}
		out, changed = w.m.rules.set.Of(failed).Marker, true
	}(t.w.m.probed)
	return t.value(body, node, by, why)
}

// value masks a whole value, by the rule that selects it or by looking inside,
// for the reasons in why. What it leaves of a text holds nothing any more that
// it would mask, so that masking twice is masking once: it masks its own
// result until that is so.
func (t *texts) value(text []byte, node paths.Node, by rule.ID, why *detect.Reasons) (out []byte, changed bool) {
	set := t.w.m.rules.set
	out, changed = t.once(text, node, by, why)
	if !changed || set.IsMarker(out) || by != rule.None && set.Of(by).Action.Kind != rule.Truncate {
		return out, changed
	}
	return t.settle(out, node, by), true
}

// settle masks a masked text until nothing changes.
func (t *texts) settle(out []byte, node paths.Node, by rule.ID) []byte {
	m := t.w.m
	defer m.quiet(m.probed)
	m.probed = &probe{rule: rule.None}
	for range maxRounds {
		t.settled = append(t.settled[:0], out...)
		why := t.why(t.settled, node)
		next, changed := t.once(t.settled, node, by, &why)
		if !changed {
			return t.settled
		}
		out = next
	}
	return m.rules.set.Of(m.rules.errorRule).Marker
}

// maxRounds bounds how often a text is masked until nothing changes. Two are
// common, three have been seen.
const maxRounds = 8

// once masks a value one time.
func (t *texts) once(text []byte, node paths.Node, by rule.ID, why *detect.Reasons) (out []byte, changed bool) {
	rules := t.w.m.rules
	if len(text) > rules.limits.Length && (by != rule.None || why.Any()) {
		return t.limited(), true
	}
	if by == rule.None {
		out, changed = t.inspect(text, node, why)
		return out, changed && !rules.allows(text)
	}
	if rules.set.IsMarker(text) || rules.allows(text) {
		return nil, false
	}
	if rules.set.Of(by).Action.Kind == rule.Truncate {
		return t.truncated(text, node, by)
	}
	t.plain = t.w.m.apply.Append(t.plain[:0], text, rules.set.Of(by))
	if bytes.Equal(t.plain, text) {
		return nil, false
	}
	t.w.took(by)
	return t.plain, true
}

// truncated looks inside a value before it is cut short.
func (t *texts) truncated(text []byte, node paths.Node, by rule.ID) ([]byte, bool) {
	why := t.why(text, node)
	out, changed := t.inspect(text, node, &why)
	if !changed {
		out = text
	}
	short := rule.FirstRunes(out, t.w.m.rules.set.Of(by).Action.Chars)
	if len(short) == len(out) {
		return out, changed
	}
	t.w.took(by)
	return short, true
}

// limited replaces what is too long or nested too deeply to look into.
func (t *texts) limited() []byte {
	m := t.w.m
	by := m.rules.limitRule
	t.w.took(by)
	m.refuse(by)
	t.plain = append(t.plain[:0], m.rules.set.Of(by).Marker...)
	return t.plain
}

// inspect masks the secrets inside a text. out is memory of this layer, or of
// the next one.
func (t *texts) inspect(text []byte, node paths.Node, why *detect.Reasons) (out []byte, changed bool) {
	if !why.Any() || t.w.m.rules.set.IsMarker(text) {
		return nil, false
	}
	if why.Shapes&(hasBracket|hasQuote) != 0 && startsJSON(text) {
		if out, changed, ok := t.json(text, node); ok {
			return out, changed
		}
	}
	t.search(text, node, why, false)
	return t.replace(text)
}

// startsJSON says whether a text could be JSON worth looking into.
func startsJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '"')
}

// json masks a text that is JSON itself, or begins as JSON and breaks. ok says
// that it was one of these.
func (t *texts) json(text []byte, node paths.Node) (out []byte, changed, ok bool) {
	if t.w.depth >= t.w.m.rules.limits.Decode {
		if !validJSON(text) {
			return nil, false, false
		}
		return t.limited(), true, true
	}
	inner := t.w.inner()
	if inner.walk(text, node, rule.None) != nil {
		if inner.good < 2 {
			return nil, false, false // a bracket, and then something else
		}
		out, changed = inner.broken()
		return out, changed, true
	}
	if len(inner.edits.list) == 0 {
		return nil, false, true
	}
	t.plain = inner.edits.assemble(t.plain[:0], text)
	return t.plain, true, true
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

// search collects what is to be hidden in a text that is no JSON as a whole.
// torn says that it may have lost its end, and its structure.
func (t *texts) search(text []byte, node paths.Node, why *detect.Reasons, torn bool) {
	t.node, t.reader.Hits, t.pieces = node, t.reader.Hits[:0], t.pieces[:0]
	m := t.w.m
	has := func(s detect.Shapes) bool { return why.Shapes&s != 0 }
	if has(hasBracket) {
		t.fragments(text, node)
	}
	t.detect(text, node, why, torn || m.text && t.w.depth == 0)
	t.named(text, node, why, torn)
	if has(hasEntity) {
		shape.Entities(text, &t.reader)
	}
	if has(hasPercent) {
		shape.Percent(text, &t.reader)
	}
	if has(hasBase64 | hasLines) {
		shape.Base64(text, &t.reader)
	}
	if has(hasNUL) {
		shape.Spaced(text, &t.reader)
	}
}

// named collects what names in a text give away.
func (t *texts) named(text []byte, node paths.Node, why *detect.Reasons, torn bool) {
	has := func(s detect.Shapes) bool { return why.Shapes&s != 0 }
	if has(hasWide) {
		t.narrow = shape.Narrow(t.narrow[:0], text)
		text = t.narrow
	}
	if has(hasPair | hasWide) {
		// of a body that is no JSON nothing is known: it has lost its structure
		shape.Pairs(text, torn || t.w.m.places.Flags(node)&paths.IsBody != 0, &t.reader)
		shape.Multipart(text, &t.reader)
	}
	if has(hasTag) {
		shape.Tags(text, &t.reader)
	}
	if has(hasLines) {
		shape.Tables(text, &t.reader)
	}
	if has(hasCommand) {
		shape.Commands(text, &t.reader)
	}
	if has(hasCall) && has(hasQuote) {
		shape.Calls(text, &t.reader)
	}
	if has(hasQuote | isMessage | hasWide) {
		shape.Messages(text, torn, has(isMessage), &t.reader)
	}
}

// detect runs the detectors and expressions that have a reason to.
func (t *texts) detect(text []byte, node paths.Node, why *detect.Reasons, torn bool) {
	m := t.w.m
	zones := m.places.Zones(node)
	for id := range why.Rows.Each {
		if by := m.choose(m.rules.detectors[id], zones); by != rule.None {
			t.found = detect.Find(id, t.found[:0], text, torn)
			for _, at := range t.found {
				t.reader.Take(at, by)
			}
		}
	}
	if why.Shapes&hasMatch != 0 {
		t.match(text, zones)
	}
}

// replace applies the rules to what was found. Where stretches overlap their
// union is masked, by the strongest rule. A marker that stands in the text
// stays.
func (t *texts) replace(text []byte) (out []byte, changed bool) {
	hits := t.reader.Hits
	if len(hits) == 0 {
		return nil, false
	}
	slices.SortFunc(hits, func(a, b shape.Hit) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	t.plain = t.plain[:0]
	at := 0
	for i := 0; i < len(hits); {
		s := hits[i]
		for i++; i < len(hits) && hits[i].Start < s.End; i++ {
			s = t.w.m.merge(s, hits[i])
		}
		old := text[s.Start:s.End]
		if t.w.m.rules.set.IsMarker(old) {
			continue
		}
		t.plain = append(t.plain, text[at:s.Start]...)
		from := len(t.plain)
		t.write(s, old)
		changed = changed || !bytes.Equal(t.plain[from:], old)
		at = s.End
	}
	t.plain = append(t.plain, text[at:]...)
	return t.plain, changed
}

// write appends what becomes of a stretch.
func (t *texts) write(s shape.Hit, old []byte) {
	if s.To > 0 {
		t.plain = append(t.plain, t.pieces[s.From:s.To]...)
	} else {
		t.plain = t.w.m.apply.Append(t.plain, old, t.w.m.rules.set.Of(s.Rule))
		t.w.took(s.Rule)
	}
	if s.Rule == rule.None {
		return
	}
	switch t.w.m.rules.set.Of(s.Rule).Action.Kind {
	case rule.DropEvent:
		t.w.m.dropped = true
	case rule.DropField:
		t.w.dropRule = s.Rule
	}
}

// merge joins two stretches that overlap. A fragment that was masked inside
// keeps its content unless something reaches beyond it.
func (m *Masker) merge(a, b shape.Hit) shape.Hit {
	if a.To > 0 && b.End <= a.End {
		return a
	}
	out := shape.Hit{Span: detect.Span{Start: a.Start, End: max(a.End, b.End)}}
	switch {
	case a.To > 0:
		out.Rule = b.Rule
	case b.To > 0:
		out.Rule = a.Rule
	default:
		out.Rule = m.rules.set.Stronger(a.Rule, b.Rule)
	}
	return out
}
