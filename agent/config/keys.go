package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// key is a key that a section of the file may have.
type key struct {
	name  string
	like  []string // other programs' names for it
	when  string   // the type of input it belongs to, or "" for all
	index []int    // of the field; two steps for one of a variant
	typ   reflect.Type
	tag   reflect.StructTag
}

// keysOf lists the keys of a struct, those of its variants among them.
func keysOf(t reflect.Type) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		if when := f.Tag.Get("when"); when != "" {
			for _, k := range keysOf(f.Type.Elem()) {
				k.when, k.index = when, append([]int{i}, k.index...)
				keys = append(keys, k)
			}
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			k := key{name: name, index: []int{i}, typ: f.Type, tag: f.Tag}
			if like := f.Tag.Get("like"); like != "" {
				k.like = strings.Split(like, ",")
			}
			keys = append(keys, k)
		}
	}
	return keys
}

// ofVariant leaves the keys that an input of this type has; all where the type
// is not known.
func ofVariant(keys []key, variant string) []key {
	return slices.DeleteFunc(slices.Clone(keys), func(k key) bool {
		return variant != "" && k.when != "" && k.when != variant
	})
}

// find gives the first key of this exact name, or nil.
func find(keys []key, name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

// names lists each name once.
func names(keys []key) []string {
	var list []string
	for _, k := range keys {
		if !slices.Contains(list, k.name) {
			list = append(list, k.name)
		}
	}
	return list
}

// enumerate joins names for an error, cut where they are many.
func enumerate(list []string) string {
	const most = 8
	if len(list) > most {
		list = append(slices.Clone(list[:most]), "...")
	}
	return strings.Join(list, ", ")
}

// fieldFor gives the field of a key. A variant on the way to it is made.
func fieldFor(dst reflect.Value, k *key) reflect.Value {
	if len(k.index) == 2 {
		return ensure(dst.Field(k.index[0])).Field(k.index[1])
	}
	return dst.Field(k.index[0])
}

// makeVariant makes the struct of this type of input although no key of it is
// in the file.
func makeVariant(dst reflect.Value, when string) {
	for i := range dst.NumField() {
		if dst.Type().Field(i).Tag.Get("when") == when {
			ensure(dst.Field(i))
		}
	}
}

// ensure gives what a pointer to a variant points to, made with its defaults
// where it is nil.
func ensure(pointer reflect.Value) reflect.Value {
	if pointer.IsNil() {
		pointer.Set(reflect.New(pointer.Type().Elem()))
		pointer.Interface().(defaulter).setDefaults()
	}
	return pointer.Elem()
}

// entry is one key of a mapping with its value.
type entry struct {
	name, path string
	key, value *yaml.Node
}

// entries lists the keys of a mapping, notes their places, and reports and
// leaves out those that are there twice or are no text. A key that swallowed its
// value is shown without it: it may be a secret.
func (d *decoder) entries(n *yaml.Node, parent string) []entry {
	var list []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value == "" {
			d.fail(k, parent, "a key must be a text")
			continue
		}
		if head, _, swallowed := strings.Cut(k.Value, ":"); swallowed && k.Style == 0 {
			d.fail(k, join(parent, head), "a space is missing after the colon; a key that holds a colon needs quotes")
			continue
		}
		e := entry{name: k.Value, path: join(parent, k.Value), key: k, value: n.Content[i+1]}
		if first, twice := d.places[e.path]; twice {
			d.fail(k, e.path, "is here a second time; the first is in line %d", first.line)
			continue
		}
		d.places[e.path] = place{k.Line, k.Column}
		list = append(list, e)
	}
	return list
}

// join appends a key to the path of its parent. What could be taken for a path,
// or is long, is quoted.
func join(parent, name string) string {
	if len(name) > maxWord || strings.ContainsAny(name, ". :[]\"\\") || !printable(name) {
		name = quote(name)
	}
	if parent == "" {
		return name
	}
	return parent + "." + name
}
