package paths

import (
	"slices"

	"github.com/auditship/auditship/agent/mask/rule"
)

// Node is a place in a record, as far as the rules can tell places apart. It is
// a number in one Places, which forgets it with Reset.
type Node int32

// The nodes that always are.
const (
	Nowhere Node = iota // no place at all
	Start               // the top of a record
)

// Flags say what a place is, besides what rules select there.
type Flags byte

// The flags.
const (
	Protected Flags = 1 << iota // identity: only a rule that names it
	Allowed                     // exempt by path
	IsURI                       // the request's address
	IsBody                      // a body the address speaks about
	IsMessage                   // what the gateway says in words
	IsName                      // a name that a person chose
	Inert                       // no rule, no flag: nothing to decide by path
)

// place is what is known of a node.
type place struct {
	states set[state]
	edges  []Node    // by class, Nowhere where not yet known
	rules  []rule.ID // that select it, strongest first
	zones  rule.Zones
	exempt []int // kinds of values
}

// maxNodes bounds what is remembered between records. Records of one gateway
// need a few hundred.
const maxNodes = 4096

// Places turns a graph into a deterministic automaton, one edge at a time. It
// belongs to one goroutine.
type Places struct {
	graph   *Graph
	list    []place
	flags   []Flags // of list, kept apart because every value asks for them
	ids     map[string]Node
	unions  map[[2]Node]Node
	bares   map[Node]Node
	classes []class
	classID map[string]Class
}

// NewPlaces makes the automaton of a graph.
func NewPlaces(g *Graph) *Places {
	n := &Places{graph: g}
	n.Reset()
	return n
}

// Full says that there are so many nodes that Reset should be called.
func (n *Places) Full() bool { return len(n.list) > maxNodes }

// Reset forgets all nodes and classes but those that always are.
func (n *Places) Reset() {
	n.list = append(n.list[:0], place{})
	n.flags = append(n.flags[:0], 0)
	n.ids = map[string]Node{}
	n.unions = map[[2]Node]Node{}
	n.bares = map[Node]Node{}
	n.classes = slices.Clone(n.graph.classes)
	n.classID = map[string]Class{}
	n.intern(n.graph.start())
}

// Flags says what a place is.
func (n *Places) Flags(at Node) Flags { return n.flags[at] }

// Rules lists the rules that select a place by its path, strongest first.
func (n *Places) Rules(at Node) []rule.ID { return n.list[at].rules }

// Exempt are the kinds of values that are exempt at a place.
func (n *Places) Exempt(at Node) []int { return n.list[at].exempt }

// Zones are the in: lists that a place belongs to.
func (n *Places) Zones(at Node) rule.Zones { return n.list[at].zones }

// Class gives the class of a key.
func (n *Places) Class(key []byte) Class {
	g := n.graph
	if len(g.globs) == 0 {
		if literal := g.literal(key); literal >= 0 {
			return g.firstLiteral() + Class(literal)
		}
		return Other
	}
	c := g.classify(string(key))
	if c.literal < 0 && len(c.globs) == 0 {
		return Other
	}
	id := c.globs.key() + "\x00" + string(rune(c.literal+1))
	if known, ok := n.classID[id]; ok {
		return known
	}
	n.classes = append(n.classes, c)
	n.classID[id] = Class(len(n.classes) - 1)
	return n.classID[id]
}

// ElementClass gives the class of an element by its index, from 0.
func (n *Places) ElementClass(index int32) Class {
	if int(index) < n.graph.indexes {
		return indexed + Class(index)
	}
	return Element
}

// Step follows an edge, drawing it first if need be.
func (n *Places) Step(from Node, by Class) Node {
	edges := n.list[from].edges
	if int(by) < len(edges) {
		if to := edges[by]; to != Nowhere {
			return to
		}
	}
	return n.draw(from, by)
}

func (n *Places) draw(from Node, by Class) Node {
	to := n.intern(n.graph.step(n.list[from].states, n.classes[by]))
	f := &n.list[from]
	for int(by) >= len(f.edges) {
		f.edges = append(f.edges, Nowhere)
	}
	f.edges[by] = to
	return to
}

// Union is the place that is both a and b.
func (n *Places) Union(a, b Node) Node {
	if a == b {
		return a
	}
	pair := [2]Node{min(a, b), max(a, b)}
	if id, ok := n.unions[pair]; ok {
		return id
	}
	id := n.intern(n.list[a].states.union(n.list[b].states))
	n.unions[pair] = id
	return id
}

// Bare is a place as far as rules select it. Places that a record only claims
// to stand for, by a name beside a value or by the request's address, must not
// claim an exemption.
func (n *Places) Bare(at Node) Node {
	if to, ok := n.bares[at]; ok {
		return to
	}
	var s set[state]
	for q := range n.list[at].states.all() {
		if p, _ := n.graph.at(q); p.Meaning == Selects || p.Meaning == Zone {
			s = s.with(q)
		}
	}
	to := n.intern(s)
	n.bares[at] = to
	return to
}

// Reaches says whether a rule without ** selects something below a place.
func (n *Places) Reaches(at Node) bool {
	for q := range n.list[at].states.all() {
		if p, _ := n.graph.at(q); p.Meaning == Selects && !p.Path.Floating() {
			return true
		}
	}
	return false
}

func (n *Places) intern(s set[state]) Node {
	key := s.key()
	if id, ok := n.ids[key]; ok {
		return id
	}
	id := Node(len(n.list))
	described, flags := n.describe(s)
	n.list = append(n.list, described)
	n.flags = append(n.flags, flags)
	n.ids[key] = id
	return id
}

// describe finds out what the states of a place mean.
func (n *Places) describe(s set[state]) (out place, flags Flags) {
	out.states = s
	var selected []*Pattern
	for q := range s.all() {
		p, at := n.graph.at(q)
		switch {
		case at != len(p.Path):
		case p.Meaning == Selects:
			selected = append(selected, p)
		case p.Meaning == Zone:
			out.zones |= p.Zone
		case p.Meaning == ExemptsSome:
			out.exempt = append(out.exempt, p.Value)
		default:
			flags |= flagOf[p.Meaning]
		}
	}
	for _, p := range selected {
		if flags&Protected != 0 && !p.Path.Literal() {
			continue // a wildcard does not name the record's identity
		}
		if !slices.Contains(out.rules, p.Rule) {
			out.rules = append(out.rules, p.Rule)
		}
	}
	slices.SortStableFunc(out.rules, n.graph.rules.Compare)
	if flags == 0 && len(out.rules) == 0 {
		flags = Inert
	}
	return out, flags
}

// flagOf gives the flag of a meaning.
var flagOf = map[Meaning]Flags{Exempts: Allowed, Protects: Protected, URI: IsURI, Body: IsBody, Message: IsMessage, Name: IsName}
