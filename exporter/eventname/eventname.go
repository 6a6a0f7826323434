package eventname

import (
	_ "embed" // capitals.txt
	"slices"
	"strings"
	"unicode"
)

// What is written in capitals, or otherwise unlike other words, one a line.
//
//go:embed capitals.txt
var capitalsText string

// capitals are those words by their lower-case form.
var capitals = func() map[string]string {
	words := map[string]string{}
	for word := range strings.FieldsSeq(capitalsText) {
		words[strings.ToLower(word)] = word
	}
	return words
}()

// longest is how many bytes of text are taken for an event type; more is something
// else and stands for itself.
const longest = 256

// Display is the display name of an event type: "Add Service" for AddService,
// addService, add_service and add-service. What has other characters than letters,
// digits, - and _ is a name already and comes back as it is.
func Display(eventType string) string {
	words := split(eventType)
	if words == nil {
		return eventType
	}
	shouted := !strings.ContainsFunc(eventType, unicode.IsLower) // ADD_SERVICE
	for i, word := range words {
		if shouted {
			word = strings.ToLower(word)
		}
		words[i] = capital(word)
	}
	return strings.Join(words, " ")
}

// capital is a word as it stands in a display name.
func capital(word string) string {
	if known, ok := capitals[strings.ToLower(word)]; ok {
		return known
	}
	return title(word)
}

// title makes the first letter a capital and leaves the others.
func title(word string) string {
	letters := []rune(word)
	letters[0] = unicode.ToUpper(letters[0])
	return string(letters)
}

// split gives the words of an event type, nil for what is none.
func split(text string) []string {
	if text == "" || len(text) > longest {
		return nil
	}
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words, word = append(words, string(word)), nil
		}
	}
	letters := []rune(text)
	for i, r := range letters {
		switch {
		case r == '_' || r == '-':
			end()
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return nil
		case begins(letters, i):
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}

// begins reports whether a word begins inside of others that are written together:
// with a capital after a small letter, or before one (SSLCertificate).
func begins(letters []rune, i int) bool {
	if i == 0 || !unicode.IsUpper(letters[i]) {
		return false
	}
	before := letters[i-1]
	return unicode.IsLower(before) || unicode.IsDigit(before) ||
		unicode.IsUpper(before) && i+1 < len(letters) && unicode.IsLower(letters[i+1]) && !plural(letters[i:])
}

// plural says that what is left is the last capital of several things that have no
// small letters, as in SSLs and APIs.
func plural(rest []rune) bool {
	return rest[1] == 's' && (len(rest) == 2 || !unicode.IsLower(rest[2]))
}

// Spellings are the ways in which an event may have been recorded that somebody calls
// by this name or type, the text itself first.
func Spellings(name string) []string {
	words := split(strings.Join(strings.Fields(name), "_"))
	if words == nil {
		return []string{name}
	}
	shown, titled, lower := make([]string, len(words)), make([]string, len(words)), make([]string, len(words))
	for i, word := range words {
		lower[i] = strings.ToLower(word)
		shown[i], titled[i] = capital(word), title(lower[i])
	}
	all := []string{name}
	for _, w := range [][]string{shown, titled, lower} {
		for _, between := range []string{" ", "", "_", "-"} {
			all = append(all, strings.Join(w, between))
		}
	}
	first := lower[0]
	all = append(all, first+strings.Join(shown[1:], ""), first+strings.Join(titled[1:], ""), strings.ToUpper(strings.Join(words, "_")))
	slices.Sort(all[1:])
	return slices.Compact(all)
}
