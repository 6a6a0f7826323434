package mask

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// trigger is a set of reasons to look closer at a text: a bit for every
// detector, and those below.
type trigger uint64

const (
	whyPair    trigger = 1 << (32 + iota) // = or :
	whyQuote                              // " ' ` and --flags
	whyPercent                            // %
	whyTag                                // <
	whyBracket                            // { or [
	whyBase64                             // a long run of base64
	whyMatch                              // a regular expression of a rule
	whyEntity                             // &quot;
	whyMessage                            // it is a message, whatever stands in it
)

// prefilter tells in one pass over a text whether any detector could find
// something in it. It looks at every second pair of bytes only: a fragment of
// three bytes contains such a pair wherever it starts.
type prefilter struct {
	pairs   [1024]uint64       // a bit for every pair of bytes that opens a bucket
	bucket  [1 << 16]uint16    // into buckets, by pair
	buckets [][]fragment       // buckets[0] is empty
	singles [256]trigger       // by byte
	always  trigger            // reasons that every text gives
	digits  [maxDigits]trigger // reasons that so many digits give
	fewest  int                // digits that give any, maxDigits if none do
}

// maxDigits is more digits than any detector asks for.
const maxDigits = 16

// addLayers registers what texts are made of that hold other texts.
func (p *prefilter) addLayers() {
	for c, why := range map[byte]trigger{
		'=': whyPair, ':': whyPair, '"': whyQuote, '\'': whyQuote, '`': whyQuote,
		'%': whyPercent, '<': whyTag, '{': whyBracket, '[': whyBracket,
	} {
		p.addByte(c, why)
	}
	p.add(" --", whyQuote)
	for _, entity := range []string{"&quo", "&lt;", "&#3", "&#x", "&amp"} {
		p.add(entity, whyEntity)
	}
}

// fragment is a stretch of three bytes or more that a detector cannot do
// without.
type fragment struct {
	text string
	at   int // offset of the pair in text
	why  trigger
}

func newPrefilter() *prefilter { return &prefilter{buckets: make([][]fragment, 1), fewest: maxDigits} }

// add registers a fragment.
func (p *prefilter) add(text string, why trigger) {
	if len(text) == 1 {
		p.addByte(text[0], why)
		return
	}
	// the pairs at text[0:2] and text[1:3]: one of them is looked at
	for at := range 2 {
		p.open(uint16(text[at])|uint16(text[at+1])<<8, fragment{text, at, why})
	}
}

func (p *prefilter) addByte(c byte, why trigger) {
	p.singles[c] |= why
	for other := range 256 {
		p.mark(uint16(c) | uint16(other)<<8)
		p.mark(uint16(other) | uint16(c)<<8)
	}
}

func (p *prefilter) mark(pair uint16) { p.pairs[pair>>6] |= 1 << (pair & 63) }

func (p *prefilter) open(pair uint16, f fragment) {
	p.mark(pair)
	if p.bucket[pair] == 0 {
		p.bucket[pair] = uint16(len(p.buckets))
		p.buckets = append(p.buckets, nil)
	}
	b := &p.buckets[p.bucket[pair]]
	if !slices.Contains(*b, f) {
		*b = append(*b, f)
	}
}

// addDigits registers a reason that n digits or more give.
func (p *prefilter) addDigits(n int, why trigger) {
	p.fewest = min(p.fewest, n)
	for i := n; i < maxDigits; i++ {
		p.digits[i] |= why
	}
}

// look returns the reasons to look closer at text, 0 for none.
func (p *prefilter) look(text []byte) trigger {
	found := p.scan(text) | p.always
	if len(text) >= p.fewest {
		if n := countDigits(text); n >= p.fewest {
			found |= p.digits[min(n, maxDigits-1)]
		}
	}
	if len(text) >= minBase64 && hasBase64(text) {
		found |= whyBase64
	}
	return found
}

// hasBase64 says whether text holds minBase64 characters of base64 in a row.
// It reads backwards from every place where such a run could end, so most
// bytes of ordinary text are never looked at.
func hasBase64(text []byte) bool {
	for end := minBase64; end <= len(text); {
		i := end - 1
		for base64Chars[text[i]] {
			if i--; i < end-minBase64 {
				return true
			}
		}
		end = i + 1 + minBase64
	}
	return false
}

// scan returns the reasons to look closer at text, 0 for none.
func (p *prefilter) scan(text []byte) trigger {
	var found trigger
	for i := 0; i+2 <= len(text); i += 2 {
		pair := binary.LittleEndian.Uint16(text[i:])
		if p.pairs[pair>>6]>>(pair&63)&1 != 0 {
			found |= p.confirm(text, i, pair)
		}
	}
	if len(text)%2 != 0 {
		found |= p.singles[text[len(text)-1]]
	}
	return found
}

func (p *prefilter) confirm(text []byte, i int, pair uint16) trigger {
	found := p.singles[byte(pair)] | p.singles[pair>>8]
	for _, f := range p.buckets[p.bucket[pair]] {
		if start := i - f.at; start >= 0 && hasPrefix(text[start:], f.text) {
			found |= f.why
		}
	}
	return found
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
		if isDigit(b[i]) {
			n++
		}
	}
	return n
}
