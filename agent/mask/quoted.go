package mask

import (
	"bytes"
	"slices"
	"strings"
)

// quoted masks quoted values in messages that name a secret: invalid token
// "abc", property "password" failed: no match for "abc", field [pin]: value [1].
// After a quoted sensitive name every later value in quotes goes; after a plain
// word only one that follows closely, unless the text is torn. What follows a
// --flag goes without quotes, and in a message what follows a plain word, if it
// looks made: invalid token x9f3a21.
func (w *walker) quoted(text []byte, node int32, torn, message bool) {
	q := quoting{w: w, text: text, node: node, torn: torn, message: message, rule: none}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			q.rule, q.left, i = none, 0, i+1
		case c == '[' && w.m.rules.markerLength(text[i:]) > 0:
			i += w.m.rules.markerLength(text[i:])
		case opensQuote[c] && (i == 0 || !isAlnum(text[i-1])):
			i = q.quote(i)
		case keyRun[c] && c != '[' && c != ']':
			end := run(text, i, keyRun)
			q.word(span{i, end})
			i = end
		default:
			i++
		}
	}
}

// quoting is how far a message was read.
type quoting struct {
	w             *walker
	text          []byte
	node          int32
	torn, message bool
	rule          int32 // of the last sensitive word
	left          int   // how many more words it reaches
}

// quote reads what stands in quotes, a name or a value, and says where to go on.
func (q *quoting) quote(i int) (next int) {
	start, end, next := quotedRun(q.text, i)
	content, active := q.text[start:end], q.rule != none && q.left > 0
	if end == len(q.text) || bytes.IndexByte(content, '\n') >= 0 {
		// The quote of a value that goes on, or none: don't.
		if !active {
			return i + 1
		}
		q.w.takeValue(q.text, span{start, end}, q.rule)
		return next
	}
	if bytes.IndexByte(content, '\\') >= 0 && (i == 0 || q.text[i-1] != '\\') {
		q.w.layer(q.text, span{start, end}, unescape(content), q.node) // JSON, as a string of another
	}
	property := q.torn || bytes.HasSuffix(q.text[:i], []byte("property "))
	named := q.w.messageRule(content, q.node, property)
	switch {
	case active && (named == none || looksRandom(content)): // made values hold words, too
		q.w.takeValue(q.text, span{start, end}, q.rule)
	case named != none:
		q.rule, q.left = named, len(q.text)
	}
	return next
}

// reach is how many words may stand between a sensitive word and its value.
const reach = 3

// word moves on over a plain word.
func (q *quoting) word(at span) {
	text := q.text
	first, phrase, next := text[at.start:at.end], []byte(nil), []byte(nil)
	end := at.end
	if stop := run(text, min(at.end+1, len(text)), keyRun); stop > at.end+1 && text[at.end] == ' ' {
		phrase, next = text[at.start:stop], text[at.end+1:stop] // API key, token name
	}
	named, flag := q.w.messageRule(first, q.node, false), hasPrefix(first, "--")
	switch {
	case named != none && len(next) > 0 && !flag && q.w.m.lookText(next).about:
		q.rule, q.left = none, 0
		return
	case named == none && phrase != nil && q.w.messageRule(next, q.node, false) == none:
		named = q.w.messageRule(phrase, q.node, false)
		end += 1 + len(next)
	}
	switch {
	case named != none:
		q.bare(end, named, flag)
		if q.rule, q.left = named, reach; q.torn {
			q.left = len(text)
		}
	case q.left <= reach:
		q.left--
	}
}

// bare takes the word without quotes that follows a sensitive one, which ended
// at end: after a flag whatever it is, in a message if it looks made.
func (q *quoting) bare(end int, rule int32, flag bool) {
	if !flag && !q.message {
		return
	}
	v := nextWord(q.text, end)
	if word := q.text[v.start:v.end]; !flag && (string(word) == "is" || string(word) == "was" || string(word) == "to") {
		v = nextWord(q.text, v.end)
	}
	word := q.text[v.start:v.end]
	if len(word) > 0 && word[0] != '-' && (flag || looksRandom(word)) {
		q.w.takeValue(q.text, v, rule)
	}
}

// nextWord is the word behind one blank, without the punctuation of a sentence.
func nextWord(text []byte, end int) span {
	if end >= len(text) || text[end] != ' ' {
		return span{end, end}
	}
	start := end + 1
	for end = start; end < len(text) && text[end] > ' ' && !opensQuote[text[end]]; end++ {
	}
	for end > start && bytes.IndexByte([]byte(".,;:!?)]"), text[end-1]) >= 0 {
		end--
	}
	return span{start, end}
}

// looksRandom tells a generated word from one of a language.
func looksRandom(word []byte) bool {
	return len(word) >= 20 || len(word) >= 6 && bytes.ContainsAny(word, "0123456789")
}

// isAbout says whether a word after a sensitive one takes its sense away: token
// name, password for.
func isAbout(split []string) bool {
	made := slices.ContainsFunc(split, func(word string) bool { return strings.ContainsAny(word, "0123456789") })
	return !made && slices.ContainsFunc(split, isDescribing) || len(split) == 1 && isPreposition(split[0])
}

func isPreposition(word string) bool {
	switch word {
	case "for", "of", "in", "by", "from", "on", "at", "to", "with":
		return true
	}
	return false
}

// messageRule is the rule for a name in a message, or none.
func (w *walker) messageRule(name []byte, node int32, torn bool) int32 {
	if len(name) == 0 || len(name) > longKey || bytes.Count(name, []byte(" ")) > 2 {
		return none
	}
	return w.textRule(name, node, torn)
}

// opensQuote are the first bytes of what messages quote with.
var opensQuote = func() (c charset) {
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
		if !hasPrefix(text[i:], pair.open) {
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
