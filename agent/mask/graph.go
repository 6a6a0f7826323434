package mask

import (
	"math/bits"
	"slices"
)

// acceptKind is what reaching the end of a path pattern means.
type acceptKind byte

const (
	acceptRule    acceptKind = iota // a rule selects this value
	acceptAllow                     // an allow entry exempts this value
	acceptZone                      // detectors and key names limited by in: work here
	acceptProtect                   // part of the record's identity
	acceptURI                       // the request's address
	acceptBody                      // a body the address speaks about
	acceptMessage                   // what the gateway says in words
	acceptName                      // a name that a person chose
)

// pattern is one compiled path.
type pattern struct {
	segs   []segment
	accept acceptKind
	id     int32 // of the rule, or the bit of the zone
	// exact patterns do not reach through arrays.
	exact bool
}

// Classes of steps. Keys that no path mentions share one class, so that a node
// needs few edges.
const (
	classOther   int32 = iota // a key no path mentions
	classElement              // an element whose index no path mentions
	classIndex                // + n: the element n, up to graph.indexes
)

// class says which segments a step satisfies.
type class struct {
	element bool
	index   int // of an element that some path names, or -1
	literal int // into graph.literals, or -1
	globs   set // into graph.globs
}

// graph is the nondeterministic automaton of all paths. It does not change
// after it was built; maskers make it deterministic as they go.
type graph struct {
	patterns []pattern
	first    []int32 // state of patterns[i] before its first segment
	states   int32
	owner    []int32 // pattern of a state
	literals map[string]int
	lookUp   literalTable // the same, for each part of each address
	globs    []string
	classes  []class
	indexes  int // how many element numbers have a class of their own
}

// newGraph numbers states and classes.
func newGraph(patterns []pattern) *graph {
	g := &graph{patterns: patterns, literals: map[string]int{}}
	for i, p := range patterns {
		g.first = append(g.first, g.states)
		for range len(p.segs) + 1 {
			g.owner = append(g.owner, int32(i))
		}
		g.states += int32(len(p.segs)) + 1
		for _, s := range p.segs {
			g.see(s)
		}
	}
	g.classes = []class{{index: -1, literal: -1}, {element: true, index: -1, literal: -1}}
	for i := range g.indexes {
		g.classes = append(g.classes, class{element: true, index: i, literal: -1})
	}
	for i := range len(g.literals) {
		g.classes = append(g.classes, class{index: -1, literal: i})
	}
	g.lookUp = newLiteralTable(g.literals)
	return g
}

// firstLiteral is the class of literal 0.
func (g *graph) firstLiteral() int32 { return classIndex + int32(g.indexes) }

func (g *graph) see(s segment) {
	switch s.kind {
	case segLiteral:
		if _, ok := g.literals[s.text]; !ok {
			g.literals[s.text] = len(g.literals)
		}
	case segGlob:
		if !slices.Contains(g.globs, s.text) {
			g.globs = append(g.globs, s.text)
		}
	case segIndex:
		g.indexes = max(g.indexes, s.index+1)
	}
}

// classify tells which segments a key satisfies.
func (g *graph) classify(key string) class {
	c := class{index: -1, literal: -1}
	if i, ok := g.literals[key]; ok {
		c.literal = i
	}
	for i, pattern := range g.globs {
		if globMatch(pattern, key) {
			c.globs = c.globs.with(int32(i))
		}
	}
	return c
}

// start is the set of states before the first step.
func (g *graph) start() set {
	var s set
	for _, first := range g.first {
		s = g.add(s, first)
	}
	return s
}

// add puts a state into s, and those it reaches without a step.
func (g *graph) add(s set, state int32) set {
	s = s.with(state)
	p := &g.patterns[g.owner[state]]
	at := state - g.first[g.owner[state]]
	if int(at) < len(p.segs) && p.segs[at].kind == segDeep {
		return g.add(s, state+1)
	}
	return s
}

// step is the set of states after a step of class c.
func (g *graph) step(from set, c class) set {
	var to set
	for state := range from.all() {
		p := &g.patterns[g.owner[state]]
		at := state - g.first[g.owner[state]]
		if int(at) == len(p.segs) {
			continue
		}
		stay, on := g.moves(p, p.segs[at], c)
		if stay {
			to = g.add(to, state)
		}
		if on {
			to = g.add(to, state+1)
		}
	}
	return to
}

// moves says whether a segment waits for another step, is satisfied by this
// one, or both. Where a path does not speak of elements it reaches through
// arrays: brokers.password also finds brokers[0].password.
func (g *graph) moves(p *pattern, s segment, c class) (stay, on bool) {
	through := c.element && !p.exact
	switch s.kind {
	case segDeep:
		return true, false
	case segAny:
		return through, true
	case segLiteral:
		return through, c.literal >= 0 && c.literal == g.literals[s.text]
	case segGlob:
		return through, c.globs.has(int32(slices.Index(g.globs, s.text)))
	case segIndexAny:
		return false, c.element
	default:
		return false, c.element && c.index == s.index
	}
}

// set is a set of small numbers.
type set []uint64

func (s set) with(i int32) set {
	for int(i/64) >= len(s) {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}

func (s set) has(i int32) bool { return int(i/64) < len(s) && s[i/64]>>(i%64)&1 != 0 }

// all yields the members in rising order.
func (s set) all() func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(int32(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// union is a new set with the members of both.
func (s set) union(other set) set {
	out := slices.Clone(s)
	for i, word := range other {
		if i < len(out) {
			out[i] |= word
		} else {
			out = append(out, word)
		}
	}
	return out
}

// key is the set as a map key.
func (s set) key() string {
	end := len(s)
	for end > 0 && s[end-1] == 0 {
		end--
	}
	b := make([]byte, 0, end*8)
	for _, word := range s[:end] {
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(word>>shift))
		}
	}
	return string(b)
}

// literalTable finds the numbers of literals faster than a map: open addressing, at
// most half of it in use.
type literalTable struct {
	names []string // by slot
	ids   []int32  // by slot, 1 + the number, 0 where it is free
}

func newLiteralTable(literals map[string]int) literalTable {
	size := 1 << bits.Len(uint(2*len(literals)))
	t := literalTable{make([]string, size), make([]int32, size)}
	for name, id := range literals {
		i := t.slot([]byte(name))
		t.names[i], t.ids[i] = name, int32(id)+1
	}
	return t
}

// slot is where a name stands, or would.
func (t *literalTable) slot(name []byte) int {
	mask := len(t.ids) - 1
	i := int(hashKey(name)) & mask
	for t.ids[i] != 0 && t.names[i] != string(name) {
		i = (i + 1) & mask
	}
	return i
}

// find is the number of a literal, or -1.
func (t *literalTable) find(name []byte) int32 { return t.ids[t.slot(name)] - 1 }
