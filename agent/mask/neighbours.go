package mask

import (
	"bytes"
	"strings"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// kinship knows what the members of an object, and the elements of an array,
// mean for each other: in {"name": K, "value": V} the secret's name stands
// beside the secret, in ["limit-count", {...}] before it.
type kinship struct {
	w    *walker
	list []kin // of the open objects that need one
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
	stretch
	role names.Role
}

// relative is a member that a name may speak about.
type relative struct {
	stretch
	node  paths.Node // as its own key gives it
	key   *keyInfo
	kind  jsonscan.Kind
	names int8 // how many names were known when it was masked
}

// finish notes where the last value ends.
func (k *kin) finish(end offset) {
	if k.v > 0 && k.values[k.v-1].end == 0 {
		k.values[k.v-1].end = end
	}
}

// forget leaves out the last value, which was dropped.
func (k *kin) forget() {
	if k.v > 0 && k.values[k.v-1].end == 0 {
		k.v--
	}
}

// of gives the collection of an object.
func (k *kinship) of(f *frame) *kin {
	if f.kin == 0 {
		k.list = append(k.list, kin{})
		f.kin = int32(len(k.list))
	}
	return &k.list[f.kin-1]
}

// says notes what a string means for its neighbours.
func (k *kinship) says(f *frame, node paths.Node, body []byte) {
	if f.array {
		k.element(f, body)
		return
	}
	m := k.w.m
	if m.places.Flags(node)&paths.IsURI != 0 {
		m.address = m.places.Bare(m.follow(paths.Start, body))
	}
	if f.key.role == names.Kind {
		f.typed = true
		return
	}
	if f.key.role == names.NoRole || f.key.role >= names.Value || len(body) == 0 || len(body) > maxPointer {
		return
	}
	of := k.of(f)
	if of.n == maxKin {
		of.crowded = true
		return
	}
	of.names[of.n] = name{k.w.token(), f.key.role}
	of.n++
}

// maxPointer is how long a name or a JSON Patch path can be, in bytes.
const maxPointer = 1024

// related asks the names known so far about a value.
func (k *kinship) related(node paths.Node, key *keyInfo, kind jsonscan.Kind) (paths.Node, rule.ID) {
	f := k.w.frame()
	of := k.of(f)
	if of.v == maxKin {
		of.crowded = true
	} else {
		of.values[of.v] = relative{stretch{k.w.token().start, 0}, node, key, kind, of.n}
		of.v++
	}
	return k.resolve(f, of, node, key, kind)
}

// resolve gives the node and the rule that the names of an object have for one
// of its values.
func (k *kinship) resolve(f *frame, of *kin, node paths.Node, key *keyInfo, kind jsonscan.Kind) (paths.Node, rule.ID) {
	m := k.w.m
	if of.crowded {
		return node, m.rules.limitRule
	}
	by := rule.None
	for _, n := range of.names[:of.n] {
		place, named := k.named(f, k.unquoted(n.stretch), n.role, key.role, kind)
		if place != paths.Nowhere {
			node = m.places.Union(node, m.places.Bare(place))
		}
		by = m.rules.set.Stronger(by, named)
	}
	return node, by
}

// nameless says whether no member of an object has named another so far.
func (k *kinship) nameless(f *frame) bool { return f.kin == 0 || k.list[f.kin-1].n == 0 }

// unquoted is a string of the layer without quotes and escapes.
func (k *kinship) unquoted(at stretch) []byte {
	text := k.w.data[at.start+1 : at.end-1]
	if k.w.data[at.start] == '[' {
		return joined(k.w.data[at.start:at.end])
	}
	if bytes.IndexByte(text, '\\') >= 0 {
		return jsonscan.AppendUnquoted(nil, k.w.data[at.start:at.end])
	}
	return text
}

// named says where a value stands that has a name beside it, Nowhere for
// nowhere special, and which rule selects it by that name.
func (k *kinship) named(f *frame, name []byte, says, role names.Role, kind jsonscan.Kind) (paths.Node, rule.ID) {
	m := k.w.m
	if says == names.Address {
		return m.follow(f.node, name), rule.None
	}
	if !nameChars.All(name) || bytes.Contains(name, []byte(rule.MarkerStart)) {
		return paths.Nowhere, rule.None // no name, or one that was masked
	}
	zones := m.places.Zones(f.node)
	if len(name) > 0 && name[0] == '/' {
		return m.pointer(f.node, name, role, zones, kind)
	}
	info := m.lookText(name)
	by := rule.None
	if role == names.Value {
		by = m.byName(info.hits, zones, kind)
	}
	if info.class == paths.Other {
		return paths.Nowhere, by
	}
	return m.places.Step(f.node, info.class), by
}

// nameChars are the characters of the names of things, and of their paths.
var nameChars = chars.Alnum("_-. []:$/~@#").WithHigh()

// settle asks the names that came after a value.
func (k *kinship) settle(f *frame) {
	w, of := k.w, k.list[f.kin-1]
	k.list = k.list[:f.kin-1]
	for _, v := range of.values[:of.v] {
		if v.names == of.n && !of.crowded || v.end == 0 {
			continue
		}
		node, by := k.resolve(f, &of, v.node, v.key, v.kind)
		if node != v.node || by != rule.None {
			f.key = v.key
			w.reread(v.stretch, node, w.m.rules.set.Stronger(w.m.decide(node, f.force, v.key, v.kind), by))
		}
	}
}

// element notes a string in an array: the first of two may name the other, and
// a list of headers has names and values in turns.
func (k *kinship) element(f *frame, body []byte) {
	if len(body) == 0 || len(body) > shape.MaxName {
		return
	}
	switch {
	case f.index == 1:
		f.first = k.w.token()
		if body[0] != '-' && !isHeaderName(body) {
			return
		}
	case body[0] == '-': // a flag, whose value may be the next argument
	case f.index%2 == 0 || !isHeaderName(body):
		return
	}
	m := k.w.m
	f.next = m.byName(m.lookText(body).hits, m.places.Zones(f.node), jsonscan.String)
}

// isHeaderName says whether a text can only be the name of a header.
func isHeaderName(b []byte) bool {
	if len(b) == 13 && chars.HasFolded(b, "authorization") || len(b) == 6 && chars.HasFolded(b, "cookie") {
		return true
	}
	return bytes.IndexByte(b, '-') > 0 && headerChars.All(b)
}

var headerChars = chars.Alnum("-")

// isOnlyName says whether a string behind the name of a header is another one,
// as in a list of headers to remove.
func (m *Masker) isOnlyName(text []byte) bool {
	letters := !bytes.ContainsAny(text, "0123456789")
	return letters && isHeaderName(text) && (len(m.lookText(text).hits) > 0 || chars.HasFolded(text, "x-"))
}

// pair looks at an array of two: ["limit-count", {...}].
func (k *kinship) pair(f *frame) {
	m, w := k.w.m, k.w
	name := k.unquoted(f.first)
	if !plainName.All(name) || f.lastEnd <= f.second {
		return
	}
	second := w.data[f.second:f.lastEnd]
	kind := firstKind(second[0])
	info := m.lookText(name)
	by := m.byName(info.hits, m.places.Zones(f.node), kind)
	if info.class == paths.Other && by == rule.None {
		return
	}
	if kind == jsonscan.String && isHeaderName(name) && m.isOnlyName(second[1:len(second)-1]) {
		return
	}
	f.index = 2 // the path names the second
	node := m.places.Step(f.node, m.places.ElementClass(1))
	if info.class != paths.Other {
		node = m.places.Union(node, m.places.Bare(m.places.Step(f.node, info.class)))
	}
	w.reread(stretch{f.second, f.lastEnd}, node, m.rules.set.Stronger(m.decide(node, f.force, nil, kind), by))
}

var plainName = chars.Alnum("_-")

// joined is a path that is written as an array, as a JSON pointer.
func joined(array []byte) (pointer []byte) {
	var s jsonscan.Scanner
	s.Reset(array)
	for kind := s.Next(); kind != jsonscan.EOF && kind != jsonscan.Invalid; kind = s.Next() {
		if kind == jsonscan.String || kind == jsonscan.Number {
			pointer = append(pointer, '/')
			pointer = event.Token(s.Bytes()).AppendText(pointer)
		}
	}
	return pointer
}

// path notes an array that is the path of something: ["plugins", "key-auth", "key"].
func (k *kinship) path(f *frame, at stretch) {
	if f.array || f.key == nil || f.key.role != names.Pointer || at.end-at.start > maxPointer || at.end-at.start < 4 {
		return
	}
	if of := k.of(f); of.n < maxKin {
		of.names[of.n] = name{at, names.Pointer}
		of.n++
	}
}

// comparison looks at an array that compares: ["http_x_api_key", "==", "..."].
func (k *kinship) comparison(f *frame) {
	m, w := k.w.m, k.w
	operator, _, _ := bytes.Cut(w.data[f.second+1:min(f.second+maxOperator, offset(len(w.data)))], []byte{'"'})
	if w.data[f.second] != '"' || !operators[string(operator)] || f.lastEnd <= f.last {
		return
	}
	kind, value := firstKind(w.data[f.last]), w.data[f.last:f.lastEnd]
	if kind == jsonscan.String && (len(value) < minCompared || bytes.ContainsAny(value, "^[(*\\|")) {
		return // a pattern, or nothing to hide
	}
	by := m.byName(m.lookText(variable(k.unquoted(f.first))).hits, m.places.Zones(f.node), kind)
	if by == rule.None {
		return
	}
	node := m.places.Step(f.node, m.places.ElementClass(f.index-1))
	w.reread(stretch{f.last, f.lastEnd}, node, m.rules.set.Stronger(m.decide(node, f.force, nil, kind), by))
}

// minCompared is the length of the shortest value that is hidden there, with quotes.
const minCompared = 6

// maxOperator is longer than any operator, in bytes.
const maxOperator = 16

// operators are the words for comparisons, those of APISIX's vars among them.
var operators = func() map[string]bool {
	found := map[string]bool{}
	for _, op := range strings.Fields("== = ~= != > < >= <= ~~ !~~ ~* !~* ! IN in HAS has NOT not eq ne equals matches contains regex ipmatch") {
		found[op] = true
	}
	return found
}()

// variable is the name of a header, an argument or a cookie in the name of a
// variable of nginx. A cookie of a session is named so.
func variable(name []byte) []byte {
	for _, prefix := range []string{"http_", "sent_http_", "upstream_http_", "arg_", "uri_arg_", "post_arg_", "post_arg.", "header_", "graphql_"} {
		if chars.HasPrefix(name, prefix) {
			return name[len(prefix):]
		}
	}
	if rest, found := bytes.CutPrefix(name, []byte("cookie_")); found {
		if lower := bytes.ToLower(rest); bytes.Contains(lower, []byte("sess")) || bytes.Contains(lower, []byte("sid")) || bytes.Contains(lower, []byte("auth")) {
			return []byte("session_id")
		}
		return rest
	}
	return name
}

// typed looks at an object that says what it is: {"kty": "EC", "d": ...} is read as
// if it stood below kty.
func (k *kinship) typed(f *frame, end offset) {
	m := k.w.m
	kind := m.places.Step(f.node, m.places.Class([]byte("kty")))
	if node := m.places.Union(f.node, m.places.Bare(kind)); node != f.node {
		k.w.reread(stretch{f.start, end}, node, f.force)
	}
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
func (w *walker) reread(at stretch, node paths.Node, by rule.ID) {
	if w.edits.cuts(at) {
		return // the value was dropped
	}
	index := w.edits.forget(at, w.m.untake)
	from := len(w.edits.list)
	if w.m.budget -= int(at.end - at.start); w.m.budget < 0 {
		by = w.m.rules.limitRule
		w.took(by)
		w.m.refuse(by)
		w.edits.quote(at, by, w.m.rules.set.Of(by).Marker)
	} else {
		w.adopt(at, node, by)
	}
	w.edits.rotate(index, from-index)
}

// adopt walks a stretch and takes the edits over.
func (w *walker) adopt(at stretch, node paths.Node, by rule.ID) {
	if w.again == nil {
		w.again = newWalker(w.m, w.depth)
	}
	w.again.outer = w
	if w.again.walk(w.data[at.start:at.end], node, by) != nil {
		panic("a value that was read cannot be read again") // the record is replaced
	}
	w.edits.adopt(at.start, &w.again.edits)
}
