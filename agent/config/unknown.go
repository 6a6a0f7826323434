package config

import (
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

// unknownKey reports a key that its section does not have, with the best guess
// at what was meant: another spelling here, the same name in another section,
// or a list of what there is.
func (d *decoder) unknownKey(e strictyaml.Entry, parent string, known []key) {
	if near := spelling(e.Name, known); near != "" {
		d.Suggest(e.Key, e.Path, near, "unknown key")
		return
	}
	if head, tail, dotted := strings.Cut(e.Name, "."); dotted && find(known, head) != nil {
		d.Fail(e.Key, e.Path, "unknown key; write %s: and below it, indented, %s:", head, tail)
		return
	}
	if homes := sectionsWith(e.Name); len(homes) > 0 {
		d.Fail(e.Key, e.Path, "misplaced key; it belongs %s", strings.Join(homes, ", or "))
		return
	}
	if near := strictyaml.Nearest(e.Name, names(known)); near != "" {
		d.Suggest(e.Key, e.Path, near, "unknown key")
		return
	}
	where := "at the top level"
	if parent != "" {
		where = "here"
	}
	d.Fail(e.Key, e.Path, "unknown key; the keys %s are %s", where, strings.Join(names(known), ", "))
}

// spelling finds the key that a name surely means: the same but for case and
// dashes, another program's word for it, or one typing mistake away.
func spelling(name string, known []key) string {
	for _, k := range known {
		if strictyaml.Fold(k.name) == strictyaml.Fold(name) || slices.Contains(k.like, name) {
			return k.name
		}
	}
	if len(name) <= 3 || len(name) > strictyaml.MaxWord {
		return ""
	}
	for _, k := range known {
		if strictyaml.Distance(strictyaml.Fold(name), strictyaml.Fold(k.name)) == 1 {
			return k.name
		}
	}
	return ""
}

// sectionsWith says where in the file a name would be right: "under
// elasticsearch", "at the top level".
func sectionsWith(name string) []string {
	var homes []string
	add := func(home string) {
		if !slices.Contains(homes, home) {
			homes = append(homes, home)
		}
	}
	for _, top := range keysOf(reflect.TypeFor[Config]()) {
		if strictyaml.Fold(top.name) == strictyaml.Fold(name) {
			add("at the top level")
		}
		section, t := top.name, top.typ
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[Secret]() {
			continue
		}
		for _, k := range keysOf(t) {
			switch {
			case strictyaml.Fold(k.name) != strictyaml.Fold(name):
			case k.when != "":
				add("in an input of type " + k.when)
			case t == reflect.TypeFor[Input]():
				add("in an input")
			default:
				add("under " + section)
			}
		}
	}
	return homes
}

// variant tells the type of an input by its key type, before its other keys are
// decoded. It is "" for a section without variants, and where type is missing
// or wrong: then the keys of all variants are taken, so that their values are
// checked too.
func (d *decoder) variant(n *yaml.Node, known []key) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "type" || n.Content[i+1].Kind != yaml.ScalarNode {
			continue
		}
		t, err := d.env.resolve(n.Content[i+1].Value, d.dir)
		if err != nil {
			return ""
		}
		if slices.ContainsFunc(known, func(k key) bool { return k.when != "" && k.when == t.value }) {
			return t.value
		}
		return ""
	}
	return ""
}
