package mask

import (
	"hash"
	"slices"
	"sync/atomic"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// Outcome is what became of a record.
type Outcome byte

// The outcomes.
const (
	// Kept: the record goes on, masked.
	Kept Outcome = iota
	// Dropped: a rule with the action drop_event selected it. There are no
	// bytes.
	Dropped
	// Broken: the record is not one JSON text. Bytes is what could be told
	// apart of it, masked as text.
	Broken
	// Refused: a rule with on_error: dead_letter could not be applied. Bytes
	// is the masked record, the value in question replaced.
	Refused
	// Stopped: the same of a rule with on_error: stop. Nothing behind the
	// record is to be read before somebody looked at it.
	Stopped
)

// Result is a masked record.
type Result struct {
	// Bytes is the record after masking: the input itself where nothing was
	// found, otherwise memory of the Masker, valid until its next call.
	Bytes   []byte
	Outcome Outcome
	// Hits is how many values were changed or dropped.
	Hits int
}

// Masker masks one record at a time. It holds the scratch memory of one
// goroutine and is NOT safe for concurrent use.
type Masker struct {
	rules    *Rules
	nodes    *nodes
	keys     *keyCache // members' names
	names    *keyCache // names that stand in texts and values
	levels   []*walker
	looker   *walker  // into members' names
	hits     []uint64 // by rule
	reported []uint64 // of hits, to a Tally
	hashes   map[*hmacKey]hash.Hash
	sum      []byte
	domain   []byte
	out      []byte

	// of the record at hand
	record  []byte
	count   int
	dropped bool
	failure onError // the strictest of the rules that could not be applied
	text    bool    // it is a text, which may have been cut anywhere
	budget  int     // bytes that may still be read a second time
	address int32   // node of the request's address, 0 where not yet known
	bodies  []pendingBody
	met     []condition3 // by rule
	probed  *probe
	explain *[]Hit
}

// NewMasker makes a masker for one goroutine. It remembers the keys of the
// records it saw, about 1 MB at most.
func (r *Rules) NewMasker() *Masker {
	m := &Masker{rules: r, nodes: newNodes(r), hits: make([]uint64, len(r.rules)), reported: make([]uint64, len(r.rules)), hashes: map[*hmacKey]hash.Hash{}}
	if r.conditional {
		m.met = make([]condition3, len(r.rules))
	}
	m.keys = newKeyCache(m.lookKey)
	m.names = newKeyCache(func(raw string, _ bool) *keyInfo { return m.lookName(raw, raw) })
	m.looker = &walker{m: m, depth: r.limits.decode, dropRule: none}
	m.bodies = make([]pendingBody, 0, 8)
	return m
}

// Hits counts, for each rule by the index of Rules.Names, the values it
// changed since the masker was made. It is a copy.
func (m *Masker) Hits() []uint64 { return slices.Clone(m.hits) }

// Tally adds up the hits of the maskers of several goroutines.
type Tally struct{ hits []atomic.Uint64 }

// NewTally makes a tally of zero for each rule.
func (r *Rules) NewTally() *Tally { return &Tally{make([]atomic.Uint64, len(r.rules))} }

// Of reads the hits of one rule, by the index of Rules.Names.
func (t *Tally) Of(rule int) uint64 { return t.hits[rule].Load() }

// Report adds what the masker hit since it last reported. The tally is of the
// masker's own Rules.
func (m *Masker) Report(t *Tally) {
	for i, n := range m.hits {
		if more := n - m.reported[i]; more > 0 {
			t.hits[i].Add(more)
			m.reported[i] = n
		}
	}
}

// Mask masks one record. It never returns a byte of a value that a rule
// selects: where masking fails, it replaces the value, or the whole record.
func (m *Masker) Mask(record []byte) (res Result) {
	defer m.rescue(&res)
	m.begin(record)
	w := m.level(0)
	res.Bytes = record
	if err := w.walk(record, startNode, none); err != nil {
		res.Outcome = Broken
		if out, changed := w.broken(); changed {
			res.Bytes = out
		}
	} else if w.settleBodies(); len(w.edits) > 0 {
		m.out = w.assemble(m.out[:0], len(record))
		res.Bytes = m.out
	}
	res.Hits = m.count
	switch {
	case m.dropped:
		return Result{Outcome: Dropped, Hits: m.count}
	case m.failure == stop:
		res.Outcome = Stopped
	case m.failure == deadLetter && res.Outcome == Kept:
		res.Outcome = Refused
	}
	return res
}

func (m *Masker) begin(record []byte) {
	m.record, m.count, m.dropped, m.failure = record, 0, false, dropValue
	m.budget, m.address, m.bodies, m.probed = 8*len(record)+1<<16, 0, m.bodies[:0], nil
	clear(m.met)
	if len(m.nodes.list) > maxNodes {
		m.nodes.reset()
		m.keys.clear()
		m.names.clear()
	}
}

// rescue turns a panic into a record that is replaced as a whole.
func (m *Masker) rescue(res *Result) {
	if recover() == nil {
		return
	}
	m.hits[m.rules.errorRule]++
	failed := &m.rules.rules[m.rules.errorRule]
	*res = Result{Bytes: jsonscan.AppendQuoted(nil, failed.marker), Outcome: Refused, Hits: 1}
	if failed.failure == stop {
		res.Outcome = Stopped
	}
	m.levels = nil // their state is unknown
}

// MaskText masks a text that is no record: an error, a line of a log. What it
// returns is valid until the next call, or the text itself.
func (m *Masker) MaskText(text []byte) (masked []byte) {
	m.begin(text)
	m.text = true
	defer func() { m.text = false }()
	w := m.level(0)
	w.frames = w.frames[:0]
	if out, changed := w.guarded(text, startNode, none, w.why(text, startNode)); changed {
		return out
	}
	return text
}

// level gives the walker for texts that are n layers deep.
func (m *Masker) level(n int) *walker {
	for len(m.levels) <= n {
		m.levels = append(m.levels, &walker{m: m, depth: len(m.levels), dropRule: none})
	}
	return m.levels[n]
}

// take counts a value that a rule changed. It returns false while nothing is
// counted.
func (m *Masker) take(rule int32) bool {
	if m.probed != nil {
		m.probed.rule = m.rules.stronger(m.probed.rule, rule)
		return false
	}
	m.hits[rule]++
	m.count++
	return true
}

// untake takes a hit back that gave way to a better one.
func (m *Masker) untake(rule int32) {
	if m.probed == nil {
		m.hits[rule]--
		m.count--
	}
}

// refuse notes that a rule could not be applied.
func (m *Masker) refuse(rule int32) { m.failure = max(m.failure, m.rules.rules[rule].failure) }
