package mask

import "slices"

// node is a set of states as one masker met it: a place in a record, as far as
// the rules can tell places apart.
type node struct {
	states set
	edges  []int32 // by class, 0 where not yet known
	rules  []int32 // path rules that select this place, strongest first
	zones  uint64  // in: groups this place belongs to
}

type nodeFlags byte

const (
	nodeProtected nodeFlags = 1 << iota // identity: only a rule that names it
	nodeAllowed                         // exempt by path
	nodeURI
	nodeBody
	nodeMessage
	nodeName
	nodeInert // no rule, no flag: nothing to decide by path
)

// maxNodes bounds what a masker remembers between records. Records of one
// gateway need a few hundred.
const maxNodes = 4096

// nodes turns the graph into a deterministic automaton, one edge at a time.
type nodes struct {
	rules   *Rules
	list    []node      // list[0] is unused, list[1] is the start
	flags   []nodeFlags // of list, kept apart because every value asks for them
	ids     map[string]int32
	unions  map[[2]int32]int32
	bares   map[int32]int32
	classes []class
	classID map[string]int32
}

const startNode int32 = 1

func newNodes(r *Rules) *nodes {
	n := &nodes{rules: r}
	n.reset()
	return n
}

func (n *nodes) reset() {
	n.list = append(n.list[:0], node{})
	n.flags = append(n.flags[:0], 0)
	n.ids = map[string]int32{}
	n.unions = map[[2]int32]int32{}
	n.bares = map[int32]int32{}
	n.classes = slices.Clone(n.rules.graph.classes)
	n.classID = map[string]int32{}
	n.intern(n.rules.graph.start())
}

// classOf gives the class of a key.
func (n *nodes) classOf(key []byte) int32 {
	g := n.rules.graph
	if len(g.globs) == 0 {
		if literal := g.lookUp.find(key); literal >= 0 {
			return g.firstLiteral() + literal
		}
		return classOther
	}
	c := g.classify(string(key))
	if c.literal < 0 && len(c.globs) == 0 {
		return classOther
	}
	id := c.globs.key() + "\x00" + string(rune(c.literal+1))
	if known, ok := n.classID[id]; ok {
		return known
	}
	n.classes = append(n.classes, c)
	n.classID[id] = int32(len(n.classes) - 1)
	return n.classID[id]
}

// elementClass gives the class of an element.
func (n *nodes) elementClass(index int32) int32 {
	if int(index) < n.rules.graph.indexes {
		return classIndex + index
	}
	return classElement
}

// step follows an edge, drawing it first if need be.
func (n *nodes) step(from, class int32) int32 {
	edges := n.list[from].edges
	if int(class) < len(edges) {
		if to := edges[class]; to != 0 {
			return to
		}
	}
	return n.draw(from, class)
}

func (n *nodes) draw(from, class int32) int32 {
	to := n.intern(n.rules.graph.step(n.list[from].states, n.classes[class]))
	f := &n.list[from]
	for int(class) >= len(f.edges) {
		f.edges = append(f.edges, 0)
	}
	f.edges[class] = to
	return to
}

// union is the place that is both a and b.
func (n *nodes) union(a, b int32) int32 {
	if a == b {
		return a
	}
	pair := [2]int32{min(a, b), max(a, b)}
	if id, ok := n.unions[pair]; ok {
		return id
	}
	id := n.intern(n.list[a].states.union(n.list[b].states))
	n.unions[pair] = id
	return id
}

// bare is a place as far as rules select it. Places that a record only claims
// to stand for, by a name beside a value or by the request's address, must not
// claim an exemption.
func (n *nodes) bare(id int32) int32 {
	if to, ok := n.bares[id]; ok {
		return to
	}
	g := n.rules.graph
	var s set
	for state := range n.list[id].states.all() {
		if a := g.patterns[g.owner[state]].accept; a == acceptRule || a == acceptZone {
			s = s.with(state)
		}
	}
	to := n.intern(s)
	n.bares[id] = to
	return to
}

func (n *nodes) intern(s set) int32 {
	key := s.key()
	if id, ok := n.ids[key]; ok {
		return id
	}
	id := int32(len(n.list))
	described, flags := n.describe(s)
	n.list = append(n.list, described)
	n.flags = append(n.flags, flags)
	n.ids[key] = id
	return id
}

// describe finds out what the states of a place mean.
func (n *nodes) describe(s set) (out node, flags nodeFlags) {
	g := n.rules.graph
	out.states = s
	var selected []*pattern
	for state := range s.all() {
		p := &g.patterns[g.owner[state]]
		if int(state-g.first[g.owner[state]]) != len(p.segs) {
			continue
		}
		switch p.accept {
		case acceptRule:
			selected = append(selected, p)
		case acceptZone:
			out.zones |= 1 << p.id
		case acceptAllow:
			flags |= nodeAllowed
		case acceptProtect:
			flags |= nodeProtected
		case acceptURI:
			flags |= nodeURI
		case acceptBody:
			flags |= nodeBody
		case acceptMessage:
			flags |= nodeMessage
		case acceptName:
			flags |= nodeName
		}
	}
	for _, p := range selected {
		if flags&nodeProtected != 0 && !isLiteral(p.segs) {
			continue // a wildcard does not name the record's identity
		}
		if !slices.Contains(out.rules, p.id) {
			out.rules = append(out.rules, p.id)
		}
	}
	n.rules.sortByStrength(out.rules)
	if flags == 0 && len(out.rules) == 0 {
		flags = nodeInert
	}
	return out, flags
}
