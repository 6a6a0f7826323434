package filesource

import (
	"bytes"
	"regexp"
	"slices"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// How the next record is found behind a stretch that is none.
//
// A record begins at a brace. Most braces belong to objects inside of records, and
// behind a fault nothing tells how deep one lies. So every brace is judged by where it
// stands and by what follows it:
//
//   - One that leads its line, with nothing but separators before it, begins a record
//     if the broken stretch is one line, or is indented at least as deep: what belongs
//     to a record that takes many lines is indented deeper than its first brace.
//   - Any other one begins a record if its object is whole, if what follows it is
//     another record or the end, and not the rest of an object around it. If the
//     broken record could be read up to there, the object must also have most of its
//     keys: otherwise it is one of its values.

// isBreak reports whether c ends a line. None of these can stand within a JSON text
// but as white space.
func isBreak(c byte) bool { return c == '\n' || c == '\r' || c == 0x1e || c == 0 }

const breaks = "\n\r\x1e\x00"

// lineEnd is where the line that holds from ends, or the end of the data.
func (f *framer) lineEnd(from int) int {
	if n := bytes.IndexAny(f.data[from:], breaks); n >= 0 {
		return from + n
	}
	return len(f.data)
}

// lineBegin is where the line that holds pos begins, or the start of the data.
func (f *framer) lineBegin(pos int) int {
	return bytes.LastIndexAny(f.data[:pos], breaks) + 1
}

// leads reports whether nothing but separators stands before pos on its line.
func (f *framer) leads(pos int) bool {
	for pos > 0 && !isBreak(f.data[pos-1]) {
		if pos--; !isSeparator(f.data[pos]) {
			return false
		}
	}
	return pos > 0 || f.lineStart
}

// column is how far the first byte on the line of pos that is no separator is
// indented.
func (f *framer) column(pos int) int {
	n := 0
	for _, c := range f.data[f.lineBegin(pos):pos] {
		if !isSeparator(c) {
			break
		}
		if c == ' ' || c == '\t' || c == ',' || c == '[' || c == ']' {
			n++
		}
	}
	return n
}

// broken reports the stretch from pos, in which the grammar failed at the offset at,
// as a fault, up to where the next record begins; false if more bytes are needed to
// see that.
func (f *framer) broken(at int) bool {
	start := f.pos
	r := resync{framer: f, start: start, budget: 4*len(f.data) + 1<<20}
	next, known := r.next()
	switch {
	case known && next < len(f.data):
		f.brokenUntil(next)
	case f.final:
		f.brokenUntil(len(f.data))
	case !known || f.lineEnd(at) == len(f.data):
		return false
	default:
		f.brokenUntil(bytes.LastIndexAny(f.data, breaks) + 1)
	}
	return true
}

// brokenUntil reports what stands before next as a fault. The separators before next
// are left: they tell how far it is indented.
func (f *framer) brokenUntil(next int) {
	start := f.pos
	stretch := bytes.TrimRight(f.data[start:next], " \t"+breaks)
	if next < len(f.data) && f.leads(next) {
		next = max(start+len(stretch), f.lineBegin(next))
		stretch = bytes.TrimRight(f.data[start:next], " \t"+breaks)
	}
	f.found(start, start+len(stretch), event.ReasonBrokenJSON)
	f.pos = next
}

// swallows reports whether the brace at pos, inside the object that is scanned,
// begins the next record all the same: it opens as the object itself does, leads its
// line, and is not indented deeper.
func (f *framer) swallows(pos int) bool {
	start := f.pos
	if pos == start || !f.leads(pos) || f.column(pos) > f.column(start) {
		return false
	}
	colon := bytes.IndexByte(f.data[start:pos], ':') + 1
	opening := f.data[start : start+colon]
	if colon < len(`{"":`) || !bytes.HasPrefix(f.data[pos:], opening) {
		return false
	}
	// Where not even members are indented, indenting tells nothing.
	return !bytes.ContainsAny(opening, breaks) || f.column(start+colon-1) > f.column(start)
}

// giveUp reports an object that is unfinished and larger than any record may be as
// broken, if another one that may be a record leads a line inside of it. Without one it
// is a large record.
func (f *framer) giveUp() bool {
	if f.limit == 0 || int64(len(f.data)-f.pos) <= f.limit {
		return false
	}
	r := resync{framer: f, start: f.pos}
	for next := f.pos; ; {
		n := bytes.IndexByte(f.data[next+1:], '{')
		if n < 0 {
			return false
		}
		if next += 1 + n; f.leads(next) && r.apart(next) {
			f.brokenUntil(next)
			return true
		}
	}
}

// resync looks for the record behind a broken stretch.
type resync struct {
	*framer
	start  int      // of the broken stretch
	keys   [][]byte // of the broken record, as far as it could be read
	values []int    // where objects inside of it began, as far as it could be read
	budget int      // how many bytes may be scanned before braces inside of lines are left alone
}

// next is where the next record begins, or the end of the data. It is not known while
// an object that may be one is not complete.
func (r *resync) next() (pos int, known bool) {
	if r.data[r.start] == '{' {
		r.keys, r.values = r.read()
	}
	for pos = r.start + 1; pos < len(r.data); {
		n := bytes.IndexByte(r.data[pos:], '{')
		if n < 0 {
			break
		}
		pos += n
		if r.leads(pos) && r.apart(pos) {
			return pos, true
		}
		if r.budget < 0 {
			pos++
			continue
		}
		begins, after := r.judge(pos)
		switch {
		case begins:
			return pos, true
		case after > len(r.data):
			return 0, false
		}
		pos = after
	}
	return len(r.data), true
}

// apart reports whether a brace that leads its line lies outside of the broken
// stretch, as indenting tells.
func (r *resync) apart(pos int) bool {
	end := r.lineEnd(r.start)
	if r.banner(end) {
		return true
	}
	if bytes.HasSuffix(bytes.TrimRight(r.data[r.start:end], " \t,]"), []byte("}")) && end > r.start+1 {
		return true // it was one line
	}
	return r.column(pos) <= r.column(r.start) && !r.flat(end)
}

// banner reports whether the broken stretch, whose first line ends at end, is a line of
// something else: nothing is inside of it.
func (r *resync) banner(end int) bool {
	first, next := r.data[r.start], r.afterSeparators(end)
	return first != '{' && first != '"' && first != '}' && r.leads(r.start) && !r.member(next)
}

// memberBegins is how a member of an object begins.
var memberBegins = regexp.MustCompile(`^"[^"]*"\s*:`)

func (r *resync) member(pos int) bool { return memberBegins.Match(r.data[pos:]) }

// flat reports whether members of the broken record, whose first line ends at end, are
// not indented, so that indenting tells nothing.
func (r *resync) flat(end int) bool {
	next := r.afterSeparators(end)
	if next == len(r.data) || r.column(next) > r.column(r.start) {
		return false
	}
	line := bytes.TrimRight(r.data[r.start:end], " \t")
	return r.data[next] == '"' || r.data[next] == '}' || bytes.IndexByte([]byte("[{:"), line[len(line)-1]) >= 0
}

// judge tells whether the brace at pos begins a record by what it opens and what
// follows that. Where it does not, after is where to look next; beyond the data if
// more of it is needed.
func (r *resync) judge(pos int) (begins bool, after int) {
	keys, end := r.scan(pos)
	switch {
	case end > len(r.data) && !r.final:
		return false, end
	case end < 0 || end > len(r.data):
		return false, pos + 1
	case !r.alike(keys) && r.isValue(pos):
		return false, pos + 1
	}
	for {
		next := r.afterSeparators(end)
		if n := r.envelope(next); n > 0 {
			end = next + n
			continue
		}
		switch {
		case next == len(r.data):
			return true, 0
		case r.data[next] == '}' || r.data[next] == ':' || r.member(next) && bytes.IndexByte(r.data[end:next], ',') >= 0:
			return false, next // the rest of an object around it
		case r.data[next] != '{':
			return true, 0
		}
		if _, end = r.scan(next); end < 0 || end > len(r.data) {
			return true, 0
		}
	}
}

// envelope is how long the end of an answer of the audit API at pos is, with the
// beginning of the next one; 0 without one. Behind it the list does not go on.
func (r *resync) envelope(pos int) int {
	if pos == len(r.data) || r.layout != answer {
		return 0
	}
	n := len(envelopeEnds.Find(r.data[pos:]))
	after := bytes.TrimLeft(r.data[pos+n:], " \t"+breaks)
	if len(after) > 0 && (after[0] == ',' || after[0] == ']') {
		return 0
	}
	return n + len(envelopeBegins.Find(r.data[r.afterSeparators(pos+n):]))
}

// read is what can be read of the broken record: its keys, and where objects begin that
// the grammar takes for values.
func (r *resync) read() (keys [][]byte, values []int) {
	s := &r.scanner
	s.Reset(r.data[r.start:])
	for k := s.Next(); k != jsonscan.Invalid && k != jsonscan.EOF; k = s.Next() {
		switch {
		case k == jsonscan.Key && s.Depth() == 1 && len(keys) < mostKeys:
			keys = append(keys, s.Bytes())
		case k == jsonscan.BeginObject:
			values = append(values, r.start+s.Start())
		}
	}
	return keys, values
}

func (r *resync) isValue(pos int) bool {
	_, is := slices.BinarySearch(r.values, pos)
	return is
}

// alike reports whether an object with these keys may be a record like the broken one.
func (r *resync) alike(keys [][]byte) bool {
	shared := 0
	for _, k := range r.keys {
		for _, other := range keys {
			if bytes.Equal(k, other) {
				shared++
				break
			}
		}
	}
	return len(r.keys) == 0 || 2*shared > len(r.keys)
}

// mostKeys bounds the keys of a record that are compared.
const mostKeys = 32

// scan reads the object at pos: its first keys and where it ends, -1 if it is broken,
// beyond the data if that ends first.
func (r *resync) scan(pos int) (keys [][]byte, end int) {
	rest := r.data[pos:]
	s := &r.scanner
	s.Reset(rest)
	for k := s.Next(); k != jsonscan.Invalid; k = s.Next() {
		if k == jsonscan.Key && s.Depth() == 1 && len(keys) < mostKeys {
			keys = append(keys, s.Bytes())
		}
		if s.Depth() == 0 {
			r.budget -= s.End()
			return keys, pos + s.End()
		}
	}
	r.budget -= s.Start()
	if s.Start() < len(rest) {
		return keys, -1
	}
	return keys, len(r.data) + 1
}
