package names

import (
	"regexp"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/mask/rule"
)

// pattern is one entry of a key: list.
type pattern struct {
	rule rule.ID
	// spellings are the word lists to find among a key's words: for "api?key"
	// both [api key] and [apikey].
	spellings [][]string
	// glob is set instead where the entry holds a *: it is matched against all
	// words of the key joined with _.
	glob *regexp.Regexp
	// whole: nothing else stands in the key.
	whole bool
}

// Hit is a rule that selects a key by its name.
type Hit struct {
	Rule rule.ID
	// Plural: the name only fits in the plural (tokens), which also is how
	// counts are named, so a number is not taken for a secret.
	Plural bool
}

// Patterns are the entries of all key: lists. The zero value has none.
type Patterns struct {
	list []pattern
	// byTail finds those that are no globs by the end of their first word, which
	// is the end of a key's word where they match.
	byTail map[string][]int
	globs  []int
}

// tail is the end of a word, by which patterns are found.
func tail(word string) string { return word[max(0, len(word)-3):] }

// Readable says whether an entry of a key: list has a name in it.
func Readable(entry string) bool {
	_, ok := parse(entry, rule.None)
	return ok
}

// Add adds an entry of a rule's key: list, which is readable. whole: it has to be
// all of the key, not some of its words.
func (p *Patterns) Add(entry string, id rule.ID, whole bool) {
	if one, ok := parse(entry, id); ok {
		one.whole = whole
		p.list = append(p.list, one)
		p.index(len(p.list) - 1)
	}
}

func (p *Patterns) index(i int) {
	if p.list[i].glob != nil {
		p.globs = append(p.globs, i)
		return
	}
	if p.byTail == nil {
		p.byTail = map[string][]int{}
	}
	for _, s := range p.list[i].spellings {
		if t := tail(s[0]); !slices.Contains(p.byTail[t], i) {
			p.byTail[t] = append(p.byTail[t], i)
		}
	}
}

// Hits lists the rules that select a key by the words of its name.
func (p *Patterns) Hits(split []string) []Hit {
	key := make([]keyWord, len(split))
	for i, word := range split {
		key[i] = newKeyWord(word)
	}
	joined := ""
	if len(p.globs) > 0 {
		joined = strings.Join(split, "_")
	}
	var hits []Hit
	for _, i := range p.candidates(key) {
		if ok, plural := p.list[i].match(key, joined); ok {
			hits = addHit(hits, Hit{Rule: p.list[i].rule, Plural: plural})
		}
	}
	return hits
}

// candidates are the patterns that may match, in the order of the files.
func (p *Patterns) candidates(key []keyWord) []int {
	found := slices.Clone(p.globs)
	for i := range key {
		found = append(found, p.byTail[tail(key[i].plain)]...)
		if key[i].singular != "" {
			found = append(found, p.byTail[tail(key[i].singular)]...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func addHit(hits []Hit, h Hit) []Hit {
	for i := range hits {
		if hits[i].Rule == h.Rule {
			hits[i].Plural = hits[i].Plural && h.Plural
			return hits
		}
	}
	return append(hits, h)
}

// parse compiles an entry of a key: list.
func parse(entry string, id rule.ID) (pattern, bool) {
	p := pattern{rule: id}
	if strings.Contains(entry, "*") {
		parts := strings.FieldsFunc(strings.ToLower(entry), isSeparator)
		expr := regexp.QuoteMeta(strings.Join(parts, "_"))
		expr = strings.NewReplacer(`\*`, `.*`, `\?`, `_?`).Replace(expr)
		glob, err := regexp.Compile(`^(?:` + expr + `)$`)
		p.glob = glob
		return p, err == nil && strings.Trim(entry, "*?") != ""
	}
	p.spellings = [][]string{nil}
	for i, part := range strings.Split(entry, "?") {
		more := Words(part)
		if len(more) == 0 {
			return p, false
		}
		p.spellings = appendSpelling(p.spellings, more, i > 0)
	}
	return p, true
}

func isSeparator(r rune) bool { return strings.ContainsRune("-_. ", r) }

// appendSpelling adds words to every spelling, also glued to its last word
// where a ? allows that.
func appendSpelling(spellings [][]string, more []string, glue bool) [][]string {
	var out [][]string
	for _, s := range spellings {
		out = append(out, append(slices.Clone(s), more...))
		if glue {
			glued := append(slices.Clone(s[:len(s)-1]), s[len(s)-1]+more[0])
			out = append(out, append(glued, more[1:]...))
		}
	}
	return out
}

// keyWord is a word of a key, and what does not matter taken off.
type keyWord struct {
	text     string
	plain    string // without a number at its end: password2
	singular string // without the s of a plural, "" where there is none
}

func newKeyWord(word string) keyWord {
	w := keyWord{text: word, plain: strings.TrimRight(word, "0123456789")}
	if cut, ok := strings.CutSuffix(w.plain, "s"); ok {
		w.singular = cut
	}
	return w
}

// match looks for the pattern among the words of a key, which are joined with _.
func (p *pattern) match(key []keyWord, joined string) (hit, plural bool) {
	if p.glob != nil {
		return p.glob.MatchString(joined), false
	}
	plural = true
	for _, spelling := range p.spellings {
		for i := 0; i+len(spelling) <= len(key); i++ {
			if p.whole && len(spelling) != len(key) {
				continue
			}
			ok, s := matchAt(spelling, key[i:], p.whole)
			if ok && !describes(key[i+len(spelling):]) {
				hit, plural = true, plural && s
			}
		}
	}
	return hit, hit && plural
}

func matchAt(spelling []string, key []keyWord, whole bool) (ok, plural bool) {
	for i, want := range spelling {
		ok, s := key[i].is(want, whole)
		if !ok {
			return false, false
		}
		plural = s
	}
	return true, plural
}

// longWord is the length from which a word is also found at the end of a
// compound: dbpassword, clientsecret. Shorter ones end innocent words too.
const longWord = 5

// is compares a word of a key with one of a pattern, whole or the end of it.
func (w *keyWord) is(want string, whole bool) (ok, plural bool) {
	long := len(want) >= longWord && !whole
	if w.plain == want || long && strings.HasSuffix(w.plain, want) {
		return true, false
	}
	if w.singular != "" && (w.singular == want || long && strings.HasSuffix(w.singular, want)) {
		return true, true
	}
	return false, false
}

// describes says whether the words after a match turn the name of a secret
// into the name of something about it: token_name, secret_type.
func describes(after []keyWord) bool {
	return slices.ContainsFunc(after, func(w keyWord) bool { return isDescribing(w.text) })
}

func isDescribing(word string) bool {
	_, found := slices.BinarySearch(describingWords, word)
	return found
}

// describingWords is sorted.
var describingWords = []string{
	"age", "alg", "algorithm", "at", "audience", "bucket", "claim", "count",
	"denied", "desc", "description", "dir", "directory", "disabled", "duration",
	"enabled", "endpoint", "endpoints", "error", "exp", "expire", "expired",
	"expires", "expiry", "failed", "failure", "field", "file", "filename",
	"files", "format", "header", "headers", "hint", "host", "id", "ids", "in",
	"invalid", "issuer", "kind", "label", "length", "lifetime", "limit",
	"location", "max", "method", "methods", "min", "mismatch", "missing",
	"mode", "mount", "name", "names", "optional", "param", "path", "paths",
	"policy", "port", "prefix", "provider", "quota", "rate", "ref", "reference",
	"refs", "required", "revoked", "rotation", "scheme", "selector", "server",
	"service", "size", "source", "status", "strength", "supported", "timeout",
	"title", "ttl", "type", "types", "uri", "url", "usage", "version", "wrong",
}
