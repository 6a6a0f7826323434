package mask

import (
	"github.com/auditship/auditship/agent/jsonscan"
)

// none stands for no rule.
const none int32 = -1

// frame is an open container.
type frame struct {
	array bool
	node  int32
	force int32 // rule that masks everything in here, or none
	index int32 // of the next element
	// of the member being read
	key      *keyInfo
	keyNode  int32
	keyStart int32
	// for dropping members
	lastEnd int32 // end of the last value that stays, 0 for none
	pending int32 // 1 + index of the edit that reaches up to the next member
}

// edit replaces data[start:end] with arena[from:to].
type edit struct {
	start, end int32
	from, to   int32
	rule       int32
}

// walker masks one layer of a record: the record itself, or a text inside one
// of its strings.
type walker struct {
	m     *Masker
	depth int
	scan  jsonscan.Scanner

	data   []byte
	root   int32
	force  int32
	frames []frame
	edits  []edit
	arena  []byte

	text  []byte // a string of this layer without its escapes
	spans []hitSpan
	plain []byte // a text of this layer after masking
}

// walk masks the JSON text data, which stands at node. It leaves the edits to
// be made.
func (w *walker) walk(data []byte, node, force int32) error {
	w.data, w.root, w.force = data, node, force
	w.frames, w.edits, w.arena = w.frames[:0], w.edits[:0], w.arena[:0]
	w.scan.Reset(data)
	for !w.m.dropped {
		switch kind := w.scan.Next(); kind {
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
	}
	return nil
}

// key reads a member's name.
func (w *walker) key() {
	start, end := w.scan.Start(), w.scan.End()
	f := &w.frames[len(w.frames)-1]
	f.key = w.m.keys.get(w.data[start+1:end-1], w.scan.Escaped())
	f.keyNode = w.m.nodes.step(f.node, f.key.class)
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
	class := w.m.nodes.elementClass(f.index)
	f.index++
	if f.pending != 0 {
		w.settleDrop(f, w.scan.Start())
	}
	return w.m.nodes.step(f.node, class), f.force, nil
}

// decide picks the rule for a value, or none.
func (w *walker) decide(node, force int32, key *keyInfo, kind jsonscan.Kind) int32 {
	n := &w.m.nodes.list[node]
	best := force
	if n.flags&nodeInert == 0 {
		if n.flags&nodeAllowed != 0 && kind.IsScalar() {
			return none
		}
		for _, r := range n.rules {
			if w.m.holds(r) {
				best = w.m.rules.stronger(best, r)
			}
		}
		if n.flags&nodeProtected != 0 && kind.IsScalar() {
			return best
		}
	}
	if key != nil && len(key.names) > 0 {
		best = w.byName(best, key.names, n.zones, kind)
	}
	return best
}

// byName adds the rules that select a value by its key's name.
func (w *walker) byName(best int32, names []nameHit, zones uint64, kind jsonscan.Kind) int32 {
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

func (w *walker) open(kind jsonscan.Kind) {
	node, force, key := w.place()
	rule := w.decide(node, force, key, kind)
	if rule != force && w.drops(rule) {
		w.drop(rule, kind)
		return
	}
	if len(w.frames) >= w.m.rules.limits.depth {
		w.replaceWhole(kind, w.m.rules.limitRule)
		return
	}
	w.frames = append(w.frames, frame{array: kind == jsonscan.BeginArray, node: node, force: rule})
}

func (w *walker) close() {
	f := &w.frames[len(w.frames)-1]
	if f.pending != 0 {
		w.settleDrop(f, w.scan.Start())
	}
	w.frames = w.frames[:len(w.frames)-1]
	w.kept(w.scan.End())
}

// kept notes that a value stays, which ends at end.
func (w *walker) kept(end int) {
	if len(w.frames) > 0 {
		w.frames[len(w.frames)-1].lastEnd = int32(end)
	}
}

func (w *walker) scalar(kind jsonscan.Kind) {
	node, force, key := w.place()
	rule := w.decide(node, force, key, kind)
	switch {
	case rule != none && w.drops(rule):
		w.drop(rule, kind)
		return
	case kind == jsonscan.String:
		w.str(node, rule)
	case kind == jsonscan.Number:
		w.number(node, rule)
	}
	w.kept(w.scan.End())
}

// drops says whether a rule removes what it selects.
func (w *walker) drops(rule int32) bool {
	return rule != none && w.m.rules.rules[rule].action.kind <= dropField
}

// drop removes the value that starts with the current token, its key and one
// comma. Without a container around it, the value is replaced.
func (w *walker) drop(rule int32, kind jsonscan.Kind) {
	w.note(rule)
	w.m.took(rule)
	if w.m.rules.rules[rule].action.kind == dropEvent {
		w.m.dropped = true
		return
	}
	start := w.scan.Start()
	if !w.scan.Skip(kind) {
		return // the text is broken: the next token says so
	}
	if len(w.frames) == 0 {
		w.edit(start, w.scan.End(), rule, func(dst []byte) []byte {
			return jsonscan.AppendQuoted(dst, w.m.rules.rules[rule].marker)
		})
		return
	}
	w.cut(start, w.scan.End(), rule)
}

// cut takes a member or element out of its container.
func (w *walker) cut(start, end int, rule int32) {
	f := &w.frames[len(w.frames)-1]
	if !f.array {
		start = int(f.keyStart)
		w.dropEdits(start, end) // the key may have been rewritten
	}
	if f.lastEnd != 0 {
		start = int(f.lastEnd) // with the comma before
	}
	w.edits = append(w.edits, edit{start: int32(start), end: int32(end), rule: rule})
	if f.lastEnd == 0 {
		f.pending = int32(len(w.edits)) // the comma behind is not read yet
	}
}

// settleDrop lets the removal of a container's first members reach up to what
// follows them.
func (w *walker) settleDrop(f *frame, next int) {
	w.edits[f.pending-1].end = int32(next)
	f.pending = 0
}

// dropEdits forgets the edits inside data[start:end].
func (w *walker) dropEdits(start, end int) {
	out := w.edits[:0]
	for _, e := range w.edits {
		if int(e.start) < start || int(e.end) > end {
			out = append(out, e)
		}
	}
	w.edits = out
}

// replaceWhole puts the marker of a rule in the place of a container.
func (w *walker) replaceWhole(kind jsonscan.Kind, rule int32) {
	start := w.scan.Start()
	if !w.scan.Skip(kind) {
		return
	}
	w.took(rule)
	w.edit(start, w.scan.End(), rule, func(dst []byte) []byte {
		return jsonscan.AppendQuoted(dst, w.m.rules.rules[rule].marker)
	})
	w.kept(w.scan.End())
}

// str masks the current string.
func (w *walker) str(node, rule int32) {
	start, end := w.scan.Start(), w.scan.End()
	body := w.data[start+1 : end-1]
	if len(body) == 0 {
		return
	}
	if rule == none && !w.scan.Escaped() && !w.worthLook(body, node) {
		return
	}
	if w.scan.Escaped() {
		w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[start:end])
		body = w.text
	}
	out, changed := w.value(body, node, rule)
	if changed {
		w.edit(start, end, rule, func(dst []byte) []byte { return jsonscan.AppendQuoted(dst, out) })
	}
}

// number masks the current number. A number that is masked becomes a string.
func (w *walker) number(node, rule int32) {
	start, end := w.scan.Start(), w.scan.End()
	body := w.data[start:end]
	if rule == none && (len(body) < minNumber || !w.worthLook(body, node)) {
		return
	}
	out, changed := w.value(body, node, rule)
	if changed {
		w.edit(start, end, rule, func(dst []byte) []byte { return jsonscan.AppendQuoted(dst, out) })
	}
}

// minNumber is how long a number must be for a detector to look at it.
const minNumber = 8

// maskKey masks a member's name that holds a secret itself.
func (w *walker) maskKey(start, end int) {
	w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[start:end])
	if out, changed := w.inspect(w.text, startNode); changed {
		w.edit(start, end, none, func(dst []byte) []byte { return jsonscan.AppendQuoted(dst, out) })
	}
}

// edit records a replacement for data[start:end].
func (w *walker) edit(start, end int, rule int32, appendTo func([]byte) []byte) {
	from := len(w.arena)
	w.arena = appendTo(w.arena)
	w.edits = append(w.edits, edit{int32(start), int32(end), int32(from), int32(len(w.arena)), rule})
}

// assemble appends data with all edits made to dst.
func (w *walker) assemble(dst []byte) []byte {
	at := 0
	for _, e := range w.edits {
		if int(e.start) > at {
			dst = append(dst, w.data[at:e.start]...)
		}
		dst = append(dst, w.arena[e.from:e.to]...)
		at = max(at, int(e.end))
	}
	return append(dst, w.data[at:]...)
}

// took counts a hit, and names it where that is asked for.
func (w *walker) took(rule int32) {
	w.m.took(rule)
	w.note(rule)
}
