package config

import (
	"reflect"
	"slices"
	"strings"
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
		pointer.Interface().(typeOfInput).setDefaults()
	}
	return pointer.Elem()
}
