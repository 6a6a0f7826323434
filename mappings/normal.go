package mappings

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// content is the part of an object that its fingerprint covers: everything but
// the metadata, in normal form.
func (a Asset) content(body map[string]any) map[string]any {
	c := a.normal(body)
	parent, _ := get(c, a.meta[:len(a.meta)-1]...).(map[string]any)
	delete(parent, a.meta[len(a.meta)-1])
	return c
}

// normal brings an object into the form in which ours and the server's can be
// compared: Elasticsearch answers with dates it keeps itself, with defaults it
// filled in and with settings as strings. It copies.
func (a Asset) normal(body map[string]any) map[string]any {
	n := clone(body).(map[string]any)
	switch a.Kind {
	case ComponentTemplate, IndexTemplate:
		normalTemplate(n)
	case Role:
		normalRole(n)
	}
	return n
}

// normalTemplate: dates since 9.1; data_stream's defaults; settings.
func normalTemplate(n map[string]any) {
	for _, key := range []string{"created_date", "created_date_millis", "modified_date", "modified_date_millis"} {
		delete(n, key)
	}
	dropFalse(n["data_stream"], "hidden", "allow_custom_routing")
	template, ok := n["template"].(map[string]any)
	if !ok {
		return
	}
	if settings, ok := template["settings"].(map[string]any); ok {
		flat := map[string]any{}
		flatten(flat, "", settings)
		template["settings"] = flat
	}
}

// normalRole: empty lists and defaults that the server adds.
func normalRole(n map[string]any) {
	delete(n, "transient_metadata")
	for _, key := range []string{"applications", "run_as", "remote_indices", "remote_cluster", "cluster"} {
		if list, ok := n[key].([]any); ok && len(list) == 0 {
			delete(n, key)
		}
	}
	indices, _ := n["indices"].([]any)
	for _, group := range indices {
		dropFalse(group, "allow_restricted_indices")
	}
}

func dropFalse(v any, keys ...string) {
	m, _ := v.(map[string]any)
	for _, key := range keys {
		if m[key] == false {
			delete(m, key)
		}
	}
}

// flatten writes settings as dotted keys below "index." with string values, the
// way Elasticsearch keeps them.
func flatten(flat map[string]any, prefix string, settings map[string]any) {
	for key, value := range settings {
		key = prefix + key
		switch v := value.(type) {
		case map[string]any:
			flatten(flat, key+".", v)
			continue
		case []any, nil:
		case string:
		default:
			value = fmt.Sprint(v)
		}
		if key != "index" && !strings.HasPrefix(key, "index.") {
			key = "index." + key
		}
		flat[key] = value
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = clone(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = clone(e)
		}
		return l
	}
	return v
}

// fingerprint is a short hash of decoded JSON, whatever the order of its keys.
func fingerprint(v any) string {
	data, err := json.Marshal(v) // sorts keys
	if err != nil {
		return "" // cannot happen to decoded JSON
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}
