package mask

import (
	"slices"
	"sync/atomic"

	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
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
	rules  *Rules
	places *paths.Places
	keys   *keyCache // members' names
	names  *keyCache // names that stand in texts and values
	levels []*walker
	looker *walker // into members' names
	apply  rule.Applier
	tally  tallied
	out    []byte
	work
}

// tallied are the hits of a masker.
type tallied struct {
	hits     []uint64 // by rule
	reported []uint64 // of hits, to a Tally
}

// work is what is known of the record at hand.
type work struct {
	record  []byte
	count   int
	dropped bool
	failure rule.OnError // the strictest of the rules that could not be applied
	text    bool         // it is a text, which may have been cut anywhere
	budget  int          // bytes that may still be read a second time
	address paths.Node   // of the request's address, Nowhere where not yet known
	bodies  []pendingBody
	met     []verdict // by rule
	probed  *probe
	explain *[]Hit
}

// NewMasker makes a masker for one goroutine. It remembers the keys of the
// records it saw, about 1 MB at most.
func (r *Rules) NewMasker() *Masker {
	n := len(r.set.Rules)
	m := &Masker{rules: r, places: paths.NewPlaces(r.graph), tally: tallied{make([]uint64, n), make([]uint64, n)}}
	m.met = make([]verdict, n)
	m.keys = newKeyCache(m.lookKey)
	m.names = newKeyCache(func(raw string, _ bool) *keyInfo { return m.lookName(raw, raw) })
	m.looker = newWalker(m, r.limits.Decode)
	m.bodies = make([]pendingBody, 0, 8)
	return m
}

// Hits counts, for each rule by the index of Rules.Names, the values it
// changed since the masker was made. It is a copy.
func (m *Masker) Hits() []uint64 { return slices.Clone(m.tally.hits) }

// Tally adds up the hits of the maskers of several goroutines.
type Tally struct{ hits []atomic.Uint64 }

// NewTally makes a tally of zero for each rule.
func (r *Rules) NewTally() *Tally { return &Tally{make([]atomic.Uint64, len(r.set.Rules))} }

// Of reads the hits of one rule, by the index of Rules.Names.
func (t *Tally) Of(rule int) uint64 { return t.hits[rule].Load() }

// Report adds what the masker hit since it last reported. The tally is of the
// masker's own Rules.
func (m *Masker) Report(t *Tally) {
	for i, n := range m.tally.hits {
		if more := n - m.tally.reported[i]; more > 0 {
			t.hits[i].Add(more)
			m.tally.reported[i] = n
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
	if err := w.walk(record, paths.Start, rule.None); err != nil {
		res.Outcome = Broken
		if out, changed := w.broken(); changed {
			res.Bytes = out
		}
	} else if w.settleBodies(); len(w.edits.list) > 0 {
		m.out = w.edits.assemble(m.out[:0], record)
		res.Bytes = m.out
	}
	res.Hits = m.count
	switch {
	case m.dropped:
		return Result{Outcome: Dropped, Hits: m.count}
	case m.failure == rule.Stop:
		res.Outcome = Stopped
	case m.failure == rule.DeadLetter && res.Outcome == Kept:
		res.Outcome = Refused
	}
	return res
}

func (m *Masker) begin(record []byte) {
	m.record, m.count, m.dropped, m.failure = record, 0, false, rule.DropValue
	m.budget, m.address, m.bodies, m.probed = 8*len(record)+1<<16, paths.Nowhere, m.bodies[:0], nil
	clear(m.met)
	if m.places.Full() {
		m.places.Reset()
		m.keys.clear()
		m.names.clear()
	}
}

// rescue turns a panic into a record that is replaced as a whole.
func (m *Masker) rescue(res *Result) {
	if recover() == nil {
		return
	}
	m.tally.hits[m.rules.errorRule]++
	failed := m.rules.set.Of(m.rules.errorRule)
	*res = Result{Bytes: jsonscan.AppendQuoted(nil, failed.Marker), Outcome: Refused, Hits: 1}
	if failed.Failure == rule.Stop {
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
	why := w.texts.why(text, paths.Start)
	if out, changed := w.texts.guarded(text, paths.Start, rule.None, &why); changed {
		return out
	}
	return text
}

// level gives the walker for texts that are n layers deep.
func (m *Masker) level(n int) *walker {
	for len(m.levels) <= n {
		m.levels = append(m.levels, newWalker(m, len(m.levels)))
	}
	return m.levels[n]
}

// take counts a value that a rule changed. It returns false while nothing is
// counted.
func (m *Masker) take(id rule.ID) bool {
	if m.probed != nil {
		m.probed.rule = m.rules.set.Stronger(m.probed.rule, id)
		return false
	}
	m.tally.hits[id]++
	m.count++
	return true
}

// untake takes a hit back that gave way to a better one.
func (m *Masker) untake(id rule.ID) {
	if m.probed == nil {
		m.tally.hits[id]--
		m.count--
	}
}

// refuse notes that a rule could not be applied.
func (m *Masker) refuse(id rule.ID) { m.failure = max(m.failure, m.rules.set.Of(id).Failure) }
