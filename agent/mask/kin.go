package mask

import (
	"bytes"
	"slices"
	"strings"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// keyRole says what a member means for its neighbours: in {"name": K, "value":
// V} the secret's name stands beside the secret.
type keyRole byte

const (
	roleNone    keyRole = iota
	roleName            // its value is the name of something
	rolePointer         // its value is the path of something (RFC 6901)
	roleAddress         // its value is the address of a request
	roleValue           // its value is what the name names
	roleConfig          // its value is configuration of what the name names
)

func roleOf(split []string) keyRole {
	switch strings.Join(split, " ") {
	case "name", "key", "k", "header", "field", "param", "parameter", "type", "kind", "plugin", "variable", "property", "attribute", "option", "setting":
		return roleName
	case "path", "from":
		return rolePointer
	case "uri", "url", "request uri":
		return roleAddress
	case "value", "val", "v", "values", "default", "example", "content", "data", "string data", "text", "plain", "old", "new", "before", "after", "current", "previous":
		return roleValue
	case "config", "conf", "configuration", "args", "settings", "options", "params", "spec", "metadata", "body", "request body", "payload":
		return roleConfig
	default:
		return roleOfTwo(split)
	}
}

// roleOfTwo knows keys of two words: header_name, ParameterKey, stringValue.
func roleOfTwo(split []string) keyRole {
	if len(split) != 2 {
		return roleNone
	}
	switch split[1] {
	case "value":
		return roleValue
	case "name", "key":
		switch split[0] {
		case "header", "field", "param", "parameter", "plugin", "variable", "var", "env", "property", "attribute", "option", "setting", "config", "secret":
			return roleName
		}
	}
	return roleNone
}

// kin collects the members of one object that may mean something for each
// other.
type kin struct {
	names  [maxKin]name
	values [maxKin]relative
	n, v   int8
	// crowded: there were more. Only who wants to hide something has so many,
	// so values go without further questions.
	crowded bool
}

const maxKin = 8

// name is what a member says about its neighbours: its string, with quotes.
type name struct {
	span32
	role keyRole
}

// relative is a member that a name may speak about.
type relative struct {
	span32
	node  int32 // as its own key gives it
	key   *keyInfo
	kind  jsonscan.Kind
	names int8 // how many names were known when it was masked
}

// finish notes where the last value ends.
func (k *kin) finish(end int) {
	if k.v > 0 && k.values[k.v-1].end == 0 {
		k.values[k.v-1].end = int32(end)
	}
}

// forget leaves out the last value, which was dropped.
func (k *kin) forget() {
	if k.v > 0 && k.values[k.v-1].end == 0 {
		k.v--
	}
}

// kinOf gives the collection of an object.
func (w *walker) kinOf(f *frame) *kin {
	if f.kin == 0 {
		w.kin = append(w.kin, kin{})
		f.kin = int32(len(w.kin))
	}
	return &w.kin[f.kin-1]
}

// names notes what a string means for its neighbours.
func (w *walker) names(f *frame, node int32, body []byte) {
	if f.array {
		w.elementName(f, body)
		return
	}
	if w.m.nodes.flags[node]&nodeURI != 0 {
		w.uri(body)
	}
	if f.key.role == roleNone || f.key.role >= roleValue || len(body) == 0 || len(body) > maxPointer {
		return
	}
	k := w.kinOf(f)
	if k.n == maxKin {
		k.crowded = true
		return
	}
	k.names[k.n] = name{span32{int32(w.scan.Start()), int32(w.scan.End())}, f.key.role}
	k.n++
}

// maxPointer is how long a name or a JSON Patch path can be, in bytes.
const maxPointer = 1024

// related asks the names known so far about a value.
func (w *walker) related(node int32, key *keyInfo, kind jsonscan.Kind) (int32, int32) {
	f := &w.frames[len(w.frames)-1]
	k := w.kinOf(f)
	if k.v == maxKin {
		k.crowded = true
	} else {
		k.values[k.v] = relative{span32{int32(w.scan.Start()), 0}, node, key, kind, k.n}
		k.v++
	}
	return w.resolve(f, k, node, key, kind)
}

// resolve gives the node and the rule that the names of an object have for one
// of its values.
func (w *walker) resolve(f *frame, k *kin, node int32, key *keyInfo, kind jsonscan.Kind) (int32, int32) {
	if k.crowded {
		return node, w.m.rules.limitRule
	}
	named := none
	for _, n := range k.names[:k.n] {
		text := w.data[n.start+1 : n.end-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			text = jsonscan.AppendUnquoted(nil, w.data[n.start:n.end])
		}
		place, rule := w.named(f, text, n.role, key.role, kind)
		if place != 0 {
			node = w.m.nodes.union(node, w.m.nodes.bare(place))
		}
		named = w.m.rules.stronger(named, rule)
	}
	return node, named
}

// named says where a value stands that has a name beside it, 0 for nowhere
// special, and which rule selects it by that name.
func (w *walker) named(f *frame, name []byte, says, role keyRole, kind jsonscan.Kind) (place, rule int32) {
	if says == roleAddress {
		return w.follow(f.node, name), none
	}
	if run(name, 0, nameChars) != len(name) || bytes.Contains(name, []byte(redactedPrefix)) {
		return 0, none // no name, or one that was masked
	}
	zones := w.m.nodes.list[f.node].zones
	if len(name) > 0 && name[0] == '/' {
		return w.pointer(f, name, role, zones, kind)
	}
	info := w.m.lookText(name)
	rule = none
	if role == roleValue {
		rule = w.byName(info.names, zones, kind)
	}
	if info.class == classOther {
		return 0, rule
	}
	return w.m.nodes.step(f.node, info.class), rule
}

// nameChars are the characters of the names of things, and of their paths.
var nameChars = func() *charset {
	c := newCharset("_-. []:$/~@#")
	for i := 0x80; i < len(c); i++ {
		c[i] = true
	}
	return c
}()

// pointer follows a JSON pointer, as JSON Patch and etcd write them. A rule for
// a value on the way selects what is below it, too.
func (w *walker) pointer(f *frame, path []byte, role keyRole, zones uint64, kind jsonscan.Kind) (place, rule int32) {
	place, rule = f.node, none
	for part := range bytes.SplitSeq(path[1:], []byte("/")) {
		if bytes.IndexByte(part, '~') >= 0 {
			part = bytes.ReplaceAll(bytes.ReplaceAll(part, []byte("~1"), []byte("/")), []byte("~0"), []byte("~"))
		}
		info := w.m.lookText(part)
		class := info.class
		if len(part) > 0 && allDigits(part) || string(part) == "-" {
			class = classElement
		}
		place = w.m.nodes.step(place, class)
		rule = w.m.rules.stronger(rule, w.m.choose(w.m.nodes.list[place].rules, ^uint64(0)))
		if role == roleValue && !kindIsContainer(kind) {
			rule = w.m.rules.stronger(rule, w.byName(info.names, zones, kind))
		}
	}
	return place, rule
}

func kindIsContainer(k jsonscan.Kind) bool {
	return k == jsonscan.BeginObject || k == jsonscan.BeginArray
}

// settleKin asks the names that came after a value.
func (w *walker) settleKin(f *frame) {
	k := w.kin[f.kin-1]
	w.kin = w.kin[:f.kin-1]
	for _, v := range k.values[:k.v] {
		if v.names == k.n && !k.crowded || v.end == 0 {
			continue
		}
		node, rule := w.resolve(f, &k, v.node, v.key, v.kind)
		if node != v.node || rule != none {
			f.key = v.key
			w.reread(v.span32, node, w.m.rules.stronger(w.decide(node, f.force, v.key, v.kind), rule))
		}
	}
}

// elementName notes a string in an array: the first of two may name the other,
// and a list of headers has names and values in turns.
func (w *walker) elementName(f *frame, body []byte) {
	if len(body) == 0 || len(body) > longKey {
		return
	}
	switch {
	case f.index == 1:
		f.first = span32{int32(w.scan.Start()), int32(w.scan.End())}
		if body[0] != '-' && !isHeaderName(body) {
			return
		}
	case body[0] == '-': // a flag, whose value may be the next argument
	case f.index%2 == 0 || !isHeaderName(body):
		return
	}
	f.next = w.byName(w.m.lookText(body).names, w.m.nodes.list[f.node].zones, jsonscan.String)
}

// isHeaderName says whether a text can only be the name of a header.
func isHeaderName(b []byte) bool {
	if len(b) == 13 && foldedPrefix(b, "authorization") || len(b) == 6 && foldedPrefix(b, "cookie") {
		return true
	}
	return bytes.IndexByte(b, '-') > 0 && run(b, 0, headerChars) == len(b)
}

var headerChars = newCharset("-")

// isOnlyName says whether a string behind the name of a header is another one,
// as in a list of headers to remove.
func (w *walker) isOnlyName(text []byte) bool {
	letters := !bytes.ContainsAny(text, "0123456789")
	return letters && isHeaderName(text) && (len(w.m.lookText(text).names) > 0 || foldedPrefix(text, "x-"))
}

// settlePair looks at an array of two: ["limit-count", {...}].
func (w *walker) settlePair(f *frame) {
	name := w.data[f.first.start+1 : f.first.end-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name = jsonscan.AppendUnquoted(nil, w.data[f.first.start:f.first.end])
	}
	if run(name, 0, urlChars) != len(name) || f.lastEnd <= f.second {
		return
	}
	kind := firstKind(w.data[f.second])
	info := w.m.lookText(name)
	rule := w.byName(info.names, w.m.nodes.list[f.node].zones, kind)
	if info.class == classOther && rule == none {
		return
	}
	if second := w.data[f.second:f.lastEnd]; kind == jsonscan.String && isHeaderName(name) && w.isOnlyName(second[1:len(second)-1]) {
		return
	}
	f.index = 2 // the path names the second
	node := w.m.nodes.step(f.node, w.m.nodes.elementClass(1))
	if info.class != classOther {
		node = w.m.nodes.union(node, w.m.nodes.bare(w.m.nodes.step(f.node, info.class)))
	}
	w.reread(span32{f.second, f.lastEnd}, node, w.m.rules.stronger(w.decide(node, f.force, nil, kind), rule))
}

// firstKind is the kind of the value that starts with c.
func firstKind(c byte) jsonscan.Kind {
	switch c {
	case '{':
		return jsonscan.BeginObject
	case '[':
		return jsonscan.BeginArray
	case '"':
		return jsonscan.String
	}
	return jsonscan.Number
}

// reread masks a value once more, knowing better where it stands. The edits
// made in it before give way. What is read again is bounded, since each level
// of a record could ask for it anew; beyond that the value goes as a whole.
func (w *walker) reread(at span32, node, rule int32) {
	start, end := int(at.start), int(at.end)
	if slices.ContainsFunc(w.edits, func(e edit) bool { return int(e.start) < start && int(e.end) > start }) {
		return // the value was dropped
	}
	index := w.dropEdits(start, end)
	from := len(w.edits)
	if w.m.budget -= end - start; w.m.budget < 0 {
		rule = w.m.rules.limitRule
		w.took(rule)
		w.m.refuse(rule)
		w.edit(start, end, rule, w.m.rules.rules[rule].marker)
	} else {
		w.adopt(start, end, node, rule)
	}
	rotate(w.edits[index:], from-index)
}

// adopt walks data[start:end] and takes the edits over.
func (w *walker) adopt(start, end int, node, rule int32) {
	if w.again == nil {
		w.again = &walker{m: w.m, depth: w.depth}
	}
	w.again.outer = w
	if w.again.walk(w.data[start:end], node, rule) != nil {
		panic("a value that was read cannot be read again") // the record is replaced
	}
	base, shift := int32(start), int32(len(w.arena))
	w.arena = append(w.arena, w.again.arena...)
	for _, e := range w.again.edits {
		w.edits = append(w.edits, edit{e.start + base, e.end + base, e.from + shift, e.to + shift, e.rule})
	}
}

// rotate moves the edits from n on to the front.
func rotate(edits []edit, n int) {
	for _, e := range edits[n:] {
		copy(edits[1:], edits[:n])
		edits[0] = e
		edits = edits[1:]
	}
}

// uri notes where the path of the request's address leads among the rules, so
// that a rule for **.ssls.key finds the key in the body of a request to
// .../ssls, and in its answer.
func (w *walker) uri(address []byte) {
	w.m.address = w.m.nodes.bare(w.follow(startNode, address))
}

// follow goes along the path of an address.
func (w *walker) follow(place int32, address []byte) int32 {
	path, _, _ := bytes.Cut(address, []byte("?"))
	if bytes.IndexByte(path, ':') >= 0 { // seldom, and found faster
		if at := bytes.Index(path, []byte("://")); at >= 0 {
			_, path, _ = bytes.Cut(path[at+3:], []byte("/"))
		}
	}
	n := w.m.nodes
	for len(path) > 0 {
		part := path
		if at := bytes.IndexByte(path, '/'); at >= 0 {
			part, path = path[:at], path[at+1:]
		} else {
			path = nil
		}
		if bytes.IndexByte(part, '%') >= 0 {
			part = unpercent(nil, part, false)
		}
		if len(part) > 0 {
			place = n.step(place, n.classOf(part))
		}
	}
	return place
}

// body is the node of a body, with what the request's address says about it.
func (w *walker) body(node, force int32) int32 {
	m := w.m
	if m.address != 0 {
		return m.nodes.union(node, m.address)
	}
	if w == m.levels[0] && len(m.bodies) < cap(m.bodies) {
		m.bodies = append(m.bodies, pendingBody{int32(w.scan.Start()), node, force, slices.Clone(w.frames)})
	}
	return node
}

// pendingBody is a body that came before the request's address.
type pendingBody struct {
	start, node, force int32
	frames             []frame
}

// settleBodies masks the bodies again that came before the address.
func (w *walker) settleBodies() {
	m := w.m
	if m.address == 0 {
		return
	}
	for _, b := range m.bodies {
		node := m.nodes.union(b.node, m.address)
		if node == b.node {
			continue
		}
		var s jsonscan.Scanner
		s.Reset(w.data[b.start:])
		kind := s.Next()
		if s.Skip(kind) {
			w.frames = append(w.frames[:0], b.frames...)
			rule := w.decide(node, b.force, nil, kind)
			w.reread(span32{b.start, b.start + int32(s.End())}, node, rule)
		}
	}
}
