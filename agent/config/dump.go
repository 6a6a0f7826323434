package config

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

// Redacted is the configuration in use as YAML: what the file says with all
// defaults. Secrets that are set are ***, and references stand as they are in
// the file, so nothing that came from elsewhere is in it. It can be shown to
// others.
func (c *Config) Redacted() ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	c.restore(&root, "")
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return out.Bytes(), nil
}

// restore puts references back where they were, and doubles the dollar signs of
// other values, so that all mean the same when they are read again.
func (c *Config) restore(n *yaml.Node, key string) {
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			c.restore(item, fmt.Sprintf("%s[%d]", key, i))
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			c.restore(n.Content[i+1], strictyaml.Join(key, n.Content[i].Value))
		}
	case yaml.ScalarNode:
		raw, referenced := c.references[key]
		switch {
		case n.Value == redacted: // a secret, wherever it came from
		case referenced:
			n.SetString(raw)
		default:
			n.Value = strings.ReplaceAll(n.Value, "$", "$$")
		}
	}
}
