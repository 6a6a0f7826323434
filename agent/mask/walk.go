package mask

import (
	"bytes"
	"math"
	"strconv"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// frame is an open container.
type frame struct {
	array bool
	start offset
	typed bool // it has a member that says what kind of object it is
	node  paths.Node
	force rule.ID // masks everything in here, or None
	// behind is the rule for objects in here where force leaves objects alone
	behind rule.ID
	// of the member being read
	key      *keyInfo
	keyNode  paths.Node
	keyStart offset
	// of an array
	index  int32 // of the next element
	first  stretch
	second offset  // start of the second element
	last   offset  // of the last one
	next   rule.ID // for the next element alone, or None
	// for dropping members
	lastEnd offset // end of the last value that stays, 0 for none
	pending int32  // number of the edit that reaches up to the next member, 0 for none
	// number of the kin of its members, 0 where no member is of interest to another
	kin int32
}

// walker reads one JSON text: the record itself, or a text inside one of its
// strings. It decides which rule each value is for, and collects the edits.
type walker struct {
	m     *Masker
	outer *walker // whose current value holds this layer, or nil
	depth int     // of layers
	scan  jsonscan.Scanner

	data    []byte
	root    paths.Node
	force   rule.ID
	frames  []frame
	kin     kinship
	edits   edits
	good    int           // end of the last token that was read
	last    jsonscan.Kind // its kind
	lastKey *keyInfo      // what was read before the next member's name
	again   *walker       // for values that are read a second time

	texts    texts  // for the strings of this layer
	text     []byte // a string of this layer without its escapes
	tail     []byte
	dropRule rule.ID // a rule found in a text drops the field it stands in
}

// newWalker makes the walker of a layer.
func newWalker(m *Masker, depth int) *walker {
	w := &walker{m: m, depth: depth, dropRule: rule.None}
	w.kin.w = w
	w.texts.init(w)
	return w
}

// walk masks the JSON text data, which stands at node. It leaves the edits to
// be made.
func (w *walker) walk(data []byte, node paths.Node, force rule.ID) error {
	w.data, w.root, w.force = data, node, force
	w.frames = w.frames[:0]
	w.kin.list = w.kin.list[:0]
	w.edits.reset()
	w.good, w.last, w.lastKey, w.dropRule = 0, jsonscan.Invalid, nil, rule.None
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

// token is where the current token stands.
func (w *walker) token() stretch {
	return stretch{offset(w.scan.Start()), offset(w.scan.End())}
}

// frame is the innermost open container. There is one.
func (w *walker) frame() *frame { return &w.frames[len(w.frames)-1] }

// key reads a member's name.
func (w *walker) key() {
	at := w.token()
	f := w.frame()
	key := w.m.keys.after(w.lastKey, w.data[at.start+1:at.end-1], w.scan.Escaped())
	w.lastKey, f.key = key, key
	if key.from != f.node {
		key.from, key.to = f.node, w.m.places.Step(f.node, key.class)
	}
	f.keyNode = key.to
	f.keyStart = at.start
	if f.pending != 0 {
		w.settleDrop(f, at.start)
	}
	if f.key.secret {
		w.maskKey(at)
	}
}

// place says where the value about to be read stands: its node, the rule that
// masks everything there, and the key it has.
func (w *walker) place() (node paths.Node, force rule.ID, key *keyInfo) {
	if len(w.frames) == 0 {
		return w.root, w.force, nil
	}
	f := w.frame()
	if !f.array {
		return f.keyNode, f.force, f.key
	}
	return w.element(f), w.nextForce(f), nil
}

// element moves on to the next element of an array and gives its node.
func (w *walker) element(f *frame) paths.Node {
	class := w.m.places.ElementClass(f.index)
	f.last = offset(w.scan.Start())
	if f.index == 1 {
		f.second = f.last
	}
	f.index++
	return w.m.places.Step(f.node, class)
}

// nextForce is the rule that the element before has for this one, or that of
// the whole array.
func (w *walker) nextForce(f *frame) rule.ID {
	by := f.next
	if f.next = rule.None; by != rule.None {
		if s := w.scan.Bytes(); len(s) > 2 && s[0] == '"' && w.m.isOnlyName(s[1:len(s)-1]) {
			by = rule.None
		}
	}
	return w.m.rules.set.Stronger(f.force, by)
}

// locate says where a value stands and which rule it is for, or None, by its
// path, its name and its neighbours.
func (w *walker) locate(kind jsonscan.Kind) (paths.Node, rule.ID) {
	node, force, key := w.place()
	if force == rule.None && w.m.places.Flags(node) == paths.Inert && (key == nil || key.meansNothing) {
		return node, rule.None // most values
	}
	named := rule.None
	if key != nil && key.role >= names.Value {
		node, named = w.kin.related(node, key, kind)
	}
	if w.m.places.Flags(node)&paths.IsBody != 0 {
		node = w.body(node, force)
	}
	return node, w.m.rules.set.Stronger(w.m.decide(node, force, key, kind), named)
}

func (w *walker) open(kind jsonscan.Kind) {
	node, by := w.locate(kind)
	if w.m.drops(by) {
		w.drop(by, kind)
		return
	}
	if len(w.frames) >= w.m.rules.limits.Depth {
		w.replaceWhole(kind, w.m.rules.limitRule)
		return
	}
	f := frame{array: kind == jsonscan.BeginArray, start: offset(w.scan.Start()), node: node, force: by, behind: by, next: rule.None}
	if by != rule.None && w.m.rules.set.Of(by).KeepObjects {
		w.keepObjects(&f)
	}
	w.frames = append(w.frames, f)
}

// keepObjects lets a rule that leaves objects alone reach through arrays only.
func (w *walker) keepObjects(f *frame) {
	f.behind = rule.None
	if len(w.frames) > 0 {
		f.behind = w.frame().behind
	}
	if !f.array {
		f.force = f.behind
	}
}

func (w *walker) close() {
	f := w.frame()
	if f.pending != 0 {
		w.settleDrop(f, offset(w.scan.Start()))
	}
	if f.kin != 0 {
		w.kin.settle(f)
	}
	end := offset(w.scan.End())
	switch {
	case f.array && f.index == 2 && f.first.end != 0:
		w.kin.pair(f)
	case f.array && (f.index == 3 || f.index == 4) && f.first.end != 0:
		w.kin.comparison(f)
	case f.typed:
		w.kin.typed(f, end)
	}
	array, start := f.array, f.start
	w.frames = w.frames[:len(w.frames)-1]
	if array && len(w.frames) > 0 {
		w.kin.path(w.frame(), stretch{start, end})
	}
	w.kept(end)
}

// kept notes that a value stays, which ends at end.
func (w *walker) kept(end offset) {
	if len(w.frames) == 0 {
		return
	}
	f := w.frame()
	f.lastEnd = end
	if f.kin != 0 {
		w.kin.list[f.kin-1].finish(end)
	}
}

func (w *walker) scalar(kind jsonscan.Kind) {
	node, by := w.locate(kind)
	if w.m.drops(by) {
		w.drop(by, kind)
		return
	}
	switch kind {
	case jsonscan.String:
		w.str(node, by)
		if w.dropRule != rule.None {
			by, w.dropRule = w.dropRule, rule.None
			w.cut(w.token(), by)
			return
		}
	case jsonscan.Number:
		number := w.scan.Bytes()
		if by == rule.None && len(number) > 13 {
			number = w.integer(number)
		}
		w.masked(number, node, by)
	}
	w.kept(offset(w.scan.End()))
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

// drop removes the value that starts with the current token.
func (w *walker) drop(by rule.ID, kind jsonscan.Kind) {
	w.took(by)
	if w.m.rules.set.Of(by).Action.Kind == rule.DropEvent {
		w.m.dropped = true
		return
	}
	start := offset(w.scan.Start())
	if w.scan.Skip(kind) { // otherwise the text is broken: the next token says so
		w.cut(stretch{start, offset(w.scan.End())}, by)
	}
}

// cut takes a member out of its object, with one comma. An element of an array
// is replaced, so that the others keep their places, and so is a value without
// a container around it.
func (w *walker) cut(at stretch, by rule.ID) {
	if len(w.frames) == 0 || w.frame().array {
		w.edits.forget(at, w.m.untake)
		w.edits.quote(at, by, w.m.rules.set.Of(by).Marker)
		w.kept(at.end)
		return
	}
	f := w.frame()
	at.start = f.keyStart
	if f.kin != 0 {
		w.kin.list[f.kin-1].forget()
	}
	w.edits.forget(at, w.m.untake) // the key may have been rewritten
	if f.lastEnd != 0 {
		at.start = f.lastEnd // with the comma before
	}
	if n := w.edits.remove(at); f.lastEnd == 0 {
		f.pending = n // the comma behind is not read yet
	}
}

// settleDrop lets the removal of an object's first members reach up to what
// follows them.
func (w *walker) settleDrop(f *frame, next offset) {
	w.edits.list[f.pending-1].end = next
	f.pending = 0
}

// replaceWhole puts the marker of a rule in the place of a container.
func (w *walker) replaceWhole(kind jsonscan.Kind, by rule.ID) {
	start := offset(w.scan.Start())
	if !w.scan.Skip(kind) {
		return
	}
	end := offset(w.scan.End())
	w.took(by)
	w.m.refuse(by)
	w.edits.quote(stretch{start, end}, by, w.m.rules.set.Of(by).Marker)
	w.kept(end)
}

// str masks the current string, and notes what it means for its neighbours.
func (w *walker) str(node paths.Node, by rule.ID) {
	at := w.token()
	body := w.data[at.start+1 : at.end-1]
	if w.scan.Escaped() {
		w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[at.start:at.end])
		body = w.text
	}
	if len(w.frames) > 0 {
		w.kin.says(w.frame(), node, body)
	}
	if len(body) > 0 {
		w.masked(body, node, by)
	}
}

// masked masks the current scalar, whose value is body. A number that is
// masked becomes a string.
func (w *walker) masked(body []byte, node paths.Node, by rule.ID) {
	if by == rule.None {
		why := w.texts.why(body, node)
		if !why.Any() {
			return
		}
		w.replace(body, node, by, &why)
		return
	}
	if w.m.spares(body, node, by) {
		why := w.texts.why(body, node)
		if why.Any() {
			w.replace(body, node, rule.None, &why)
		}
		return
	}
	if r := w.m.rules.set.Of(by); r.Action.Kind == rule.Redact {
		if !w.m.rules.set.IsMarker(body) && !w.m.rules.allows(body) {
			w.took(by)
			w.edits.put(w.token(), by, r.Quoted)
		}
		return
	}
	w.replace(body, node, by, &detect.Reasons{})
}

// replace writes what became of the current scalar.
func (w *walker) replace(body []byte, node paths.Node, by rule.ID, why *detect.Reasons) {
	if out, changed := w.texts.guarded(body, node, by, why); changed {
		w.edits.quote(w.token(), by, out)
	}
}

// maskKey masks a member's name that holds a secret itself.
func (w *walker) maskKey(at stretch) {
	w.text = jsonscan.AppendUnquoted(w.text[:0], w.data[at.start:at.end])
	why := w.m.rules.everything(w.text)
	if out, changed := w.texts.guarded(w.text, paths.Start, rule.None, &why); changed {
		w.edits.quote(at, rule.None, out)
	}
}

// inner gives the walker for a text inside this layer.
func (w *walker) inner() *walker {
	in := w.m.level(w.depth + 1)
	in.outer = w
	return in
}

// took counts a hit, and names it where that is asked for.
func (w *walker) took(by rule.ID) {
	if w.m.take(by) {
		w.note(by)
	}
}
