package history

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Change is one value of the object that an operation set, changed or removed.
type Change struct {
	// Path leads to the value: upstream.nodes[0].weight. A key that holds more than
	// letters, digits, _ and - stands in brackets: labels["a.b"].
	Path string `json:"path"`
	// Before and After are JSON texts; nil where there was, or is, no such value.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// stamps are members that the gateway changes with every write; they say nothing.
var stamps = []string{"create_time", "update_time", "created_at", "updated_at"}

// diff lists what differs between two decoded JSON values (with json.Number),
// in the order of the paths. absent stands for no value.
func diff(path string, before, after any) []Change {
	b, isObject := before.(map[string]any)
	a, areObjects := after.(map[string]any)
	switch {
	case isObject && (areObjects || after == absent), before == absent && areObjects:
		return diffObjects(path, b, a)
	}
	old, isArray := before.([]any)
	now, areArrays := after.([]any)
	if isArray && areArrays {
		return diffArrays(path, old, now)
	}
	was, is := encode(before), encode(after)
	if bytes.Equal(was, is) {
		return nil
	}
	return []Change{{Path: path, Before: was, After: is}}
}

// noValue is the type of absent.
type noValue struct{}

// absent is where there is no value; null is one.
var absent any = noValue{}

func diffObjects(path string, before, after map[string]any) []Change {
	keys := map[string]bool{}
	for key := range before {
		keys[key] = true
	}
	for key := range after {
		keys[key] = true
	}
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if path == "" && slices.Contains(stamps, key) {
			continue
		}
		changes = append(changes, diff(member(path, key), value(before, key), value(after, key))...)
	}
	if len(changes) == 0 && (before == nil) != (after == nil) && path != "" {
		return []Change{{Path: path, Before: encodeObject(before), After: encodeObject(after)}} // an empty object
	}
	return changes
}

func value(object map[string]any, key string) any {
	if v, ok := object[key]; ok {
		return v
	}
	return absent
}

// diffArrays compares what is between the equal beginnings and the equal ends, one by
// one: an element put in or taken out in the middle is one change.
func diffArrays(path string, before, after []any) []Change {
	start := 0
	for start < min(len(before), len(after)) && equal(before[start], after[start]) {
		start++
	}
	end := 0
	for end < min(len(before), len(after))-start && equal(before[len(before)-1-end], after[len(after)-1-end]) {
		end++
	}
	before, after = before[:len(before)-end], after[:len(after)-end]
	var changes []Change
	for i := start; i < max(len(before), len(after)); i++ {
		was, is := absent, absent
		if i < len(before) {
			was = before[i]
		}
		if i < len(after) {
			is = after[i]
		}
		changes = append(changes, diff(path+"["+strconv.Itoa(i)+"]", was, is)...)
	}
	return changes
}

func equal(a, b any) bool { return bytes.Equal(encode(a), encode(b)) }

// member is the path of an object's member.
func member(path, key string) string {
	plain := key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	switch {
	case !plain:
		return path + "[" + string(encode(key)) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func encodeObject(object map[string]any) json.RawMessage {
	if object == nil {
		return nil
	}
	return encode(object)
}

// encode writes a decoded value on one line, keys sorted, < and > as they are; nil
// for absent.
func encode(v any) json.RawMessage {
	if v == absent {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // what was decoded from JSON has a JSON form
	return bytes.TrimRight(b.Bytes(), "\n")
}

// decode reads a JSON text, numbers as they are written; absent where it is none.
func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if text == "" || d.Decode(&v) != nil || d.More() {
		return absent
	}
	return v
}

// merge applies a JSON Merge Patch (RFC 7396).
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := map[string]any{}
	if object, ok := target.(map[string]any); ok {
		maps.Copy(merged, object)
	}
	for key, v := range changes {
		if v == nil {
			delete(merged, key)
			continue
		}
		merged[key] = merge(merged[key], v)
	}
	return merged
}
