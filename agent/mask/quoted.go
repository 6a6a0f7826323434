package mask

import "bytes"

// quoted masks quoted values in messages that name a secret: invalid token
// "abc", property "password" failed: no match for "abc". After a quoted
// sensitive name every later value in quotes goes; after a plain word only one
// that follows closely, unless the text is torn.
func (w *walker) quoted(text []byte, node int32, torn bool) {
	var rule int32 = none // of the last sensitive word
	left := 0             // how many more words it reaches
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			rule, left, i = none, 0, i+1
		case c == '[' && w.m.rules.markerLength(text[i:]) > 0:
			i += w.m.rules.markerLength(text[i:])
		case isQuote(c) && (i == 0 || !isAlnum(text[i-1])):
			content, next := quotedRun(text, i)
			if named := w.messageRule(content, node, torn || bytes.HasSuffix(text[:i], []byte("property "))); named != none {
				rule, left = named, len(text)
			} else if rule != none && left > 0 && len(content) > 0 {
				start := i + 1
				w.spans = append(w.spans, hitSpan{span: span{start, start + len(content)}, rule: rule})
			}
			i = next
		case keyRun[c] && c != '[' && c != ']':
			end := run(text, i, keyRun)
			rule, left = w.word(text, span{i, end}, rule, left, node, torn)
			i = end
		default:
			i++
		}
	}
}

// reach is how many words may stand between a sensitive word and its value.
const reach = 3

// word moves on over a plain word.
func (w *walker) word(text []byte, at span, rule int32, left int, node int32, torn bool) (int32, int) {
	first, phrase, next := text[at.start:at.end], []byte(nil), []byte(nil)
	if end := run(text, min(at.end+1, len(text)), keyRun); end > at.end+1 && text[at.end] == ' ' {
		phrase, next = text[at.start:end], text[at.end+1:end] // API key, token name
	}
	named := w.messageRule(first, node, false)
	switch {
	case named != none && len(next) > 0 && w.m.lookText(next).about:
		return none, 0
	case named == none && phrase != nil && w.messageRule(next, node, false) == none:
		named = w.messageRule(phrase, node, false)
	}
	switch {
	case named != none && torn:
		return named, len(text)
	case named != none:
		return named, reach
	case left > reach:
		return rule, left
	}
	return rule, left - 1
}

// isAbout says whether a word after a sensitive one takes its sense away: token
// name, password for.
func isAbout(word string) bool {
	if len(word) > longKey {
		return false
	}
	split := words(word)
	return describes(split) || len(split) == 1 && isPreposition(split[0])
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

// quotedRun is what stands between the quote at i and the next one like it, and
// where to go on. Without another one it is the rest of the text.
func quotedRun(text []byte, i int) (content []byte, next int) {
	end := closingQuote(text, i, 0)
	return text[i+1 : end], min(end+1, len(text))
}
