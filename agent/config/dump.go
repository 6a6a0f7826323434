package config

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Redacted is the configuration in use as YAML: what the file says, all
// defaults, references resolved, and *** for every secret that is set. It can
// be shown to others.
func (c *Config) Redacted() ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	escapeReferences(&root)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return out.Bytes(), nil
}

// MarshalYAML writes the keys of the input's type beside its common ones.
func (in Input) MarshalYAML() (any, error) {
	type common Input // without this method
	var root, own yaml.Node
	if err := root.Encode(common(in)); err != nil {
		return nil, err
	}
	for _, variant := range []any{in.File, in.API} {
		if err := own.Encode(variant); err != nil {
			return nil, err
		}
		root.Content = append(root.Content, own.Content...) // none where it is nil
	}
	return &root, nil
}

// escapeReferences doubles each dollar sign of the values, so that they mean
// the same when they are read again.
func escapeReferences(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Value = strings.ReplaceAll(n.Value, "$", "$$")
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // keys hold no references
		}
		escapeReferences(child)
	}
}
