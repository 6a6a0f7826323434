package filesource

import (
	"bytes"
	"regexp"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// frame is where reading stands in a stretch, and what was found there.
type frame struct {
	pos        int    // where the unfinished rest begins
	start, end int    // of the record or fault that next found
	reason     string // "" for a record, otherwise one of event.Reason…
}

// framer cuts records out of a stretch of a file's bytes.
//
// Between records it skips white space and the separators of arrays, so it needs to
// know nothing of what came before the stretch. Call reset, then next until it
// returns false.
type framer struct {
	frame
	data []byte
	// lines says that the file does not begin as an array: a line that looks
	// like an object is then taken for one record without a closer look. The
	// stages that follow scan it anyway, and hand it to Split if it is none.
	lines bool
	// lineStart says that data begins at the start of a line.
	lineStart bool
	// final says that nothing will be appended to data.
	final bool

	scanner jsonscan.Scanner
}

func (f *framer) reset(data []byte, lines, lineStart, final bool) {
	f.data, f.pos, f.lines, f.lineStart, f.final = data, 0, lines, lineStart, final
}

// next finds the next record or fault.
func (f *framer) next() bool {
	f.skipSeparators()
	for f.skipEnvelope() {
		f.skipSeparators()
	}
	f.reason = ""
	switch {
	case f.pos >= len(f.data):
		return false
	case f.data[f.pos] != '{':
		return f.garbage()
	case f.line():
		return true
	}
	return f.value()
}

// skipSeparators moves over what may stand between records: white space, commas
// and brackets of arrays, the record separator of RFC 7464, byte order marks, and
// the NUL bytes that a writer leaves before its place in a truncated file.
func (f *framer) skipSeparators() {
	for f.pos < len(f.data) {
		switch f.data[f.pos] {
		case ' ', '\t', '\r', '\n', ',', '[', ']', 0x1e, 0, 0xef, 0xbb, 0xbf:
			f.pos++
		default:
			return
		}
	}
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
	if !f.lines || f.pos > 0 && f.data[f.pos-1] != '\n' || f.pos == 0 && !f.lineStart {
		return false
	}
	n := bytes.IndexByte(f.data[f.pos:], '\n')
	if n < 0 {
		return false
	}
	after := f.pos + n + 1
	line := bytes.TrimRight(f.data[f.pos:f.pos+n], " \t\r")
	if line[len(line)-1] != '}' || after < len(f.data) && f.data[after] != '{' {
		return false
	}
	if holdsTwo(line) {
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

func (f *framer) found(start, end int, reason string) {
	f.start, f.end, f.reason, f.pos = start, end, reason, end
}

// value finds the end of the object that starts here by scanning it.
func (f *framer) value() bool {
	rest := f.data[f.pos:]
	f.scanner.Reset(rest)
	for k := f.scanner.Next(); k != jsonscan.Invalid; k = f.scanner.Next() {
		if f.scanner.Depth() == 0 {
			f.found(f.pos, f.pos+f.scanner.End(), "")
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
	if f.broken(f.pos); f.end == len(f.data) {
		f.reason = event.ReasonCutShort
	}
	return true
}

// garbage is a stretch that does not start as an object.
func (f *framer) garbage() bool { return f.broken(f.pos) }

// broken reports the stretch from pos, in which the grammar failed at the offset
// at, as a fault; false if more bytes are needed to see where it ends. It ends with
// its line, unless the lines that follow cannot start a record: then they belong to
// it. A record that was begun again within the line, as by a writer that was killed
// and restarted, or as the next one of an array, is left for the next call.
func (f *framer) broken(at int) bool {
	start := f.pos
	end := f.lineEnd(start)
	if again := f.begunAgain(start, end); again > 0 {
		f.found(start, again, event.ReasonBrokenJSON)
		return true
	}
	if !f.final && f.lineEnd(at) == len(f.data) {
		return false
	}
	indent := start - (bytes.LastIndexByte(f.data[:start], '\n') + 1)
	for end < len(f.data) && !f.startsRecord(end+1, indent) {
		end = f.lineEnd(end + 1)
	}
	f.found(start, start+len(bytes.TrimRight(f.data[start:end], " \t\r\n")), event.ReasonBrokenJSON)
	f.pos = end
	return true
}

func (f *framer) lineEnd(from int) int {
	if n := bytes.IndexByte(f.data[from:], '\n'); n >= 0 {
		return from + n
	}
	return len(f.data)
}

// startsRecord reports whether the line at from, or the end of the data, may start
// a record: an object indented no deeper than the broken one.
func (f *framer) startsRecord(from, indent int) bool {
	i := from
	for i < len(f.data) && (f.data[i] == ' ' || f.data[i] == '\t') {
		i++
	}
	return i >= len(f.data) || f.data[i] == '{' && i-from <= indent
}

// maxAttempts bounds how often begunAgain scans the same bytes.
const maxAttempts = 64

// begunAgain looks in the broken line for a second object with the same opening
// bytes (up to its first colon) that is whole, and returns where it starts, or 0.
func (f *framer) begunAgain(start, end int) int {
	colon := bytes.IndexByte(f.data[start:end], ':')
	if f.data[start] != '{' || colon < 3 {
		return 0
	}
	opening := f.data[start : start+colon+1]
	from := start + 1
	for range maxAttempts {
		n := bytes.Index(f.data[from:end], opening)
		if n < 0 {
			return 0
		}
		if f.wholeObject(f.data[from+n : end]) {
			return from + n
		}
		from += n + 1
	}
	return 0
}

func (f *framer) wholeObject(b []byte) bool {
	f.scanner.Reset(b)
	for f.scanner.Next() != jsonscan.Invalid {
		if f.scanner.Depth() == 0 {
			return true
		}
	}
	return false
}

// Split cuts a record that turned out not to be JSON into what can be saved of it
// and faults: the scan that a plain line is spared.
func Split(r event.Raw) []event.Raw {
	var f framer
	var parts []event.Raw
	f.reset(r.Bytes, false, true, true)
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
