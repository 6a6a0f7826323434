package mask

import (
	"bytes"
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/agent/mask/shape"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// A rule for **.ssls.key finds the key in the body of a request to .../ssls,
// and in its answer: the path of the request's address leads to a place among
// the rules, which the bodies share.

// follow goes along the path of an address.
func (m *Masker) follow(place paths.Node, address []byte) paths.Node {
	path, _, _ := bytes.Cut(address, []byte("?"))
	if bytes.IndexByte(path, ':') >= 0 { // seldom, and found faster
		if at := bytes.Index(path, []byte("://")); at >= 0 {
			_, path, _ = bytes.Cut(path[at+3:], []byte("/"))
		}
	}
	for len(path) > 0 {
		part := path
		if at := bytes.IndexByte(path, '/'); at >= 0 {
			part, path = path[:at], path[at+1:]
		} else {
			path = nil
		}
		if bytes.IndexByte(part, '%') >= 0 {
			part = shape.Unpercent(nil, part, false)
		}
		if len(part) > 0 {
			place = m.places.Step(place, m.places.Class(part))
		}
	}
	return place
}

// pointer follows a JSON pointer, as JSON Patch and etcd write them. A rule for
// a value on the way selects what is below it, too.
func (m *Masker) pointer(place paths.Node, path []byte, role names.Role, zones rule.Zones, kind jsonscan.Kind) (paths.Node, rule.ID) {
	by := rule.None
	for part := range bytes.SplitSeq(path[1:], []byte("/")) {
		if bytes.IndexByte(part, '~') >= 0 {
			part = bytes.ReplaceAll(bytes.ReplaceAll(part, []byte("~1"), []byte("/")), []byte("~0"), []byte("~"))
		}
		info := m.lookText(part)
		class := info.class
		if len(part) > 0 && chars.AllDigits(part) || string(part) == "-" {
			class = paths.Element
		}
		place = m.places.Step(place, class)
		by = m.rules.set.Stronger(by, m.choose(m.places.Rules(place), ^rule.Zones(0)))
		if role == names.Value && kind.IsScalar() {
			by = m.rules.set.Stronger(by, m.byName(info.hits, zones, kind))
		}
	}
	return place, by
}

// body is the node of a body, with what the request's address says about it.
func (w *walker) body(node paths.Node, force rule.ID) paths.Node {
	m := w.m
	if m.address != paths.Nowhere {
		return m.places.Union(node, m.address)
	}
	if w == m.levels[0] && len(m.bodies) < cap(m.bodies) {
		m.bodies = append(m.bodies, pendingBody{w.token().start, node, force, slices.Clone(w.frames)})
	}
	return node
}

// pendingBody is a body that came before the request's address.
type pendingBody struct {
	start  offset
	node   paths.Node
	force  rule.ID
	frames []frame
}

// settleBodies masks the bodies again that came before the address.
func (w *walker) settleBodies() {
	m := w.m
	if m.address == paths.Nowhere {
		return
	}
	for _, b := range m.bodies {
		node := m.places.Union(b.node, m.address)
		if node == b.node {
			continue
		}
		var s jsonscan.Scanner
		s.Reset(w.data[b.start:])
		kind := s.Next()
		if s.Skip(kind) {
			w.frames = append(w.frames[:0], b.frames...)
			by := m.decide(node, b.force, nil, kind)
			w.reread(stretch{b.start, b.start + offset(s.End())}, node, by)
		}
	}
}
