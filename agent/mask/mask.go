package mask

import (
	"hash"
	"slices"

	"github.com/auditship/auditship/agent/jsonscan"
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
	rules  *Rules
	nodes  *nodes
	keys   *keyCache
	levels []*walker
	hits   []uint64
	hashes map[*hmacKey]hash.Hash
	sum    []byte
	domain []byte
	out    []byte

	// of the record at hand
	record  []byte
	count   int
	dropped bool
	refused bool
	explain *[]Hit
}

// NewMasker makes a masker for one goroutine. It remembers the keys of the
// records it saw, about 1 MB at most.
func (r *Rules) NewMasker() *Masker {
	m := &Masker{rules: r, nodes: newNodes(r), hits: make([]uint64, len(r.rules)), hashes: map[*hmacKey]hash.Hash{}}
	m.keys = newKeyCache(m.lookKey)
	return m
}

// Hits counts, for each rule by the index of Rules.Names, the values it
// changed since the masker was made. It is a copy.
func (m *Masker) Hits() []uint64 { return slices.Clone(m.hits) }

// Mask masks one record. It never returns a byte of a value that a rule
// selects: where masking fails, it replaces the value, or the whole record.
func (m *Masker) Mask(record []byte) (res Result) {
	defer m.rescue(&res)
	m.begin(record)
	w := m.level(0)
	if err := w.walk(record, startNode, none); err != nil {
		return m.broken(record)
	}
	if m.dropped {
		return Result{Outcome: Dropped, Hits: m.count}
	}
	res = Result{Bytes: record, Hits: m.count}
	if len(w.edits) > 0 {
		m.out = w.assemble(m.out[:0])
		res.Bytes = m.out
	}
	if m.refused {
		res.Outcome = Refused
	}
	return res
}

func (m *Masker) begin(record []byte) {
	m.record, m.count, m.dropped, m.refused = record, 0, false, false
	if len(m.nodes.list) > maxNodes {
		m.nodes.reset()
		m.keys.clear()
	}
}

// rescue turns a panic into a record that is replaced as a whole.
func (m *Masker) rescue(res *Result) {
	if recover() == nil {
		return
	}
	m.hits[m.rules.errorRule]++
	marker := m.rules.rules[m.rules.errorRule].marker
	*res = Result{Bytes: jsonscan.AppendQuoted(nil, marker), Outcome: Refused, Hits: 1}
	m.levels = nil // their state is unknown
}

// broken masks what is not one JSON text.
func (m *Masker) broken(record []byte) Result {
	w := m.level(0)
	m.out = append(m.out[:0], w.maskPlain(record, true)...)
	return Result{Bytes: m.out, Outcome: Broken, Hits: m.count}
}

// MaskText masks a text that is no record: an error, a line of a log. What it
// returns is valid until the next call, or the text itself.
func (m *Masker) MaskText(text []byte) (masked []byte) {
	defer func() {
		if recover() != nil {
			m.hits[m.rules.errorRule]++
			masked = m.rules.rules[m.rules.errorRule].marker
			m.levels = nil
		}
	}()
	m.begin(text)
	return m.level(0).maskPlain(text, false)
}

// level gives the walker for texts that are n layers deep.
func (m *Masker) level(n int) *walker {
	for len(m.levels) <= n {
		m.levels = append(m.levels, &walker{m: m, depth: len(m.levels)})
	}
	return m.levels[n]
}

// took counts a value that a rule changed.
func (m *Masker) took(index int32) {
	m.hits[index]++
	m.count++
}
