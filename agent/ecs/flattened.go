package ecs

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// What a field of type flattened takes, and what any part of a document may
// hold. TestWhatElasticsearchRefuses tries it.
const (
	// maxObjects is the field's depth_limit (default 20): objects inside each
	// other, the field's own included. Arrays do not count.
	maxObjects = 20
	// maxContainers bounds objects and arrays together. Elasticsearch refuses
	// a document with more than 1,000 levels; nobody reads a hundred.
	maxContainers = 100
	// maxPath bounds the dotted path of a value. Path and value together must
	// not exceed 32,766 bytes; a value longer than ignore_above characters is
	// not counted. With an ignore_above of up to 8,191 no value that counts
	// has more than 24,573 bytes, so this leaves room for any.
	maxPath = 8192
	// maxNumber is how long a number may be; longer ones are refused anywhere
	// in a document. flattened keeps numbers as strings anyway.
	maxNumber = 1000
	// maxKeys bounds the keys of a value, repetitions included. Elasticsearch
	// has no limit; but each is a term or two of the index, and nobody looks
	// for one in ten thousand.
	maxKeys = 10_000
)

// flattener judges JSON values and writes them for fields of type flattened.
type flattener struct {
	quoter *quoter
	glance glance
	scan   jsonscan.Scanner
	seed   maphash.Seed

	// Of the value that is judged, or was judged last:
	value    []byte
	plain    bool  // it can be copied as it stands
	drops    []int // the offsets of keys that stand again later in their object
	next     int   // of drops, while writing
	inside   place
	objects  int // open now, those around the value included
	path     int // bytes of the path of the key read last
	elements int // objects begun
	keys     int // read so far
	members  []member
	open     []level
	first    []byte // scratch: the text of a key
	second   []byte // scratch: the text of another
}

// place is where a value will stand inside of a flattened field.
type place struct {
	objects int // how many are around it; 0 for the field itself
	path    int // bytes of their dotted path
}

// member is a key of an open object.
type member struct {
	hash       uint64
	start, end int
}

// level is an open container.
type level struct {
	array   bool
	members int // where its members begin
	path    int // bytes of the dotted path to it
}

// release lets go of the value and of the memory that it took to judge it.
func (f *flattener) release() {
	f.value, f.drops, f.members, f.open, f.first, f.second = nil, nil, nil, nil, nil, nil
}

// fits reports whether a flattened field takes v, which may be any JSON value:
// as the field itself an object or an array of objects, inside of it anything.
// It must be called before write.
func (f *flattener) fits(v []byte, in place) bool {
	f.value = v
	if in.objects == 0 && f.quoter.isPlain(v) && f.glance.plain(v) {
		f.plain = true
		return true
	}
	return f.judge(v, in)
}

// judge is fits for any value.
func (f *flattener) judge(v []byte, in place) bool {
	f.inside = in
	f.objects, f.path, f.elements, f.keys = in.objects, in.path, 0, 0
	f.plain = f.quoter.valid && bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0
	f.drops, f.members, f.open = f.drops[:0], f.members[:0], f.open[:0]
	f.scan.Reset(v)
	for {
		switch k := f.scan.Next(); k {
		case jsonscan.EOF:
			return in.objects > 0 || f.elements > 0
		case jsonscan.Key:
			if !f.key() {
				return false
			}
		case jsonscan.BeginObject, jsonscan.BeginArray:
			if !f.begin(k) {
				return false
			}
		case jsonscan.EndObject:
			f.endObject()
		case jsonscan.EndArray:
			f.open = f.open[:len(f.open)-1]
		default:
			if k == jsonscan.Invalid || f.isElement() {
				return false
			}
			f.scalar(k)
		}
	}
}

// isElement reports whether a value that begins now is the field itself or, in
// an array, one of the field's values. Those must be objects.
func (f *flattener) isElement() bool {
	return f.inside.objects == 0 && (len(f.open) == 0 || len(f.open) == 1 && f.open[0].array)
}

func (f *flattener) begin(k jsonscan.Kind) bool {
	l := level{members: len(f.members), path: f.path}
	if len(f.open) > 0 && f.open[len(f.open)-1].array {
		l.path = f.open[len(f.open)-1].path
	}
	if k == jsonscan.BeginArray {
		l.array = true
		if len(f.open) > 0 && f.isElement() {
			return false
		}
	} else {
		f.elements++
		f.objects++
	}
	f.open = append(f.open, l)
	return f.objects <= maxObjects && f.inside.objects+len(f.open) <= maxContainers
}

func (f *flattener) endObject() {
	l := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	f.objects--
	f.findDuplicates(f.members[l.members:])
	f.members = f.members[:l.members]
}

func (f *flattener) scalar(k jsonscan.Kind) {
	switch k {
	case jsonscan.String:
		f.plain = f.plain && !f.scan.Escaped()
	case jsonscan.Number:
		f.plain = f.plain && f.scan.End()-f.scan.Start() <= maxNumber
	}
}

// pathBytes is at least the length of the current key in a path.
func (f *flattener) pathBytes() int {
	n := f.scan.End() - f.scan.Start() - 2
	if !f.quoter.valid {
		n *= 3 // every byte may become U+FFFD
	}
	return n
}

// key takes the current key into its object, unless Elasticsearch refuses it.
func (f *flattener) key() bool {
	f.keys++
	f.path = f.open[len(f.open)-1].path + f.pathBytes() + 1
	token := f.scan.Bytes()
	text := token[1 : len(token)-1]
	if f.scan.Escaped() || !f.quoter.valid {
		f.first = keyText(f.first[:0], token)
		text, f.plain = f.first, false
	}
	f.members = append(f.members, member{maphash.Bytes(f.seed, text), f.scan.Start(), f.scan.End()})
	return f.path <= maxPath && f.keys <= maxKeys && safeKey(text)
}

// keyText appends the text of a key as write will write it.
func keyText(dst, token []byte) []byte {
	from := len(dst)
	dst = jsonscan.AppendUnquoted(dst, token)
	if utf8.Valid(dst[from:]) {
		return dst
	}
	return append(dst[:from], string([]rune(string(dst[from:])))...)
}

// safeKey reports whether a key is one that Elasticsearch takes everywhere:
// without NUL, and without a blank part before, between or after its dots.
// Inside of flattened 8.19 takes blank parts, but neither says so in its
// documentation nor takes them anywhere else, so they are not relied upon.
func safeKey(text []byte) bool {
	if len(text) > 0 && text[0] > ' ' && text[0] < utf8.RuneSelf && bytes.IndexByte(text, '.') < 0 {
		return bytes.IndexByte(text, 0) < 0
	}
	for part := range bytes.SplitSeq(text, []byte{'.'}) {
		if bytes.IndexByte(part, 0) >= 0 || len(bytes.TrimFunc(part, isBlank)) == 0 {
			return false
		}
	}
	return true
}

// isBlank covers what Java calls white space and what Go calls white space.
func isBlank(r rune) bool { return r <= ' ' || unicode.IsSpace(r) }

// manyMembers is from how many members on they are sorted to be compared.
const manyMembers = 16

// findDuplicates notes all but the last of equal keys of one object.
func (f *flattener) findDuplicates(ms []member) {
	sorted := len(ms) > manyMembers
	if sorted {
		slices.SortFunc(ms, func(a, b member) int {
			return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.start, b.start))
		})
	}
	for i, m := range ms {
		for _, later := range ms[i+1:] {
			if m.hash == later.hash && f.sameKey(m, later) {
				f.drops = append(f.drops, m.start)
				f.plain = false
				break
			}
			if sorted && m.hash != later.hash {
				break
			}
		}
	}
}

func (f *flattener) sameKey(a, b member) bool {
	f.first = keyText(f.first[:0], f.value[a.start:a.end])
	f.second = keyText(f.second[:0], f.value[b.start:b.end])
	return bytes.Equal(f.first, f.second)
}

// write appends the value judged last in one line, without duplicate keys.
func (f *flattener) write(dst []byte) []byte {
	if f.plain {
		return append(dst, f.value...)
	}
	slices.Sort(f.drops)
	f.next = 0
	f.scan.Reset(f.value)
	comma := false
	for {
		k := f.scan.Next()
		if k <= jsonscan.EOF {
			return dst
		}
		if k == jsonscan.Key && f.dropped() {
			f.scan.Skip(f.scan.Next())
			continue
		}
		closes := k == jsonscan.EndObject || k == jsonscan.EndArray
		if comma && !closes {
			dst = append(dst, ',')
		}
		dst = f.writeToken(dst, k)
		comma = closes || k.IsScalar()
	}
}

// dropped reports whether the current key stands again later.
func (f *flattener) dropped() bool {
	for f.next < len(f.drops) && f.drops[f.next] < f.scan.Start() {
		f.next++ // lay inside of what was dropped
	}
	return f.next < len(f.drops) && f.drops[f.next] == f.scan.Start()
}

func (f *flattener) writeToken(dst []byte, k jsonscan.Kind) []byte {
	token := f.scan.Bytes()
	switch k {
	case jsonscan.Key:
		return append(f.quoter.token(dst, token), ':')
	case jsonscan.String:
		return f.quoter.token(dst, token)
	case jsonscan.Number:
		if len(token) > maxNumber {
			return f.quoter.token(dst, token)
		}
	}
	return append(dst, token...)
}
