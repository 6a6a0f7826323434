package mappings

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// change is one place where two JSON values differ.
type change struct {
	Path []string // keys from the root; an element of a list is its number
	// Old and New are decoded JSON; which of them is there is said by Op.
	Old, New any
	Op       op
}

// op says what happened at a place.
type op byte

// The ops, in the signs they are printed with.
const (
	added   op = '+'
	removed op = '-'
	changed op = '~'
)

// String is a line such as
//
//	~ policy.phases.delete.min_age: "90d" -> "180d"
func (c change) String() string {
	where := pathString(c.Path)
	switch c.Op {
	case added:
		return fmt.Sprintf("+ %s: %s", where, compact(c.New))
	case removed:
		return fmt.Sprintf("- %s: %s", where, compact(c.Old))
	default:
		return fmt.Sprintf("~ %s: %s -> %s", where, compact(c.Old), compact(c.New))
	}
}

// diff lists what has to change to make old into new, in the order of paths.
// Both are decoded JSON. Lists of different length differ as a whole.
func diff(old, new any) []change { return walk(nil, nil, old, new) }

func walk(changes []change, path []string, old, new any) []change {
	switch o := old.(type) {
	case map[string]any:
		if n, ok := new.(map[string]any); ok {
			return diffObjects(changes, path, o, n)
		}
	case []any:
		if n, ok := new.([]any); ok && len(o) == len(n) {
			for i := range o {
				changes = walk(changes, join(path, fmt.Sprint(i)), o[i], n[i])
			}
			return changes
		}
	}
	if reflect.DeepEqual(old, new) {
		return changes
	}
	return append(changes, change{Path: path, Old: old, New: new, Op: changed})
}

func diffObjects(changes []change, path []string, old, new map[string]any) []change {
	keys := maps.Clone(old)
	maps.Copy(keys, new)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		o, was := old[key]
		n, is := new[key]
		at := join(path, key)
		switch {
		case !was:
			changes = append(changes, change{Path: at, New: n, Op: added})
		case !is:
			changes = append(changes, change{Path: at, Old: o, Op: removed})
		default:
			changes = walk(changes, at, o, n)
		}
	}
	return changes
}

// join appends to a copy: paths of siblings share their beginning.
func join(path []string, key string) []string {
	return append(slices.Clip(path), key)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_@-]+$`)

// pathString joins keys with dots; a key that holds something else than
// letters, digits, _, @ or - is quoted.
func pathString(path []string) string {
	if len(path) == 0 {
		return "(all)"
	}
	parts := make([]string, len(path))
	for i, key := range path {
		parts[i] = key
		if !plainKey.MatchString(key) {
			parts[i] = compact(key)
		}
	}
	return strings.Join(parts, ".")
}

// compact is JSON on one line, with < and & as they are.
func compact(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?" // cannot happen to decoded JSON
	}
	return strings.TrimSuffix(b.String(), "\n")
}
