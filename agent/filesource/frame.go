package filesource

import (
	"bytes"
	"regexp"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// frame is where reading stands in a stretch, and what was found there.
type frame struct {
	pos        int          // where the unfinished rest begins
	start, end int          // of the record or fault that next found
	reason     event.Reason // "" for a record, otherwise one of event.Reason…
}

// framer cuts records out of a stretch of a file's text.
//
// Between records it skips white space and the separators of arrays, so it needs to
// know nothing of what came before the stretch. Where the next record begins behind
// one that is broken is found by resync.go. Call reset, then next until it returns
// false.
type framer struct {
	frame
	data []byte
	// layout is that of the file. In one of plain objects, a line that looks like an
	// object is taken for one record without a closer look. The stages that follow
	// scan it anyway, and hand it to Split if it is none.
	layout layout
	// lineStart says that data begins at the start of a line.
	lineStart bool
	// final says that nothing will be appended to data.
	final bool
	// limit is the size of the largest record; 0 is none.
	limit int64

	scanner jsonscan.Scanner
}

func (f *framer) reset(data []byte, l layout, lineStart, final bool) {
	f.data, f.pos, f.layout, f.lineStart, f.final = data, 0, l, lineStart, final
}

// next finds the next record or fault. Where it returns false, the unfinished rest
// begins with the indentation of its first line.
func (f *framer) next() bool {
	before := f.pos
	if f.find() || f.pos < len(f.data) && f.giveUp() {
		return true
	}
	if !f.final && f.leads(f.pos) {
		f.pos = max(before, f.lineBegin(f.pos))
	}
	return false
}

func (f *framer) find() bool {
	f.skipSeparators()
	for f.skipEnvelope() {
		f.skipSeparators()
	}
	switch {
	case f.pos >= len(f.data):
		return false
	case f.data[f.pos] != '{':
		return f.broken(f.pos)
	case f.line():
		return true
	}
	return f.value()
}

// isSeparator reports whether c may stand between records: white space and control
// characters (the record separator of RFC 7464, the NUL bytes that a writer leaves
// before its place in a truncated file), commas and brackets of arrays, and the bytes
// of a byte order mark.
func isSeparator(c byte) bool {
	return c <= ' ' || c == ',' || c == '[' || c == ']' || c == 0xef || c == 0xbb || c == 0xbf
}

// skipSeparators moves over what may stand between records.
func (f *framer) skipSeparators() { f.pos = f.afterSeparators(f.pos) }

func (f *framer) afterSeparators(pos int) int {
	for pos < len(f.data) && isSeparator(f.data[pos]) {
		pos++
	}
	return pos
}

// An answer of the audit API holds records in a list: what stands around that.
var (
	envelopeBegins = regexp.MustCompile(`^\{\s*("total"\s*:\s*[0-9]{1,18}\s*,\s*)?"list"\s*:\s*\[`)
	envelopeEnds   = regexp.MustCompile(`^("total"\s*:\s*[0-9]{1,18}\s*)?\}`)
)

// skipEnvelope moves over the beginning or the end of an answer of the audit API,
// {"total":N,"list":[ and ]}, and reports whether one is here.
func (f *framer) skipEnvelope() bool {
	rest := f.data[f.pos:]
	envelope := envelopeEnds
	switch {
	case len(rest) == 0:
		return false
	case rest[0] == '{':
		envelope = envelopeBegins
		inside := bytes.TrimLeft(rest[1:min(len(rest), 64)], " \t\r\n")
		if !bytes.HasPrefix(inside, []byte(`"total"`)) && !bytes.HasPrefix(inside, []byte(`"list"`)) {
			return false
		}
	case rest[0] != '}' && rest[0] != '"':
		return false
	}
	n := len(envelope.Find(rest))
	f.pos += n
	return n > 0
}

// line takes the current line for a record if it can hardly be anything else: an
// object from the line's first byte to its last, followed by another one.
func (f *framer) line() bool {
	if f.layout != objects || !f.leads(f.pos) {
		return false
	}
	n := bytes.IndexByte(f.data[f.pos:], '\n')
	if n < 0 {
		return false
	}
	line := bytes.TrimRight(f.data[f.pos:f.pos+n], " \t\r")
	after := bytes.TrimLeft(f.data[f.pos+n+1:], " \t\r\n\x1e\x00\xef\xbb\xbf")
	if line[len(line)-1] != '}' || len(after) > 0 && after[0] != '{' || holdsTwo(line) {
		return false
	}
	f.found(f.pos, f.pos+len(line), "")
	return true
}

// holdsTwo reports whether an object may end within the line and another one begin:
// }{ or } {.
func holdsTwo(line []byte) bool {
	for {
		n := bytes.IndexByte(line, '}') + 1
		if n == 0 {
			return false
		}
		line = line[n:]
		if len(line) > 0 && line[0] == '{' || len(line) > 1 && line[0] == ' ' && line[1] == '{' {
			return true
		}
	}
}

func (f *framer) found(start, end int, reason event.Reason) {
	f.start, f.end, f.reason, f.pos = start, end, reason, end
}

// value finds the end of the object that starts here by scanning it. It ends before
// a record that began again inside of it.
func (f *framer) value() bool {
	rest := f.data[f.pos:]
	f.scanner.Reset(rest)
	for k := f.scanner.Next(); k != jsonscan.Invalid; k = f.scanner.Next() {
		if f.scanner.Depth() == 0 {
			return f.whole(f.pos + f.scanner.End())
		}
		if k == jsonscan.BeginObject && f.swallows(f.pos+f.scanner.Start()) {
			f.brokenUntil(f.pos + f.scanner.Start())
			return true
		}
	}
	if f.scanner.Start() < len(rest) {
		return f.broken(f.pos + f.scanner.Start())
	}
	if !f.final {
		return false
	}
	// The file ends inside the record; what follows its first line may be whole.
	if f.broken(len(f.data)); f.end == len(f.data) {
		f.reason = event.ReasonCutShort
	}
	return true
}

// whole takes the object up to end for a record. In an answer of the audit API an
// object behind which the list does not go on or end was cut short, and took the rest of
// the list and the end of the answer for its own.
func (f *framer) whole(end int) bool {
	if f.layout == answer {
		after := bytes.TrimLeft(f.data[end:], " \t"+breaks)
		r := resync{framer: f, start: f.pos, budget: 4*end + 1<<20}
		if len(after) == 0 && !f.final {
			return false
		}
		if len(after) == 0 || after[0] != ',' && after[0] != ']' {
			if next, known := r.next(); known && next < end {
				f.brokenUntil(next)
				return true
			}
		}
	}
	f.found(f.pos, end, "")
	return true
}

// Split cuts a record that turned out not to be JSON into what can be saved of it
// and faults: the scan that a plain line is spared.
func Split(r event.Raw) []event.Raw {
	var f framer
	var parts []event.Raw
	f.reset(r.Bytes, array, true, true)
	for f.next() {
		part := event.Raw{Bytes: r.Bytes[f.start:f.end], Offset: r.Offset}
		if r.Offset >= 0 {
			part.Offset += int64(f.start)
		}
		if f.reason != "" {
			part.Fault = &event.Fault{Reason: f.reason, Length: int64(f.end - f.start)}
		}
		parts = append(parts, part)
	}
	return parts
}
