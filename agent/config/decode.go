package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

// The decoder walks yaml nodes and Go types together. The types are the
// grammar; beside yaml names the tags of a field mean:
//
//	is:"url"         the check of this name in checks must accept the text
//	oneof:"a,b"      the text is one of these
//	min:"1s"         the value is at least this, in the notation of the field
//	max:"1h"         the value is at most this
//	when:"file"      the keys of this struct stand beside those of the outer one, where type is file
//	like:"url,hosts" what users of other programs write; suggested, not accepted
type decoder struct {
	*strictyaml.Reader
	dir string // relative paths start here
	env Env
	// references are the values that hold references, by key, as they stand in
	// the file.
	references map[string]string
	literals   []string // keys of secrets that stand in the file itself
	warnings   []string
}

// value decodes one node into dst, whose field has the given tag. A null keeps
// the default, as if the key were not there.
func (d *decoder) value(n *yaml.Node, key string, dst reflect.Value, tag reflect.StructTag) {
	switch {
	case strictyaml.IsNull(n):
	case dst.Type() == reflect.TypeFor[StringList]():
		d.stringList(n, key, dst, tag)
	case dst.Type() == reflect.TypeFor[Secret]():
		d.secret(n, key, dst, tag)
	case dst.Kind() == reflect.Struct:
		d.section(n, key, dst)
	case dst.Kind() == reflect.Slice:
		d.list(n, key, dst)
	case dst.Kind() == reflect.Map:
		d.stringMap(n, key, dst, tag)
	default:
		d.scalar(n, key, dst, tag)
	}
}

// section decodes a mapping into a struct.
func (d *decoder) section(n *yaml.Node, key string, dst reflect.Value) {
	known := keysOf(dst.Type())
	if n.Kind != yaml.MappingNode {
		d.Fail(n, key, "expects keys below it (%s), not %s", enumerate(names(known)), strictyaml.KindName(n))
		return
	}
	variant := d.variant(n, known)
	own := ofVariant(known, variant)
	for _, entry := range d.Entries(n, key) {
		if k := find(own, entry.Name); k != nil {
			d.value(entry.Value, entry.Path, fieldFor(dst, k), k.tag)
		} else if other := find(known, entry.Name); other != nil {
			d.Fail(entry.Key, entry.Path, "misplaced key; it belongs in an input of type %s, and this one is of type %s", other.when, variant)
		} else {
			d.unknownKey(entry, key, own)
		}
	}
	if variant != "" {
		makeVariant(dst, variant)
	}
}

// list decodes a sequence of mappings.
func (d *decoder) list(n *yaml.Node, key string, dst reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.Fail(n, key, `expects a list, each entry of which begins with "- ", not %s`, strictyaml.KindName(n))
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		itemKey := strictyaml.Item(key, i)
		d.Mark(itemKey, item)
		d.section(item, itemKey, dst.Index(i))
	}
}

// stringList decodes a sequence of scalars, or one scalar as a list of one.
func (d *decoder) stringList(n *yaml.Node, key string, dst reflect.Value, tag reflect.StructTag) {
	items, itemKey := n.Content, func(i int) string { return strictyaml.Item(key, i) }
	switch n.Kind {
	case yaml.ScalarNode:
		items, itemKey = []*yaml.Node{n}, func(int) string { return key }
	case yaml.SequenceNode:
	default:
		d.Fail(n, key, "expects a list of texts, not %s", strictyaml.KindName(n))
		return
	}
	list := make(StringList, 0, len(items))
	for i, item := range items {
		t, ok := d.text(item, itemKey(i))
		if !ok {
			continue
		}
		d.Mark(itemKey(i), item)
		if t.referenced {
			d.references[strictyaml.Item(key, i)] = item.Value
		}
		if t.value == "" {
			d.Fail(item, itemKey(i), "must not be empty")
			continue
		}
		if value, ok := d.checked(item, itemKey(i), t, tag); ok {
			list = append(list, value)
		}
	}
	dst.Set(reflect.ValueOf(list))
}

// stringMap decodes a mapping of free keys to texts.
func (d *decoder) stringMap(n *yaml.Node, key string, dst reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.MappingNode {
		d.Fail(n, key, "expects keys below it, not %s", strictyaml.KindName(n))
		return
	}
	m := make(map[string]string, len(n.Content)/2)
	for _, entry := range d.Entries(n, key) {
		if strings.Contains("."+entry.Name+".", "..") {
			d.Fail(entry.Key, entry.Path, "the path has an empty part")
			continue
		}
		t, ok := d.text(entry.Value, entry.Path)
		if !ok {
			continue
		}
		if value, ok := d.checked(entry.Value, entry.Path, t, tag); ok {
			m[entry.Name] = value
		}
	}
	dst.Set(reflect.ValueOf(m))
}

// secret decodes a scalar whose value no error may show.
func (d *decoder) secret(n *yaml.Node, key string, dst reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.ScalarNode {
		d.Fail(n, key, "expects text, not %s; the content of a file is written ${file:PATH}", strictyaml.KindName(n))
		return
	}
	t, ok := d.text(n, key)
	if !ok {
		return
	}
	if t.value == "" {
		d.Fail(n, key, "must not be empty; leave the key out if there is none")
		return
	}
	if _, err := checks[tag.Get("is")](d, t.value); err != nil {
		d.Fail(n, key, "the value %v", err)
		return
	}
	if !t.referenced {
		d.literals = append(d.literals, key)
	}
	dst.Set(reflect.ValueOf(newSecret(t.pieces, d.env.ReadFile)))
}

// scalar decodes a text, number, truth value, time span or size.
func (d *decoder) scalar(n *yaml.Node, key string, dst reflect.Value, tag reflect.StructTag) {
	t, ok := d.text(n, key)
	if !ok {
		return
	}
	if dst.Kind() == reflect.String {
		if t.value == "" && tag.Get("is") != "listen" && dst.String() != "" {
			d.Fail(n, key, "must not be empty; leave the key out for %q", dst.String())
		} else if value, ok := d.checked(n, key, t, tag); ok {
			dst.SetString(value)
		}
		return
	}
	value, err := parseScalar(t.value, dst.Type())
	if err != nil {
		d.Fail(n, key, "%s is %v", strictyaml.Quote(t.shown), err)
		return
	}
	if problem := outside(value, tag); problem != "" {
		d.Fail(n, key, "%s is %s", strictyaml.Quote(t.shown), problem)
		return
	}
	dst.Set(value)
}

// text resolves the references of a scalar.
func (d *decoder) text(n *yaml.Node, key string) (text, bool) {
	if n.Kind != yaml.ScalarNode {
		d.Fail(n, key, "expects text, not %s", strictyaml.KindName(n))
		return text{}, false
	}
	if strictyaml.IsNull(n) {
		d.Fail(n, key, "must not be empty")
		return text{}, false
	}
	t, err := d.env.resolve(n.Value, d.dir)
	if err != nil {
		d.Fail(n, key, "%v", err)
		return text{}, false
	}
	if t.referenced {
		d.references[key] = n.Value
	}
	return t, true
}

// checked applies oneof and is, and gives the text to store, which may be
// another one: a path becomes absolute.
func (d *decoder) checked(n *yaml.Node, key string, t text, tag reflect.StructTag) (string, bool) {
	if oneof := tag.Get("oneof"); oneof != "" {
		allowed := strings.Split(oneof, ",")
		for _, a := range allowed {
			if t.value == a {
				return a, true
			}
		}
		d.Suggest(n, key, strictyaml.Nearest(t.shown, allowed), "%s is not one of %s", strictyaml.Quote(t.shown), strings.Join(allowed, ", "))
		return "", false
	}
	is := tag.Get("is")
	if is == "" || t.value == "" {
		return t.value, true
	}
	value, err := checks[is](d, t.value)
	if err != nil {
		near := ""
		if candidates := suggested[is]; candidates != nil {
			near = strictyaml.Nearest(t.shown, candidates())
		}
		d.Suggest(n, key, near, "%s %v", strictyaml.Quote(withoutUser(is, t.shown)), err)
		return "", false
	}
	return value, true
}

// parseScalar reads text as a value of the type. The error ends a sentence that
// begins with "VALUE is" and does not quote the value.
func parseScalar(s string, t reflect.Type) (reflect.Value, error) {
	switch t {
	case reflect.TypeFor[Duration]():
		v, err := strictyaml.ParseDuration(s)
		return reflect.ValueOf(v), err
	case reflect.TypeFor[Bytes]():
		v, err := strictyaml.ParseBytes(s)
		return reflect.ValueOf(v), err
	case reflect.TypeFor[int]():
		v, err := strconv.Atoi(s)
		if err != nil {
			err = fmt.Errorf("not a whole number")
		}
		return reflect.ValueOf(v), err
	case reflect.TypeFor[bool]():
		if s != "true" && s != "false" {
			return reflect.Value{}, fmt.Errorf("neither true nor false")
		}
		return reflect.ValueOf(s == "true"), nil
	}
	panic("BUG: no notation for a field of type " + t.String())
}

// outside says how a number lies outside the min and max of its tag, or "".
func outside(value reflect.Value, tag reflect.StructTag) string {
	if limit := tag.Get("min"); limit != "" {
		if least, err := parseScalar(limit, value.Type()); err == nil && value.Int() < least.Int() {
			return "less than " + limit
		}
	}
	if limit := tag.Get("max"); limit != "" {
		if most, err := parseScalar(limit, value.Type()); err == nil && value.Int() > most.Int() {
			return "more than " + limit
		}
	}
	return ""
}

// withoutUser hides the user name and password of something meant as a URL.
func withoutUser(is, s string) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || is != "url" && is != "listen" {
		return s
	}
	return redacted + s[at:]
}
