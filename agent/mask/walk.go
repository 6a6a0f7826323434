package mask

import (
	"bytes"
	"math"
	"strconv"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// none stands for no rule.
const none int32 = -1

// frame is an open container.
type frame struct {
	array bool
	node  int32
	force int32 // rule that masks everything in here, or none
	// behind is the rule for objects in here where force leaves objects alone
	behind int32
	// of the member being read
	key      *keyInfo
	keyNode  int32
	keyStart int32
	// of an array
	index  int32 // of the next element
	first  span32
	second int32 // start of the second element
	next   int32 // rule for the next element alone, or none
	// for dropping members
	lastEnd int32 // end of the last value that stays, 0 for none
	pending int32 // 1 + index of the edit that reaches up to the next member
	// 1 + index into walker.kin, 0 where no member is of interest to another
	kin int32
}

type span32 struct{ start, end int32 }

// edit replaces data[start:end] with arena[from:to].
type edit struct {
	start, end int32
	from, to   int32
	rule       int32 // that was counted for it, or none
}

// walker masks one layer of a record: the record itself, or a text inside one
// of its strings.
type walker struct {
	m     *Masker
	outer *walker // whose current value holds this layer, or nil
	depth int
	scan  jsonscan.Scanner

	data    []byte
	root    int32
	force   int32
	frames  []frame
	kin     []kin
	edits   []edit
	arena   []byte
	good    int           // end of the last token that was read
	last    jsonscan.Kind // its kind
	lastKey *keyInfo      // what was read before the next member's name
	again   *walker       // for values that are read a second time

	text     []byte // a string of this layer without its escapes
	spans    []hitSpan
	found    []span
	pieces   []byte // fragments of a text after masking
	plain    []byte // a text of this layer after masking
	settled  []byte // the same, while it is masked again
	decoded  []byte
	tail     []byte
	beside   beside
	dropRule int32 // a rule found in a text drops the field it stands in
}

// walk masks the JSON text data, which stands at node. It leaves the edits to
// be made.
func (w *walker) walk(data []byte, node, force int32) error {
	w.data, w.root, w.force = data, node, force
	w.frames, w.kin, w.edits, w.arena = w.frames[:0], w.kin[:0], w.edits[:0], w.arena[:0]
	w.good, w.last, w.lastKey, w.dropRule = 0, jsonscan.Invalid, nil, none
	w.scan.Reset(data)
	for !w.m.dropped {
		kind := w.scan.Next()
		switch kind {
		case jsonscan.Key:
			w.key()
		case jsonscan.BeginObject, jsonscan.BeginArray:
			w.open(kind)
		case jsonscan.EndObject, jsonscan.EndArray:
			w.close()
		case jsonscan.EOF:
			return nil
		case jsonscan.Invalid:
			return w.scan.Err()
		default:
			w.scalar(kind)
		}
		w.good, w.last = w.scan.End(), kind
	}
	return nil
}

// key reads a member's name.
func (w *walker) key() {
	start, end := w.scan.Start(), w.scan.End()
	f := &w.frames[len(w.frames)-1]
	key := w.m.keys.after(w.lastKey, w.data[start+1:end-1], w.scan.Escaped())
	w.lastKey, f.key = key, key
	if key.from != f.node {
		key.from, key.to = f.node, w.m.nodes.step(f.node, key.class)
	}
	f.keyNode = key.to
	f.keyStart = int32(start)
	if f.pending != 0 {
		w.settleDrop(f, start)
	}
	if f.key.secret {
		w.maskKey(start, end)
	}
}

// place says where the value about to be read stands: its node, the rule that
// masks everything there, and the key it has.
func (w *walker) place() (node, force int32, key *keyInfo) {
	if len(w.frames) == 0 {
		return w.root, w.force, nil
	}
	f := &w.frames[len(w.frames)-1]
	if !f.array {
		return f.keyNode, f.force, f.key
	}
	return w.element(f), w.nextForce(f), nil
}

// element moves on to the next element of an array and gives its node.
func (w *walker) element(f *frame) int32 {
	class := w.m.nodes.elementClass(f.index)
	if f.index == 1 {
		f.second = int32(w.scan.Start())
	}
	f.index++
	return w.m.nodes.step(f.node, class)
}

// nextForce is the rule that the element before has for this one, or that of
// the whole array.
func (w *walker) nextForce(f *frame) int32 {
	rule := f.next
	if f.next = none; rule != none {
		if s := w.data[w.scan.Start():w.scan.End()]; len(s) > 2 && s[0] == '"' && w.isOnlyName(s[1:len(s)-1]) {
			rule = none
		}
	}
	return w.m.rules.stronger(f.force, rule)
}

// decide picks the rule for a value, or none.
func (w *walker) decide(node, force int32, key *keyInfo, kind jsonscan.Kind) int32 {
	flags := w.m.nodes.flags[node]
	best := force
	if flags&nodeInert == 0 {
		if flags&nodeAllowed != 0 && kind.IsScalar() {
			return none
		}
		for _, r := range w.m.nodes.list[node].rules {
			if w.m.holds(r) {
				best = w.m.rules.stronger(best, r)
			}
		}
		if flags&nodeProtected != 0 && kind.IsScalar() {
			return best
		}
	}
	if key != nil && len(key.names) > 0 {
		best = w.m.rules.stronger(best, w.byName(key.names, w.m.nodes.list[node].zones, kind))
	}
	return best
}

// byName picks the rule that selects a value by its key's name, or none.
func (w *walker) byName(names []nameHit, zones uint64, kind jsonscan.Kind) int32 {
	best := none
	for _, h := range names {
		r := &w.m.rules.rules[h.rule]
		switch {
		case h.plural && kind == jsonscan.Number,
			r.keepObjects && kind == jsonscan.BeginObject,
			r.zone != 0 && r.zone&zones == 0,
			!w.m.holds(h.rule):
			continue
		}
		best = w.m.rules.stronger(best, h.rule)
	}
	return best
}

// locate is place and decide together with what neighbours say about a value.
func (w *walker) locate(kind jsonscan.Kind) (node, rule int32) {
	node, force, key := w.place()
	if force == none && w.m.nodes.flags[node] == nodeInert && (key == nil || key.plainName) {
		return node, none // most values
	}
	named := none
	if key != nil && key.role >= roleValue {
		node, named = w.related(node, key, kind)
	}
	if w.m.nodes.flags[node]&nodeBody != 0 {
		node = w.body(node, force)
	}
	rule = w.decide(node, force, key, kind)
	return node, w.m.rules.stronger(rule, named)
}

func (w *walker) open(kind jsonscan.Kind) {
	node, rule := w.locate(kind)
	if w.drops(rule) {
		w.drop(rule, kind)
		return
	}
	if len(w.frames) >= w.m.rules.limits.depth {
		w.replaceWhole(kind, w.m.rules.limitRule)
		return
	}
	f := frame{array: kind == jsonscan.BeginArray, node: node, force: rule, behind: rule, next: none}
	if rule != none && w.m.rules.rules[rule].keepObjects {
		w.keepObjects(&f)
	}
	w.frames = append(w.frames, f)
}

// keepObjects lets a rule that leaves objects alone reach through arrays only.
func (w *walker) keepObjects(f *frame) {
	f.behind = none
	if len(w.frames) > 0 {
		f.behind = w.frames[len(w.frames)-1].behind
	}
	if !f.array {
		f.force = f.behind
	}
}

func (w *walker) close() {
	f := &w.frames[len(w.frames)-1]
	if f.pending != 0 {
		w.settleDrop(f, w.scan.Start())
	}
	if f.kin != 0 {
		w.settleKin(f)
	}
	if f.array && f.index == 2 && f.first.end != 0 {
		w.settlePair(f)
	}
	w.frames = w.frames[:len(w.frames)-1]
	w.kept(w.scan.End())
}

// kept notes that a value stays, which ends at end.
func (w *walker) kept(end int) {
	if len(w.frames) == 0 {
		return
	}
	f := &w.frames[len(w.frames)-1]
	f.lastEnd = int32(end)
	if f.kin != 0 {
		w.kin[f.kin-1].finish(end)
	}
}

func (w *walker) scalar(kind jsonscan.Kind) {
	node, rule := w.locate(kind)
	if w.drops(rule) {
		w.drop(rule, kind)
		return
	}
	switch kind {
	case jsonscan.String:
		w.str(node, rule)
		if w.dropRule != none {
			rule, w.dropRule = w.dropRule, none
			w.cut(w.scan.Start(), w.scan.End(), rule)
			return
		}
	case jsonscan.Number:
		number := w.data[w.scan.Start():w.scan.End()]
		if rule == none && len(number) > 13 {
			number = w.integer(number)
		}
		w.masked(number, node, rule)
	}
	w.kept(w.scan.End())
}

// integer writes a number without its point and exponent where it has no need
// of them, so that a card is known in 4.242424242424242e15.
func (w *walker) integer(number []byte) []byte {
	if !bytes.ContainsAny(number, ".eE") {
		return number
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil || math.Abs(f) > 1<<63 || f != math.Trunc(f) {
		return number
	}
	w.text = strconv.AppendFloat(w.text[:0], f, 'f', 0, 64)
	return w.text
}

// drops says whether a rule removes what it selects.
func (w *walker) drops(rule int32) bool {
	return rule != none && w.m.rules.rules[rule].action.kind <= dropField
}

// drop removes the value that starts with the current token.
func (w *walker) drop(rule int32, kind jsonscan.Kind) {
	w.took(rule)
	if w.m.rules.rules[rule].action.kind == dropEvent {
		w.m.dropped = true
		return
	}
	start := w.scan.Start()
	if w.scan.Skip(kind) { // otherwise the text is broken: the next token says so
		w.cut(start, w.scan.End(), rule)
	}
}

// cut takes a member out of its object, with one comma. An element of an array
// is replaced, so that the others keep their places, and so is a value without
// a container around it.
func (w *walker) cut(start, end int, rule int32) {
	if len(w.frames) == 0 || w.frames[len(w.frames)-1].array {
		w.dropEdits(start, end)
		w.edit(start, end, rule, w.m.rules.rules[rule].marker)
		w.kept(end)
		return
	}
	f := &w.frames[len(w.frames)-1]
	start = int(f.keyStart)
	if f.kin != 0 {
		w.kin[f.kin-1].forget()
	}
	w.dropEdits(start, end) // the key may have been rewritten
	if f.lastEnd != 0 {
		start = int(f.lastEnd) // with the comma before
	}
	w.edits = append(w.edits, edit{start: int32(start), end: int32(end), rule: none})
	if f.lastEnd == 0 {
		f.pending = int32(len(w.edits)) // the comma behind is not read yet
	}
}

// settleDrop lets the removal of an object's first members reach up to what
// follows them.
func (w *walker) settleDrop(f *frame, next int) {
	w.edits[f.pending-1].end = int32(next)
	f.pending = 0
}

// dropEdits forgets the edits inside data[start:end], and where they stood.
func (w *walker) dropEdits(start, end int) (at int) {
	out := w.edits[:0]
	for _, e := range w.edits {
		switch {
		case int(e.end) <= start || int(e.start) < start:
			out = append(out, e)
			at = len(out)
		case int(e.start) >= end:
			out = append(out, e)
		case e.rule != none:
			w.m.untake(e.rule)
		}
	}
	w.edits = out
	return at
}

// replaceWhole puts the marker of a rule in the place of a container.
func (w *walker) replaceWhole(kind jsonscan.Kind, rule int32) {
	start := w.scan.Start()
	if !w.scan.Skip(kind) {
		return
	}
	w.took(rule)
	w.m.refuse(rule)
	w.edit(start, w.scan.End(), rule, w.m.rules.rules[rule].marker)
	w.kept(w.scan.End())
}

// str masks the current string, and notes what it means for its neighbours.
func (w *walker) str(node, rule int32) {
	start, end := w.scan.Start(), w.scan.End()
	body := w.data[start+1 : end-1]
	if w.scan.Escaped() {
		w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[start:end])
		body = w.text
	}
	if len(w.frames) > 0 {
		w.names(&w.frames[len(w.frames)-1], node, body)
	}
	if len(body) > 0 {
		w.masked(body, node, rule)
	}
}

// masked masks the current scalar, whose value is body. A number that is
// masked becomes a string.
func (w *walker) masked(body []byte, node, rule int32) {
	why := trigger(0)
	if rule == none {
		if why = w.why(body, node); why == 0 {
			return
		}
	} else if r := &w.m.rules.rules[rule]; r.action.kind == redact {
		if !w.m.rules.isMarker(body) && !w.m.rules.allows(body) {
			w.took(rule)
			w.editQuoted(w.scan.Start(), w.scan.End(), rule, r.quoted)
		}
		return
	}
	if out, changed := w.guarded(body, node, rule, why); changed {
		w.edit(w.scan.Start(), w.scan.End(), rule, out)
	}
}

// guarded is value with a net: a value whose masking panics is replaced.
func (w *walker) guarded(body []byte, node, rule int32, why trigger) (out []byte, changed bool) {
	defer func(before *probe) {
		if recover() == nil {
			return
		}
		failed := w.m.rules.errorRule
		w.m.probed = before
		w.took(failed)
		w.m.refuse(failed)
		if rule != none {
			w.m.refuse(rule)
		}
		out, changed = w.m.rules.rules[failed].marker, true
	}(w.m.probed)
	return w.value(body, node, rule, why)
}

// maskKey masks a member's name that holds a secret itself.
func (w *walker) maskKey(start, end int) {
	w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[start:end])
	if out, changed := w.guarded(w.text, startNode, none, ^trigger(0)); changed {
		w.edit(start, end, none, out)
	}
}

// edit records that data[start:end] becomes the JSON string text.
func (w *walker) edit(start, end int, rule int32, text []byte) {
	from := len(w.arena)
	w.arena = jsonscan.AppendQuoted(w.arena, text)
	w.edits = append(w.edits, edit{int32(start), int32(end), int32(from), int32(len(w.arena)), rule})
}

// editQuoted records that data[start:end] becomes what is JSON already.
func (w *walker) editQuoted(start, end int, rule int32, quoted []byte) {
	from := len(w.arena)
	w.arena = append(w.arena, quoted...)
	w.edits = append(w.edits, edit{int32(start), int32(end), int32(from), int32(len(w.arena)), rule})
}

// assemble appends data[:end] with all edits made to dst.
func (w *walker) assemble(dst []byte, end int) []byte {
	at := 0
	for _, e := range w.edits {
		if int(e.start) > at {
			dst = append(dst, w.data[at:e.start]...)
		}
		dst = append(dst, w.arena[e.from:e.to]...)
		at = max(at, int(e.end))
	}
	if at < end {
		dst = append(dst, w.data[at:end]...)
	}
	return dst
}

// inner gives the walker for a text inside this layer.
func (w *walker) inner() *walker {
	in := w.m.level(w.depth + 1)
	in.outer = w
	return in
}

// took counts a hit, and names it where that is asked for.
func (w *walker) took(rule int32) {
	if w.m.take(rule) {
		w.note(rule)
	}
}
