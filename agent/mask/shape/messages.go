package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Messages reads quoted values in messages that name a secret: invalid token
// "abc", property "password" failed: no match for "abc", field [pin]: value [1].
// After a quoted sensitive name every later value in quotes goes; after a plain
// word only one that follows closely, unless the text is torn. What follows a
// --flag goes without quotes, and where the text is known to be a message what
// follows a plain word, if it looks made: invalid token x9f3a21.
func Messages(text []byte, torn, message bool, r *Reader) {
	q := quoting{Reader: r, text: text, torn: torn, message: message, rule: rule.None}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			q.rule, q.left, i = rule.None, 0, i+1
		case c == '[' && r.Marker(text[i:]) > 0:
			i += r.Marker(text[i:])
		case opensQuote[c] && (i == 0 || !chars.IsAlnum(text[i-1])):
			i = q.quote(i)
		case nameChars[c] && c != '[' && c != ']':
			end := nameChars.Run(text, i)
			q.word(span(i, end))
			i = end
		default:
			i++
		}
	}
}

// quoting is how far a message was read.
type quoting struct {
	*Reader
	text          []byte
	torn, message bool
	rule          rule.ID // of the last sensitive word
	left          int     // how many more words it reaches
}

// quote reads what stands in quotes, a name or a value, and says where to go on.
func (q *quoting) quote(i int) (next int) {
	start, end, next := quotedRun(q.text, i)
	content, active := q.text[start:end], q.rule != rule.None && q.left > 0
	if end == len(q.text) || bytes.IndexByte(content, '\n') >= 0 {
		// The quote of a value that goes on, or none: don't.
		if !active {
			return i + 1
		}
		q.value(q.text, span(start, end), q.rule)
		return next
	}
	if bytes.IndexByte(content, '\\') >= 0 && (i == 0 || q.text[i-1] != '\\') {
		q.Inside(q.text, span(start, end), Unescape(content)) // JSON, as a string of another
	}
	property := q.torn || bytes.HasSuffix(q.text[:i], []byte("property "))
	named := q.named(content, property)
	switch {
	case active && (named == rule.None || looksRandom(content)): // made values hold words, too
		q.value(q.text, span(start, end), q.rule)
	case named != rule.None && !opensObject(q.text[next:]):
		q.rule, q.left = named, len(q.text)
	}
	return next
}

// opensObject says whether a text goes on with the object that a name in quotes
// belongs to.
func opensObject(text []byte) bool {
	text, found := bytes.CutPrefix(bytes.TrimLeft(text, " "), []byte(":"))
	return found && chars.HasPrefix(bytes.TrimLeft(text, " "), "{")
}

// reach is how many words may stand between a sensitive word and its value.
const reach = 3

// word moves on over a plain word.
func (q *quoting) word(at detect.Span) {
	text := q.text
	first, phrase, next := text[at.Start:at.End], []byte(nil), []byte(nil)
	end := at.End
	if stop := nameChars.Run(text, min(at.End+1, len(text))); stop > at.End+1 && text[at.End] == ' ' {
		phrase, next = text[at.Start:stop], text[at.End+1:stop] // API key, token name
	}
	named, flag := q.named(first, false), chars.HasPrefix(first, "--")
	switch {
	case named != rule.None && len(next) > 0 && !flag && q.Ask(next).About:
		q.rule, q.left = rule.None, 0
		return
	case named == rule.None && phrase != nil && q.named(next, false) == rule.None:
		named = q.named(phrase, false)
		end += 1 + len(next)
	}
	switch {
	case named != rule.None:
		q.bare(end, named, flag)
		if q.rule, q.left = named, reach; q.torn {
			q.left = len(text)
		}
	case q.rule != rule.None && q.left > 0 && quotes[string(first)]:
		q.cited(at.End)
	case q.left <= reach:
		q.left--
	}
}

// quotes are the words behind which a message repeats what it was given.
var quotes = map[string]bool{"got": true, "Got": true, "received": true, "given": true, "actual": true}

// cited takes the word that a message repeats, unless it is that of a type.
func (q *quoting) cited(end int) {
	v := nextWord(q.text, end)
	switch string(q.text[v.Start:v.End]) {
	case "", "string", "number", "integer", "boolean", "bool", "nil", "null", "table", "object", "array", "function", "userdata", "float", "int", "a", "an", "the", "in", "no", "nothing":
		return
	}
	if !chars.AllDigits(q.text[v.Start:v.End]) || v.End-v.Start > 4 {
		q.value(q.text, v, q.rule)
	}
}

// bare takes the word without quotes that follows a sensitive one, which ended
// at end: after a flag whatever it is, in a message if it looks made.
func (q *quoting) bare(end int, by rule.ID, flag bool) {
	if !flag && !q.message {
		return
	}
	v := nextWord(q.text, end)
	if word := q.text[v.Start:v.End]; !flag && (string(word) == "is" || string(word) == "was" || string(word) == "to") {
		v = nextWord(q.text, v.End)
	}
	word := q.text[v.Start:v.End]
	if len(word) > 0 && word[0] != '-' && (flag || looksRandom(word)) {
		q.value(q.text, v, by)
	}
}

// nextWord is the word behind one blank, without the punctuation of a sentence.
func nextWord(text []byte, end int) detect.Span {
	if end >= len(text) || text[end] != ' ' {
		return span(end, end)
	}
	start := end + 1
	for end = start; end < len(text) && text[end] > ' ' && !opensQuote[text[end]]; end++ {
	}
	for end > start && bytes.IndexByte([]byte(".,;:!?)]"), text[end-1]) >= 0 {
		end--
	}
	return span(start, end)
}

// looksRandom tells a generated word from one of a language.
func looksRandom(word []byte) bool {
	return len(word) >= 20 || len(word) >= 6 && bytes.ContainsAny(word, "0123456789")
}

// named is the rule for a name in a message, or none. Where the structure is
// lost, the last keys of all paths count as names.
func (q *quoting) named(name []byte, lost bool) rule.ID {
	if len(name) == 0 || len(name) > MaxName || bytes.Count(name, []byte(" ")) > 2 {
		return rule.None
	}
	said := q.Ask(name)
	if said.Rule == rule.None && lost {
		return said.Lost
	}
	return said.Rule
}

// opensQuote are the first bytes of what messages quote with.
var opensQuote = func() (c chars.Set) {
	for _, b := range "\"'`[(" {
		c[b] = true
	}
	for _, pair := range quotePairs {
		c[pair.open[0]] = true
	}
	return c
}()

// quotePairs are the quotes that open and close differently.
var quotePairs = []struct{ open, close string }{
	{"[", "]"}, {"(", ")"}, {"“", "”"}, {"„", "“"}, {"‘", "’"}, {"«", "»"}, {"「", "」"},
}

// maxQuoted is how much can stand in brackets and the like, in bytes.
const maxQuoted = 2048

// quotedRun is what stands between the quote at i and the one that closes it,
// and where to go on. Without the latter it is the rest of the text; brackets
// then are no quotes, nor are parentheses around several words.
func quotedRun(text []byte, i int) (start, end, next int) {
	if isQuote(text[i]) {
		escapes := 0
		for i > escapes && text[i-escapes-1] == '\\' {
			escapes++
		}
		end = closingQuote(text, i, escapes)
		for next = end; next < len(text) && text[next] == '\\'; next++ {
		}
		return i + 1, end, min(next+1, len(text))
	}
	for _, pair := range quotePairs {
		if !chars.HasPrefix(text[i:], pair.open) {
			continue
		}
		start = i + len(pair.open)
		line, _, _ := bytes.Cut(text[start:min(start+maxQuoted, len(text))], []byte("\n"))
		n := bytes.Index(line, []byte(pair.close))
		if n > 0 && (text[i] != '(' || bytes.IndexByte(line[:n], ' ') < 0) && !bytes.ContainsAny(line[:n], "\"'`[({") {
			return start, start + n, start + n + len(pair.close)
		}
		return start, start, start
	}
	return i + 1, i + 1, i + 1
}
