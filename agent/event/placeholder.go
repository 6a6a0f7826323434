package event

import (
	"bytes"
	"regexp"
	"strings"
)

// placeholders are what programs write where they have no id, in small letters.
var placeholders = map[string]bool{
	"null": true, "(null)": true, "<null>": true, "nil": true, "<nil>": true, "none": true, "n/a": true, "na": true, "nan": true,
	"undefined": true, "unknown": true, "empty": true, "true": true, "false": true, `\n`: true,
	"#n/a": true, "#ref!": true, "#value!": true, "#name?": true, "#num!": true, "#div/0!": true,
}

// longestPlaceholder is how long one can be: the nil UUID in braces.
const longestPlaceholder = 40

// longWord is longer than any of the words, with its quotes.
const longWord = 14

// rounded is a long number as a spreadsheet shows it, which has lost its last digits.
var rounded = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]+)?[eE]\+[0-9]+$`)

// roundedNumber is such a number in JSON.
var roundedNumber = regexp.MustCompile(`^[+-]?[0-9.]+[eE][+-]?[0-9]+$`)

// NamesRecord reports whether an id tells its record from others. Nothing, blanks,
// zeros, dashes, words such as null, and numbers that a spreadsheet has rounded do not:
// all records with such an id would be taken for one.
func (t Token) NamesRecord() bool {
	if len(t) == 0 {
		return false
	}
	if len(t) > longWord && t[0] == '"' && bytes.IndexByte(t, '\\') < 0 && bytes.IndexByte(t, '+') < 0 && bytes.ContainsAny(t, "123456789abcdefABCDEF") {
		return true // as nearly all are: too long for a word, not rounded, and no zeros alone
	}
	if len(t) > longestPlaceholder+2 {
		return strings.Trim(t.String(), " \t\r\n\u00a0") != "" // longer than any of them
	}
	if t[0] != '"' && roundedNumber.Match(t) {
		return false
	}
	text := strings.ToLower(strings.TrimSpace(t.String()))
	return strings.Trim(text, "0-_.?*{}() ") != "" && !placeholders[text] && !rounded.MatchString(text)
}
