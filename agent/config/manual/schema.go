package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/auditship/auditship/agent/config"
)

// schemaNode is a JSON Schema (draft 2020-12), as far as it is needed here.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        any                    `json:"type,omitempty"` // a name or a list of them
	Enum        []any                  `json:"enum,omitempty"`
	Const       any                    `json:"const,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	Minimum     *int                   `json:"minimum,omitempty"`
	Maximum     *int                   `json:"maximum,omitempty"`
	MinItems    int                    `json:"minItems,omitempty"`
	MinLength   int                    `json:"minLength,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	Properties  map[string]*schemaNode `json:"properties,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Additional  any                    `json:"additionalProperties,omitempty"` // false, or a schema
	AnyOf       []*schemaNode          `json:"anyOf,omitempty"`
	AllOf       []*schemaNode          `json:"allOf,omitempty"`
	If          *schemaNode            `json:"if,omitempty"`
	Then        *schemaNode            `json:"then,omitempty"`
}

// What a value may also be: a reference, which is known only where the agent runs, or
// null, which keeps the default.
var (
	mayRefer = &schemaNode{Type: "string", Pattern: `\$\{`}
	null     = &schemaNode{Type: "null"}
)

// schema is the JSON Schema of the configuration, made from the types and the comments
// in a folder's Go files.
func schema(source string) ([]byte, error) {
	sections, err := parse(source)
	if err != nil {
		return nil, err
	}
	root := schemaOf{sections}.section(reflect.TypeFor[config.Config]())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Configuration of auditship"
	root.Required = []string{"elasticsearch"}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(root)
	return b.Bytes(), err
}

func writeSchema(source, target string) error {
	text, err := schema(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, text, 0o644)
}

// schemaOf makes schemas, with the comments of the types as descriptions.
type schemaOf struct{ sections map[string]section }

// section is the schema of a struct.
func (s schemaOf) section(t reflect.Type) *schemaNode {
	node := &schemaNode{Type: "object", Properties: map[string]*schemaNode{}, Additional: false}
	s.keys(t, node.Properties)
	var variants []*schemaNode
	for f := range t.Fields() {
		if when := f.Tag.Get("when"); when != "" {
			variants = append(variants, s.variant(t, f, when))
		}
	}
	if len(variants) == 0 {
		return node
	}
	// The keys of the other types are misplaced, so each type states all of its own.
	return &schemaNode{Type: "object", Required: []string{"type", "id"}, AllOf: variants, Properties: map[string]*schemaNode{
		"type": {Enum: values(config.InputTypes()), Description: node.Properties["type"].Description},
	}}
}

// variant is what holds for an input of one type.
func (s schemaOf) variant(outer reflect.Type, own reflect.StructField, when string) *schemaNode {
	then := &schemaNode{Properties: map[string]*schemaNode{}, Additional: false}
	s.keys(outer, then.Properties)
	s.keys(own.Type.Elem(), then.Properties)
	return &schemaNode{If: &schemaNode{Properties: map[string]*schemaNode{"type": {Const: when}}}, Then: then}
}

// keys adds the keys of a struct.
func (s schemaOf) keys(t reflect.Type, to map[string]*schemaNode) {
	about := map[string]string{}
	for _, e := range s.sections[t.Name()].keys {
		about[e.name] = e.text
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		node := s.value(f.Type, f.Tag)
		node.Description = name + " " + about[name]
		to[name] = node
	}
}

// value is the schema of a key's value.
func (s schemaOf) value(t reflect.Type, tag reflect.StructTag) *schemaNode {
	switch {
	case t == reflect.TypeFor[config.StringList]():
		text := scalar(tag)
		return &schemaNode{AnyOf: []*schemaNode{text, {Type: "array", Items: text}, null}}
	case t == reflect.TypeFor[config.Secret]():
		return &schemaNode{Type: []string{"string", "number", "null"}}
	case t == reflect.TypeFor[config.Duration]():
		return &schemaNode{AnyOf: []*schemaNode{{Type: "string", Pattern: `^([0-9]+w)?([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$`, MinLength: 1}, mayRefer, null}}
	case t == reflect.TypeFor[config.Bytes]():
		return &schemaNode{AnyOf: []*schemaNode{{Type: "integer"}, {Type: "string", Pattern: `^[0-9]+ ?([KkMmGgTt]?[Ii]?[Bb])?$`}, mayRefer, null}}
	}
	switch t.Kind() {
	case reflect.Struct:
		node := s.section(t)
		if node.Type == "object" && node.AllOf == nil {
			node.Type = []string{"object", "null"}
		}
		return node
	case reflect.Slice:
		return &schemaNode{Type: "array", Items: s.section(t.Elem())}
	case reflect.Map:
		return &schemaNode{Type: []string{"object", "null"}, Additional: &schemaNode{Type: "string"}}
	case reflect.Bool:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "boolean"}, mayRefer, null}}
	case reflect.Int:
		return &schemaNode{AnyOf: []*schemaNode{{Type: "integer", Minimum: bound(tag, "min"), Maximum: bound(tag, "max")}, mayRefer, null}}
	}
	return &schemaNode{AnyOf: []*schemaNode{scalar(tag), null}}
}

// scalar is a text, which YAML may take for a number or a truth value.
func scalar(tag reflect.StructTag) *schemaNode {
	if words := tag.Get("oneof"); words != "" {
		return &schemaNode{AnyOf: []*schemaNode{{Enum: values(strings.Split(words, ","))}, mayRefer}}
	}
	return &schemaNode{Type: []string{"string", "number", "boolean"}}
}

func values(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

func bound(tag reflect.StructTag, name string) *int {
	n, err := strconv.Atoi(tag.Get(name))
	if err != nil {
		return nil
	}
	return &n
}
