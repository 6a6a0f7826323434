package paths

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Meaning is what reaching the end of a path says about a value.
type Meaning byte

// The meanings.
const (
	Selects     Meaning = iota // a rule selects this value
	Exempts                    // an allow entry exempts this value
	ExemptsSome                // it does so if the value is of a kind
	Zone                       // detectors and key names limited by in: work here
	Protects                   // part of the record's identity
	URI                        // the request's address
	Body                       // a body the address speaks about
	Message                    // what the gateway says in words
	Name                       // a name that a person chose

	stands // it stands where another path leads: see Alias
)

// Alias says that a place of the input stands for one of the record: what a
// pattern says of Of, and below it, it says of At as well.
type Alias struct{ At, Of Path }

// Pattern is one path with its meaning.
type Pattern struct {
	Path    Path
	Meaning Meaning
	Rule    rule.ID    // of Selects
	Zone    rule.Zones // of Zone
	Value   int        // of ExemptsSome: the kind of values
	// Exact patterns do not reach through arrays.
	Exact bool
}

// Class is a class of steps. Keys that no path mentions share one class, so
// that a node needs few edges.
type Class state

// The classes that every Graph has.
const (
	Other   Class = iota // a key no path mentions
	Element              // an element whose index no path mentions
	indexed              // + n: the element n, up to Graph.indexes
)

// state is a place within one pattern: behind so many of its steps.
type state int32

// globID is the number of a key with * in it.
type globID int32

// class says which segments a step satisfies.
type class struct {
	element bool
	index   int         // of an element that some path names, or -1
	literal int         // into Graph.literals, or -1
	globs   set[globID] // into Graph.globs
}

// Graph is the nondeterministic automaton of all paths. It does not change
// after it was built; maskers make it deterministic as they go.
type Graph struct {
	rules    *rule.Set
	patterns []Pattern
	aliased  map[int]set[state] // by pattern: where the place leads that it stands for
	first    []state            // state of patterns[i] before its first segment
	states   state
	owner    []int // pattern of a state
	literals map[string]int
	lookUp   literalTable    // the same, for each part of each address
	families map[string]bool // literals that longer keys may end in: see literal
	ends     [256]bool       // the last bytes of families
	globs    []string
	classes  []class
	indexes  int // how many element numbers have a class of their own
}

// NewGraph compiles the patterns, whose rules are those of a set. The aliases,
// made of keys only, let places of the input stand for others.
func NewGraph(patterns []Pattern, rules *rule.Set, aliases ...Alias) *Graph {
	own := len(patterns)
	patterns = slices.Clone(patterns)
	for _, a := range aliases {
		patterns = append(patterns, Pattern{Path: a.At, Meaning: stands, Exact: true})
	}
	g := &Graph{patterns: patterns, rules: rules, literals: map[string]int{}}
	for i, p := range patterns {
		g.first = append(g.first, g.states)
		for range len(p.Path) + 1 {
			g.owner = append(g.owner, i)
		}
		g.states += state(len(p.Path)) + 1
		for _, s := range p.Path {
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
	g.families = families(patterns)
	for name := range g.families {
		g.ends[name[len(name)-1]] = true
	}
	leads := map[int]set[state]{}
	for i, a := range aliases {
		leads[own+i] = g.lead(a.Of)
	}
	g.aliased = leads // not before: an alias does not lead to another
	return g
}

// lead is where a path of keys leads from the top.
func (g *Graph) lead(p Path) set[state] {
	s := g.start()
	for _, step := range p {
		s = g.step(s, g.classify(step.text))
	}
	return s
}

// firstLiteral is the class of literal 0.
func (g *Graph) firstLiteral() Class { return indexed + Class(g.indexes) }

func (g *Graph) see(s segment) {
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

// families are the keys with a dash in them below which rules select something, as
// the names of plugins are.
func families(patterns []Pattern) map[string]bool {
	found := map[string]bool{}
	for _, p := range patterns {
		for i, s := range p.Path {
			if p.Meaning == Selects && s.kind == segLiteral && i+1 < len(p.Path) && strings.Contains(s.text, "-") {
				found[s.text] = true
			}
		}
	}
	return found
}

// literal is the number of the literal that a key is, or -1. A plugin of people's
// own whose name ends in that of a known one, such as acme-key-auth, counts as
// that.
func (g *Graph) literal(key []byte) int32 {
	if i := g.lookUp.find(key); i >= 0 {
		return i
	}
	if len(key) == 0 || !g.ends[key[len(key)-1]] || bytes.IndexByte(key, '-') < 0 {
		return -1
	}
	for at := bytes.IndexAny(key, "-_."); at >= 0; {
		rest := key[at+1:]
		if g.families[string(rest)] {
			return g.lookUp.find(rest)
		}
		next := bytes.IndexAny(rest, "-_.")
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return -1
}

// classify tells which segments a key satisfies.
func (g *Graph) classify(key string) class {
	c := class{index: -1, literal: -1}
	c.literal = int(g.literal([]byte(key)))
	for i, glob := range g.globs {
		if rule.Glob(glob, key) {
			c.globs = c.globs.with(globID(i))
		}
	}
	return c
}

// start is the set of states before the first step.
func (g *Graph) start() set[state] {
	var s set[state]
	for _, first := range g.first {
		s = g.add(s, first)
	}
	return s
}

// at is the pattern of a state, and how many of its steps are behind.
func (g *Graph) at(q state) (p *Pattern, steps int) {
	i := g.owner[q]
	return &g.patterns[i], int(q - g.first[i])
}

// add puts a state into s, and those it reaches without a step.
func (g *Graph) add(s set[state], q state) set[state] {
	s = s.with(q)
	p, at := g.at(q)
	switch {
	case at < len(p.Path) && p.Path[at].kind == segDeep:
		return g.add(s, q+1)
	case at == len(p.Path) && p.Meaning == stands:
		return s.union(g.aliased[g.owner[q]])
	}
	return s
}

// step is the set of states after a step of class c.
func (g *Graph) step(from set[state], c class) set[state] {
	var to set[state]
	for q := range from.all() {
		p, at := g.at(q)
		if at == len(p.Path) {
			continue
		}
		stay, on := g.moves(p, p.Path[at], c)
		if stay {
			to = g.add(to, q)
		}
		if on {
			to = g.add(to, q+1)
		}
	}
	return to
}

// moves says whether a segment waits for another step, is satisfied by this
// one, or both. Where a path does not speak of elements it reaches through
// arrays: brokers.password also finds brokers[0].password.
func (g *Graph) moves(p *Pattern, s segment, c class) (stay, on bool) {
	through := c.element && !p.Exact
	switch s.kind {
	case segDeep:
		return true, false
	case segAny:
		return through, true
	case segLiteral:
		return through, c.literal >= 0 && c.literal == g.literals[s.text]
	case segGlob:
		return through, c.globs.has(globID(slices.Index(g.globs, s.text)))
	case segIndexAny:
		return false, c.element
	default:
		return false, c.element && c.index == s.index
	}
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
	i := int(chars.Hash(name)) & mask
	for t.ids[i] != 0 && t.names[i] != string(name) {
		i = (i + 1) & mask
	}
	return i
}

// find is the number of a literal, or -1.
func (t *literalTable) find(name []byte) int32 { return t.ids[t.slot(name)] - 1 }
