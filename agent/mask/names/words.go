package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words splits a key into lower-case words: X-API-KEY and xApiKey are both
// [x api key]. Unicode is folded to its compatibility form first, what has no
// width is dropped, and letters of other alphabets that look like Latin ones
// count as those where they stand among such, so that a look-alike spelling
// does not get through; nor does a name whose letters stand apart.
func Words(key string) []string {
	if !isASCII(key) {
		key = norm.NFKC.String(key)
	}
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, foldLookalikes(strings.ToLower(string(word))))
			word = word[:0]
		}
	}
	var before rune
	for i, r := range key {
		switch {
		case unicode.Is(unicode.Cf, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r):
			flush()
		case unicode.IsUpper(r) && startsWord(before, key[i+utf8.RuneLen(r):]):
			flush()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		before = r
	}
	flush()
	if strings.Contains(key, " ") {
		return spaced(out)
	}
	return out
}

// spaced joins the letters of a name that stand apart: p a s s w o r d.
func spaced(words []string) []string {
	if len(words) < 4 {
		return words
	}
	for _, w := range words {
		if len(w) != 1 {
			return words
		}
	}
	return []string{strings.Join(words, "")}
}

// lookalikes are the letters of other alphabets that cannot be told from Latin
// ones by their looks.
var lookalikes = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "ё", "e", "һ", "h", "і", "i", "ї", "i", "ј", "j", "к", "k", "ӏ", "l",
	"м", "m", "н", "h", "о", "o", "р", "p", "ԛ", "q", "г", "r", "ѕ", "s", "т", "t", "у", "y", "ѵ", "v", "ԝ", "w", "х", "x",
	"α", "a", "β", "b", "ϲ", "c", "ε", "e", "η", "n", "ι", "i", "ϳ", "j", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "τ", "t",
	"υ", "u", "χ", "x", "ω", "w", "γ", "y", "ı", "i", "ſ", "s", "ɑ", "a", "ɡ", "g", "օ", "o", "ս", "u", "հ", "h",
)

// foldLookalikes writes a word in Latin letters if some of its letters are.
func foldLookalikes(word string) string {
	if isASCII(word) || !strings.ContainsFunc(word, func(r rune) bool { return 'a' <= r && r <= 'z' }) {
		return word
	}
	return lookalikes.Replace(word)
}

// startsWord says whether an upper-case letter opens a new word: after a small
// letter or a digit (apiKey), or before a small one in a run of capitals
// (APIKey).
func startsWord(before rune, after string) bool {
	if unicode.IsLower(before) || unicode.IsDigit(before) {
		return true
	}
	next, _ := utf8.DecodeRuneInString(after)
	return unicode.IsUpper(before) && unicode.IsLower(next)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
