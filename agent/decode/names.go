package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/auditship/auditship/agent/event"
)

// ownNames are the fields by the gateway's names, as dotted paths.
var ownNames = func() map[string]*event.Field {
	names := map[string]*event.Field{}
	for _, f := range event.Fields() {
		for _, name := range f.Names() {
			names[name] = &f
		}
	}
	return names
}()

// set puts a member of a scalar field into the record; nil takes it out again.
func (d *Decoder) set(f *event.Field, t event.Token, rec *event.Record) {
	switch {
	case f.Token != nil:
		*f.Token(rec) = t
	case f.Name == event.EventTimeName:
		d.time = t
	}
}

// node is a name in the tree of known names. It can stand for a field, or for an
// object with known names in it, or, after a rename, for both: then the kind of
// the value decides. The tree never changes once it is compiled and is shared by
// the decoders of all goroutines.
type node struct {
	index    int
	parent   *node
	field    *event.Field   // nil: none, only an object with names of its own
	under    []string       // its path in the input
	fields   []*event.Field // its own and all below it
	byLength [][]child      // children by the length of their name
}

type child struct {
	name string
	node *node
}

func (n *node) find(name []byte) *node {
	if len(name) >= len(n.byLength) {
		return nil
	}
	for _, c := range n.byLength[len(name)] {
		if c.name == string(name) {
			return c.node
		}
	}
	return nil
}

func (n *node) add(name string) *node {
	if c := n.find([]byte(name)); c != nil {
		return c
	}
	for len(n.byLength) <= len(name) {
		n.byLength = append(n.byLength, nil)
	}
	c := &node{parent: n, under: append(slices.Clone(n.under), name)}
	n.byLength[len(name)] = append(n.byLength[len(name)], child{name, c})
	return c
}

// number gives every node its index, beginning with next, and collects the
// fields below it. It returns the first index that is free.
func (n *node) number(next int) int {
	n.index = next
	next++
	if n.field != nil {
		n.fields = []*event.Field{n.field}
	}
	for _, children := range n.byLength {
		for _, c := range children {
			next = c.node.number(next)
			n.fields = append(n.fields, c.node.fields...)
		}
	}
	return next
}

// isWhole says that the field takes any JSON value, not scalars only.
func isWhole(f *event.Field) bool { return f != nil && f.Value != nil }

// put enters a field under a dotted path and, because flat exports write the
// path as one name, under that name too.
func (n *node) put(path string, f *event.Field) error {
	leaf := n
	for part := range strings.SplitSeq(path, ".") {
		if isWhole(leaf.field) {
			return fmt.Errorf("%q lies inside what is kept whole", path)
		}
		leaf = leaf.add(part)
	}
	if isWhole(f) && leaf.byLength != nil {
		return fmt.Errorf("%q is kept whole, but a name inside it is used", path)
	}
	leaf.field = f
	n.add(path).field = f
	return nil
}

// RenameError says which entry of Options.Rename cannot work.
type RenameError struct {
	From, To string // the entry
	Problem  string
}

func (e *RenameError) Error() string {
	return fmt.Sprintf("rename %q to %q: %s", e.From, e.To, e.Problem)
}

// compile builds the tree of known names.
func compile(rename map[string]string) (*node, error) {
	root := &node{}
	for path, f := range ownNames {
		if err := root.put(path, f); err != nil {
			return nil, err
		}
	}
	for _, from := range slices.Sorted(maps.Keys(rename)) {
		to := rename[from]
		if problem := unusable(from); problem != "" {
			return nil, &RenameError{from, to, problem}
		}
		targets := under(to)
		if len(targets) == 0 {
			return nil, &RenameError{from, to, "no such field of the record"}
		}
		for rest, f := range targets {
			if err := root.put(from+rest, f); err != nil {
				return nil, &RenameError{from, to, err.Error()}
			}
		}
	}
	return root, nil
}

// maxParts is how many names a path may have; an unknown field beside the last
// of them is kept with all the objects around it.
const maxParts = 8

// unusable says why a path cannot be renamed, "" where it can.
func unusable(path string) string {
	parts := strings.Split(path, ".")
	if len(parts) > maxParts {
		return "the path is too long"
	}
	for _, part := range parts {
		if strings.TrimSpace(part) == "" || strings.ContainsFunc(part, unicode.IsControl) {
			return "a name in it is blank"
		}
	}
	return ""
}

// under is what a path of the record names: a field ("" in the result), the fields of
// an object by the rest of their paths (".username"), or both.
func under(path string) map[string]*event.Field {
	found := map[string]*event.Field{}
	for name, f := range ownNames {
		if rest, ok := strings.CutPrefix(name, path); ok && (rest == "" || rest[0] == '.') {
			found[rest] = f
		}
	}
	return found
}

// IDPaths are the dotted paths under which an id is found in the input, sorted:
// "id", and what is renamed to it. A masking rule that names one of them changes
// the id.
func (d *Decoder) IDPaths() []string { return d.Paths(event.IDName) }

// Paths are the dotted paths under which a field of the record, given by its own
// name, is found in the input, sorted: that name, and what is renamed to it.
func (d *Decoder) Paths(name string) []string {
	paths := d.root.paths(ownNames[name])
	slices.Sort(paths)
	return slices.Compact(paths)
}

// Places are the Paths of every field of the record, by its own name.
func (d *Decoder) Places() map[string][]string {
	places := map[string][]string{}
	for _, f := range event.Fields() {
		places[f.Name] = d.Paths(f.Name)
	}
	return places
}

func (n *node) paths(f *event.Field) []string {
	var paths []string
	if n.field == f {
		paths = append(paths, strings.Join(n.under, "."))
	}
	for _, children := range n.byLength {
		for _, c := range children {
			paths = append(paths, c.node.paths(f)...)
		}
	}
	return paths
}
