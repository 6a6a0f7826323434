package mask

import (
	"bytes"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// The shapes that pairs reads, all of them KEY SEPARATOR VALUE: forms and query
// strings (a=b&c=d), cookies and connection strings (a=b; c=d), environment
// files (A=b), headers and YAML (A: b), and pieces of JSON ("a": "b").

// keyRun holds the characters of a key outside quotes.
var keyRun = newCharset("_-.%+$[]\\")

// pairStops are the separators, and what markers begin with.
var pairStops = [256]bool{'=': true, ':': true, '[': true, 'h': true}

// pairs masks the values of sensitive keys in a text. A marker that stands in
// the text is stepped over.
func (w *walker) pairs(text []byte, node int32, torn bool) {
	floor := 0 // no key reaches back into a marker
	w.beside = beside{rule: none}
	for i := 0; i < len(text); i++ {
		if !pairStops[text[i]] {
			continue
		}
		switch c := text[i]; c {
		case '[', 'h':
			if n := w.m.rules.markerLength(text[i:]); n > 0 {
				i += n - 1
				floor = i + 1
			}
		case '=', ':':
			if end := w.pair(text, floor, i, node, torn); end > i {
				i = end - 1
			}
		}
	}
}

// pair looks at the pair whose separator stands at sep and whose key starts at
// floor or later. It returns where its value ends if it took the value,
// otherwise 0.
func (w *walker) pair(text []byte, floor, sep int, node int32, torn bool) int {
	if text[sep] == ':' && hasPrefix(text[sep:], "://") {
		return 0
	}
	key, start := keyBefore(text, floor, sep)
	if len(key) == 0 {
		return 0
	}
	info := w.m.lookText(key)
	rule := w.ruleOf(info, node, false)
	if rule == none && !isQuote(text[start]) {
		rule = w.phraseRule(text, floor, start, sep, node)
	}
	if rule == none && torn {
		rule = w.m.rules.lost(info.plain)
	}
	if rule == none {
		if info.role == roleName || info.role == roleValue {
			w.besides(text, info.role, valueAfter(text, start, sep), node)
		}
		return 0
	}
	v := valueAfter(text, start, sep)
	w.takeValue(text, v, rule)
	return v.end
}

// takeValue notes the value of a sensitive key, unless there is nothing in it to
// hide.
func (w *walker) takeValue(text []byte, v span, rule int32) {
	if v.start >= v.end {
		return
	}
	if value := text[v.start:v.end]; !w.m.rules.isMarker(value) && !w.m.rules.allows(value) && !isConstant(value) {
		w.spans = append(w.spans, hitSpan{span: v, rule: rule})
	}
}

// isConstant says whether a value is one of those that JSON has words for, which
// are left alone there, too.
func isConstant(value []byte) bool {
	switch string(bytes.TrimRight(value, ".,;)]}")) {
	case "true", "false", "null", "True", "False", "None", "nil", "YES", "NO":
		return true
	}
	return false
}

// beside is what a text said last about a name and a value that stand beside
// each other: name=password&value=x, or the other way round.
type beside struct {
	rule  int32 // for the value of the last name, or none
	name  int   // where that name ends
	value span  // the last value
}

// maxBeside is how far a name and its value may be apart, in bytes.
const maxBeside = 64

// besides notes a name or a value, and takes the value once both are there.
func (w *walker) besides(text []byte, role keyRole, v span, node int32) {
	b := &w.beside
	if role == roleValue {
		if b.value = v; b.rule != none && v.start-b.name <= maxBeside {
			w.takeValue(text, v, b.rule)
			b.value = span{}
		}
		return
	}
	name := bytes.TrimSpace(text[v.start:v.end])
	if b.rule, b.name = none, v.end; len(name) == 0 || len(name) > longKey {
		return
	}
	b.rule = w.byName(w.m.lookText(name).names, w.m.nodes.list[node].zones, jsonscan.String)
	if b.rule != none && b.value.end > 0 && v.start-b.value.end <= maxBeside {
		w.takeValue(text, b.value, b.rule)
		b.value = span{}
	}
}

// keyBefore is the key that ends before sep, and where it starts in text, its
// quote included.
func keyBefore(text []byte, floor, sep int) (key []byte, start int) {
	end := sep
	for end > floor && (text[end-1] == ' ' || text[end-1] == '\t') && sep-end < 3 {
		end--
	}
	if end > floor && isQuote(text[end-1]) {
		return quotedBefore(text, floor, end)
	}
	start = end
	for start > floor && sep-start < longKey && (keyRun[text[start-1]] || text[start-1] >= 0x80) {
		start--
	}
	key = bytes.TrimLeft(text[start:end], `.-[]\`)
	if len(key) == 0 || isDigit(key[0]) {
		return nil, start
	}
	return key, end - len(key)
}

// quotedBefore is the quoted key whose closing quote ends at end. The quotes
// may be escaped, as in JSON inside a string.
func quotedBefore(text []byte, floor, end int) (key []byte, start int) {
	quote := text[end-1]
	last := end - 1
	for last > floor && text[last-1] == '\\' {
		last--
	}
	floor = max(floor, last-longKey)
	at := bytes.LastIndexByte(text[floor:last], quote)
	if at < 0 {
		return nil, end
	}
	return text[floor+at+1 : last], floor + at
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// textRule is the rule for the value of a key in a text, or none. Where the
// structure of the text is lost, the last keys of all paths count as names.
func (w *walker) textRule(key []byte, node int32, lost bool) int32 {
	return w.ruleOf(w.m.lookText(key), node, lost)
}

func (w *walker) ruleOf(info *keyInfo, node int32, lost bool) int32 {
	best := w.byName(info.names, w.m.nodes.list[node].zones, jsonscan.String)
	if info.class != classOther {
		n := &w.m.nodes.list[w.m.nodes.step(node, info.class)]
		best = w.m.rules.stronger(best, w.m.choose(n.rules, ^uint64(0)))
	}
	if best == none && lost {
		best = w.m.rules.lost(info.plain)
	}
	return best
}

// phraseRule reads up to four words before a separator as one name: the API
// key: ... Before = the name has to end there, so that attributes do not
// belong to the name of their element.
func (w *walker) phraseRule(text []byte, floor, start, sep int, node int32) int32 {
	from := start
	for words := 0; words < 3 && from > floor+1 && text[from-1] == ' ' && keyRun[text[from-2]]; words++ {
		for from--; from > floor && keyRun[text[from-1]]; from-- {
		}
	}
	if from == start || sep-from > longKey {
		return none
	}
	zones := w.m.nodes.list[node].zones
	if text[sep] == '=' && w.byName(w.m.lookText(text[from:start-1]).names, zones, jsonscan.String) != none {
		return none
	}
	phrase := bytes.TrimRight(text[from:sep], " \t")
	before := phrase[:bytes.LastIndexByte(phrase, ' ')]
	if w.byName(w.m.lookText(before).names, zones, jsonscan.String) != none {
		return none // password too short: the name ended before
	}
	return w.byName(w.m.lookText(phrase).names, zones, jsonscan.String)
}

// valueAfter is the value behind the separator at sep, whose key starts at
// start.
func valueAfter(text []byte, start, sep int) span {
	from := sep + 1
	for from < len(text) && bytes.IndexByte([]byte(" \t=>:"), text[from]) >= 0 {
		from++ // also := => ==
	}
	escapes := 0
	for from+escapes < len(text) && text[from+escapes] == '\\' {
		escapes++
	}
	if at := from + escapes; at < len(text) && isQuote(text[at]) {
		return span{at + 1, closingQuote(text, at, escapes)}
	}
	if from < len(text) && (text[from] == '{' || text[from] == '[') {
		if end := jsonEnd(text, from); end > 0 {
			return span{from, end}
		}
	}
	end, whole := bareEnd(text, start, sep, from)
	if whole && text[sep] == ':' {
		return folded(text, start, from, end)
	}
	return span{from, end}
}

// folded adds to the line text[from:end], the value of the key at start, the
// lines behind it that belong to the value: those further in, as YAML and folded
// headers have them, and the items of a list.
func folded(text []byte, start, from, end int) span {
	column := start - max(0, lineStart(text, start))
	empty := from == end
	for end < len(text) {
		next := end + 1
		if text[end] == '\r' && next < len(text) && text[next] == '\n' {
			next++
		}
		in := next
		for in < len(text) && (text[in] == ' ' || text[in] == '\t') {
			in++
		}
		item := empty && in-next == column && hasPrefix(text[in:], "- ")
		if endsLine(text, in) || in-next <= column && !item {
			break
		}
		if from == end {
			from = in
		}
		end = lineEnd(text, in)
	}
	return span{from, end}
}

// closingQuote is where the value ends whose opening quote stands at at, after
// so many backslashes. Without a closing quote it is the end of the text.
func closingQuote(text []byte, at, escapes int) int {
	for i := at + 1; i < len(text); i++ {
		if text[i] != text[at] {
			continue
		}
		n := 0
		for i-n-1 > at && text[i-n-1] == '\\' {
			n++
		}
		if n == escapes || n < escapes || n%2 == 0 && escapes == 0 {
			return i - n
		}
	}
	return len(text)
}

// jsonEnd is where the JSON value ends that starts at from, 0 if there is none.
func jsonEnd(text []byte, from int) int {
	var s jsonscan.Scanner
	s.Reset(text[from:])
	if !s.Skip(s.Next()) {
		return 0
	}
	return from + s.End()
}

// bareEnd is where a value without quotes ends. A key at the start of its line
// has the whole line after a colon; otherwise a blank ends the value, and a
// separator does if another key follows it. whole says that it has the line.
func bareEnd(text []byte, start, sep, from int) (end int, whole bool) {
	if lineStart(text, start) >= 0 { // once a line, so that long lines are not read again and again
		line := lineEnd(text, from)
		if text[sep] == ':' || !bytes.ContainsAny(text[from:line], "=&;") {
			return line, true
		}
	}
	for i := from; i < len(text); i++ {
		switch c := text[i]; c {
		case '\r', '\n':
			return i, false
		case ' ', '\t', '"', '\'', '`', '<', '>':
			if i > from {
				return i, false
			}
		case '&', ';':
			if endsLine(text, i+1) || opensPair(text[i+1:]) {
				return i, false
			}
		case ',':
			if text[sep] == ':' && (endsLine(text, i+1) || text[i+1] == ' ') || opensPair(text[i+1:]) {
				return i, false
			}
		}
	}
	return len(text), false
}

// lineStart is where the line of a key starts that is the first thing on it, but
// for blanks, dashes and quotes; otherwise it is -1.
func lineStart(text []byte, i int) int {
	for i > 0 && bytes.IndexByte([]byte(" \t-\"'"), text[i-1]) >= 0 {
		i--
	}
	if i > 0 && text[i-1] != '\n' && text[i-1] != '\r' {
		return -1
	}
	return i
}

// lineEnd is where the line ends that i stands on.
func lineEnd(text []byte, i int) int {
	if at := bytes.IndexAny(text[i:], "\r\n"); at >= 0 {
		return i + at
	}
	return len(text)
}

func endsLine(text []byte, i int) bool { return i == len(text) || text[i] == '\n' || text[i] == '\r' }

// opensPair says whether a key and = follow.
func opensPair(text []byte) bool {
	text = bytes.TrimLeft(text, " \t")
	n := run(text, 0, keyRun)
	return n > 0 && n < len(text) && text[n] == '='
}

// lookText says what the rules know about a key that stands in a text.
func (m *Masker) lookText(key []byte) *keyInfo {
	plain := key
	for range m.rules.limits.decode {
		if bytes.IndexByte(plain, '%') < 0 {
			break
		}
		plain = unpercent(nil, plain, false)
	}
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain = unescape(plain)
	}
	return m.names.get(plain, false)
}

// unescape resolves JSON's escapes where they are well formed.
func unescape(text []byte) []byte {
	var s jsonscan.Scanner
	quoted := append(append([]byte{'"'}, text...), '"')
	s.Reset(quoted)
	if s.Next() != jsonscan.String || s.End() != len(quoted) {
		return text
	}
	return jsonscan.AppendUnquoted(nil, quoted)
}

// fragments masks the JSON values that stand in a text.
func (w *walker) fragments(text []byte, node int32) {
	if w.depth >= w.m.rules.limits.decode {
		return
	}
	tries := 0
	for i := 0; i < len(text) && tries < maxFragments; i++ {
		if text[i] != '{' && text[i] != '[' {
			continue
		}
		if n := w.m.rules.markerLength(text[i:]); n > 0 {
			i += n - 1
			continue
		}
		tries++
		end := jsonEnd(text, i)
		if end == 0 {
			continue
		}
		inner := w.inner()
		if inner.walk(text[i:end], node, none) == nil && len(inner.edits) > 0 {
			from := len(w.pieces)
			w.pieces = inner.assemble(w.pieces, end-i)
			w.spans = append(w.spans, hitSpan{span: span{i, end}, rule: none, from: from, to: len(w.pieces)})
		}
		i = end - 1
	}
}

// maxFragments bounds how often a text is read as JSON, since each bracket
// that opens nothing is read to the end.
const maxFragments = 16

// tags masks what stands in XML elements with sensitive names, whatever it is,
// up to the end of the element. Where that is missing it is the text up to the
// next tag.
func (w *walker) tags(text []byte, node int32) {
	open := map[string]bool{} // names of elements that have no end any more
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '<')
		if at < 0 {
			return
		}
		from += at + 1
		name := text[from:run(text, from, tagChars)]
		if len(name) == 0 {
			continue
		}
		_, local, found := bytes.Cut(name, []byte(":"))
		if !found {
			local = name
		}
		rule := w.textRule(local, node, false)
		if rule == none {
			continue
		}
		end := bytes.IndexByte(text[from:min(from+maxTag, len(text))], '>')
		if end < 1 || text[from+end-1] == '/' {
			continue
		}
		start := from + end + 1
		stop, ended := start+nextTag(text[start:]), false
		switch {
		case open[string(name)]:
		case len(open) == maxOpen:
			stop = len(text)
		default:
			if stop, ended = elementEnd(text, start, name); !ended {
				open[string(name)] = true
			}
		}
		if stop > start && !w.m.rules.isMarker(text[start:stop]) {
			w.spans = append(w.spans, hitSpan{span: span{start, stop}, rule: rule})
		}
		from = stop
	}
}

// maxTag is how long a tag with its attributes can be, in bytes.
const maxTag = 4096

// maxOpen bounds how many names of elements without an end are remembered. With
// more of them all that follows is taken.
const maxOpen = 16

// tagChars are the characters of the names of XML elements.
var tagChars = newCharset("_-.:")

// elementEnd is where the element ends whose content starts at start, if it does.
func elementEnd(text []byte, start int, name []byte) (end int, ended bool) {
	closing := append([]byte("</"), name...)
	if at := bytes.Index(text[start:], closing); at >= 0 {
		return start + at, true
	}
	return start + nextTag(text[start:]), false
}

func nextTag(text []byte) int {
	if at := bytes.IndexByte(text, '<'); at >= 0 {
		return at
	}
	return len(text)
}

// multipart masks the fields of a multipart/form-data body whose names are
// sensitive (RFC 7578).
func (w *walker) multipart(text []byte, node int32) {
	const disposition = "form-data;"
	for from := 0; ; {
		at := foldedIndex(text[from:], disposition)
		if at < 0 {
			return
		}
		from += at + len(disposition)
		window := text[from:min(from+maxFieldHead, len(text))]
		head, _, found := bytes.Cut(window, []byte("\r\n\r\n"))
		start := from + len(head) + 4
		if !found {
			if head, _, found = bytes.Cut(window, []byte("\n\n")); !found {
				continue
			}
			start = from + len(head) + 2
		}
		rule := w.textRule(fieldName(head), node, false)
		if rule == none {
			continue
		}
		end := len(text)
		if at := bytes.Index(text[start:], []byte("\n--")); at >= 0 {
			end = start + len(bytes.TrimRight(text[start:start+at], "\r"))
		}
		if end > start {
			w.spans = append(w.spans, hitSpan{span: span{start, end}, rule: rule})
		}
		from = end
	}
}

// maxFieldHead is how long the head of a form's field can be, in bytes.
const maxFieldHead = 2048

// fieldName is the name in the head of a form's field, in quotes or not.
func fieldName(head []byte) []byte {
	at := foldedIndex(head, "name=")
	if at < 0 {
		return nil
	}
	head = head[at+len("name="):]
	if len(head) > 0 && isQuote(head[0]) {
		head, _, _ = bytes.Cut(head[1:], head[:1])
		return head
	}
	return head[:run(head, 0, keyRun)]
}

// foldedIndex is where the lower-case word stands in text, in any case, or -1.
func foldedIndex(text []byte, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0] && foldedPrefix(text[i:], word) {
			return i
		}
	}
	return -1
}
