package strictyaml

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Place is a position in a file: line and column in characters, both from 1.
type Place struct{ Line, Column int }

// PlaceOf is where a node begins.
func PlaceOf(n *yaml.Node) Place { return Place{n.Line, n.Column} }

// Reader collects the mistakes of one file, and where its keys stand. Make it with
// NewReader.
type Reader struct {
	// File is the file's name for errors.
	File   string
	errs   Errors
	places map[string]Place
}

// NewReader makes a reader for the file of this name.
func NewReader(file string) *Reader { return &Reader{File: file, places: map[string]Place{}} }

// Errors are the mistakes that were noted, in the order in which they were.
func (r *Reader) Errors() Errors { return r.errs }

// Fail notes a mistake at a node.
func (r *Reader) Fail(n *yaml.Node, key, format string, args ...any) {
	r.Suggest(n, key, "", format, args...)
}

// Suggest notes a mistake at a node with the name that was probably meant, "" for
// none.
func (r *Reader) Suggest(n *yaml.Node, key, suggestion, format string, args ...any) {
	r.FailAt(PlaceOf(n), key, fmt.Sprintf(format, args...), suggestion)
}

// FailAt notes a mistake at a place.
func (r *Reader) FailAt(p Place, key, problem, suggestion string) {
	r.errs = append(r.errs, &Error{File: r.File, Line: p.Line, Column: p.Column, Key: key, Problem: problem, Suggestion: suggestion})
}

// Complained says whether a mistake was noted whose key begins like this.
func (r *Reader) Complained(prefix string) bool {
	for _, e := range r.errs {
		if strings.HasPrefix(e.Key, prefix) {
			return true
		}
	}
	return false
}

// Mark notes where a key, or an item of a list, stands.
func (r *Reader) Mark(key string, n *yaml.Node) { r.places[key] = PlaceOf(n) }

// Marked says where a key stands, and whether the file has it.
func (r *Reader) Marked(key string) (Place, bool) {
	p, ok := r.places[key]
	return p, ok
}

// At is the place of a key or, where the file does not have it, of the section
// around it.
func (r *Reader) At(key string) Place {
	for ; key != ""; key = key[:max(0, strings.LastIndexAny(key, ".["))] {
		if p, ok := r.places[key]; ok {
			return p
		}
	}
	return Place{1, 1}
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Name       string
	Path       string // with those of the sections around it
	Key, Value *yaml.Node
}

// Entries lists the keys of a mapping, marks their places, and notes and leaves out
// those that are there twice or are no text. A key that swallowed its value is shown
// without it: it may be a secret.
func (r *Reader) Entries(n *yaml.Node, parent string) []Entry {
	var list []Entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value == "" {
			r.Fail(k, parent, "a key must be a text")
			continue
		}
		if head, _, swallowed := strings.Cut(k.Value, ":"); swallowed && k.Style == 0 {
			r.Fail(k, Join(parent, head), "a space is missing after the colon; a key that holds a colon needs quotes")
			continue
		}
		e := Entry{Name: k.Value, Path: Join(parent, k.Value), Key: k, Value: n.Content[i+1]}
		if first, twice := r.places[e.Path]; twice {
			r.Fail(k, e.Path, "is here a second time; the first is in line %d", first.Line)
			continue
		}
		r.Mark(e.Path, k)
		list = append(list, e)
	}
	return list
}

// Join appends a key to the path of the section that it stands in. What could be
// taken for a path, or is long, is quoted.
func Join(parent, name string) string {
	if len(name) > MaxWord || strings.ContainsAny(name, ". :[]\"\\") || !printable(name) {
		name = Quote(name)
	}
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Item is the path of an entry of a list, from 0.
func Item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// IsNull says that a key has no value.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// KindName says what a node is, in the words of somebody who writes YAML.
func KindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys below it"
	case yaml.SequenceNode:
		return "a list"
	}
	if IsNull(n) {
		return "nothing"
	}
	return "a single value"
}

// Quote shows a value of the file in an error, cut where it is long.
func Quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return strconv.Quote(s)
}
