package detect

import (
	_ "embed" // ordinary.txt
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
)

// Reasons say why a text is worth a closer look.
type Reasons struct {
	Shapes Shapes
	Rows   Set
}

// Shapes are the shapes other than the looks of detectors that a text may
// have: a bit for each, which the reader of the shapes gives a meaning.
type Shapes uint64

// Set is a set of detectors.
type Set [setBits / 64]uint64

// setBits is how many detectors a Set can hold.
const setBits = 192

// Any says whether there is a reason. Each row has a bit among the shapes, too.
func (r *Reasons) Any() bool { return r.Shapes != 0 }

func (r *Reasons) merge(other *Reasons) {
	r.Shapes |= other.Shapes
	for i, word := range other.Rows {
		r.Rows[i] |= word
	}
}

func (s *Set) add(id ID) { s[id/64] |= 1 << (id % 64) }

// Each yields the members in the order of Table.
func (s *Set) Each(yield func(ID) bool) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			if !yield(ID(i*64 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}

// Filter tells in one pass over a text what reasons there are to look closer.
// It looks at every second pair of bytes only: a literal of three bytes or more
// holds such a pair wherever it starts.
type Filter struct {
	pairs   [1024]uint64       // a bit for every pair of bytes that opens a bucket
	bucket  [1 << 16]uint16    // into buckets, by pair
	buckets [][]literal        // buckets[0] is empty
	singles [256]Shapes        // by byte
	rows    [256]*Set          // the same, nil where a byte means nothing to detectors
	always  Shapes             // shapes that every text may have
	digits  [maxDigits]Reasons // reasons that so many digits give
	fewest  int                // digits that give any, maxDigits if none do
	long    []stretch
}

// literal is a stretch of three bytes or more that something cannot do without.
type literal struct {
	text string
	at   int // offset of the pair in text
	// beside is the byte before or behind the pair, step bytes from its start.
	beside byte
	step   int8
	row    ID // where there is no why
	why    Shapes
}

// stretch is a run of characters of a length that something cannot do without.
type stretch struct {
	of    *chars.Set
	least int
	why   Shapes
}

// rowsToo marks a byte that means something to detectors, too, and someRow that
// there are reasons for some.
const (
	rowsToo Shapes = 1 << 63
	someRow Shapes = 1 << 62
)

// maxDigits is more digits than anything asks for.
const maxDigits = 16

// NewFilter makes a filter that knows nothing yet.
func NewFilter() *Filter { return &Filter{buckets: make([][]literal, 1), fewest: maxDigits} }

// AddRow lets the filter look for what a detector needs.
func (f *Filter) AddRow(id ID) {
	for _, text := range Table[id].needs() {
		f.add(text, 0, id)
	}
	if n := Table[id].Digits; n > 0 {
		why := Reasons{Shapes: someRow}
		why.Rows.add(id)
		f.fewest = min(f.fewest, n)
		for i := n; i < maxDigits; i++ {
			f.digits[i].merge(&why)
		}
	}
}

// AddLiteral lets the filter give shapes as a reason where text stands, which
// has one byte, or three and more.
func (f *Filter) AddLiteral(text string, why Shapes) { f.add(text, why, 0) }

// AddRun lets the filter give shapes as a reason where so many characters of a
// set stand in a row.
func (f *Filter) AddRun(of *chars.Set, least int, why Shapes) {
	f.long = append(f.long, stretch{of, least, why})
}

// AddAlways makes shapes a reason of every text.
func (f *Filter) AddAlways(why Shapes) { f.always |= why }

// add registers what stands for shapes or, if there are none, for a row.
func (f *Filter) add(text string, why Shapes, row ID) {
	if len(text) == 1 {
		f.addByte(text[0], why, row)
		return
	}
	at := rarest(text)
	// the pairs at text[at:at+2] and text[at+1:at+3]: one of them is looked at
	f.open(uint16(text[at])|uint16(text[at+1])<<8, literal{text: text, at: at, beside: text[at+2], step: 2, why: why, row: row})
	f.open(uint16(text[at+1])|uint16(text[at+2])<<8, literal{text: text, at: at + 1, beside: text[at], step: -1, why: why, row: row})
}

// rarest is where the three bytes of a literal start that ordinary text holds
// least often.
func rarest(text string) (at int) {
	least := commonness(text[:3])
	for i := 1; i+3 <= len(text); i++ {
		if c := commonness(text[i : i+3]); c < least {
			at, least = i, c
		}
	}
	return at
}

// commonness guesses how often the two pairs of three bytes stand in ordinary
// text, where letters follow letters and digits digits.
func commonness(three string) int {
	n := 0
	for i := range 2 {
		n += 8 * ordinaryPairs[three[i:i+2]]
		for _, c := range []byte(three[i : i+2]) {
			if 'a' <= c && c <= 'z' || chars.IsDigit(c) {
				n++
			}
		}
	}
	return n
}

// ordinaryPairs counts the pairs of bytes in a sample of what records hold.
var ordinaryPairs = func() map[string]int {
	found := map[string]int{}
	for i := range len(ordinary) - 1 {
		found[ordinary[i:i+2]]++
	}
	return found
}()

// ordinary is a sample of what records hold: addresses, names, sentences, ids.
//
//go:embed ordinary.txt
var ordinary string

func (f *Filter) addByte(c byte, why Shapes, row ID) {
	if f.singles[c] |= why; why == 0 {
		f.singles[c] |= rowsToo
		if f.rows[c] == nil {
			f.rows[c] = &Set{}
		}
		f.rows[c].add(row)
	}
	for other := range 256 {
		f.mark(uint16(c) | uint16(other)<<8)
		f.mark(uint16(other) | uint16(c)<<8)
	}
}

func (f *Filter) mark(pair uint16) { f.pairs[pair>>6] |= 1 << (pair & 63) }

func (f *Filter) open(pair uint16, l literal) {
	f.mark(pair)
	if f.bucket[pair] == 0 {
		f.bucket[pair] = uint16(len(f.buckets))
		f.buckets = append(f.buckets, nil)
	}
	b := &f.buckets[f.bucket[pair]]
	if !slices.Contains(*b, l) {
		*b = append(*b, l)
	}
}

// Look returns the reasons to look closer at text.
func (f *Filter) Look(text []byte) (found Reasons) {
	found.Shapes = f.always
	f.scan(text, &found)
	found.Shapes &^= rowsToo
	if len(text) >= f.fewest {
		if n := countDigits(text); n >= f.fewest {
			found.merge(&f.digits[min(n, maxDigits-1)])
		}
	}
	for i := range f.long {
		if s := &f.long[i]; len(text) >= s.least && s.in(text) {
			found.Shapes |= s.why
		}
	}
	return found
}

// in says whether text holds the stretch. It reads backwards from every place
// where one could end, so most bytes of ordinary text are never looked at.
func (s *stretch) in(text []byte) bool {
	for end := s.least; end <= len(text); {
		i := end - 1
		for s.of[text[i]] {
			if i--; i < end-s.least {
				return true
			}
		}
		end = i + 1 + s.least
	}
	return false
}

func (f *Filter) scan(text []byte, found *Reasons) {
	for i := 0; i+2 <= len(text); i += 2 {
		pair := binary.LittleEndian.Uint16(text[i:])
		if f.pairs[pair>>6]>>(pair&63)&1 != 0 {
			f.confirm(text, i, pair, found)
		}
	}
	if len(text)%2 != 0 {
		f.single(text[len(text)-1], found)
	}
}

func (f *Filter) confirm(text []byte, i int, pair uint16, found *Reasons) {
	if why := f.singles[byte(pair)] | f.singles[pair>>8]; why != 0 {
		if found.Shapes |= why; why&rowsToo != 0 {
			f.single(byte(pair), found)
			f.single(byte(pair>>8), found)
		}
	}
	bucket := f.buckets[f.bucket[pair]]
	for n := range bucket {
		l := &bucket[n]
		if j := i + int(l.step); uint(j) >= uint(len(text)) || text[j] != l.beside {
			continue // most
		}
		switch start := i - l.at; {
		case start < 0 || !chars.HasPrefix(text[start:], l.text):
		case l.why != 0:
			found.Shapes |= l.why
		default:
			found.Shapes |= someRow
			found.Rows.add(l.row)
		}
	}
}

func (f *Filter) single(c byte, found *Reasons) {
	found.Shapes |= f.singles[c] &^ rowsToo
	if rows := f.rows[c]; rows != nil {
		found.merge(&Reasons{Shapes: someRow, Rows: *rows})
	}
}

// countDigits counts the ASCII digits of b, eight bytes a step.
func countDigits(b []byte) int {
	const (
		low  = 0x0101010101010101
		high = 0x8080808080808080
	)
	n, i := 0, 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		y := x ^ '0'*low            // digits become 0 to 9
		over := (y&^high + 118*low) // the high bit says 10 or more
		n += 8 - bits.OnesCount64((over|y)&high)
	}
	for ; i < len(b); i++ {
		if chars.IsDigit(b[i]) {
			n++
		}
	}
	return n
}
