package mappings

import (
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
)

func TestDiff(t *testing.T) {
	tests := map[string]struct {
		old, new string
		want     []string
	}{
		"nothing":               {`{"a":1,"b":[1,{"c":null}]}`, `{"b":[1,{"c":null}],"a":1}`, nil},
		"a value":               {`{"min_age":"90d"}`, `{"min_age":"180d"}`, []string{`~ min_age: "90d" -> "180d"`}},
		"a key is added":        {`{}`, `{"a":{"b":1}}`, []string{`+ a: {"b":1}`}},
		"a key is removed":      {`{"a":{"b":1}}`, `{"a":{}}`, []string{`- a.b: 1`}},
		"null is a value":       {`{"a":null}`, `{}`, []string{`- a: null`}},
		"in the order of keys":  {`{"b":1,"a":1}`, `{"b":2,"a":2}`, []string{`~ a: 1 -> 2`, `~ b: 1 -> 2`}},
		"a place in a list":     {`{"l":[1,2]}`, `{"l":[1,3]}`, []string{`~ l.1: 2 -> 3`}},
		"another length":        {`{"l":[1]}`, `{"l":[1,2]}`, []string{`~ l: [1] -> [1,2]`}},
		"another kind":          {`{"a":{"b":1}}`, `{"a":"b"}`, []string{`~ a: {"b":1} -> "b"`}},
		"the whole":             {`1`, `2`, []string{`~ (all): 1 -> 2`}},
		"a key with a dot":      {`{"a.b":1}`, `{"a.b":2}`, []string{`~ "a.b": 1 -> 2`}},
		"a key with a new line": {`{"a\n":1}`, `{"a\n":2}`, []string{`~ "a\n": 1 -> 2`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range diff(decode(t, tc.old), decode(t, tc.new)) {
				got = append(got, c.String())
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// FuzzDiff: carrying the changes out makes new of old, and nothing differs from
// itself.
func FuzzDiff(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":{"b":[1,2,{"c":null}]}}`)
	f.Add(`[1,[2],{"a.b":3}]`, `[1,[],{"a":{"b":3}}]`)
	f.Add(`null`, `{}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		var old, new any
		if json.Unmarshal([]byte(a), &old) != nil || json.Unmarshal([]byte(b), &new) != nil {
			return
		}
		if changes := diff(old, old); len(changes) > 0 {
			t.Fatalf("%s differs from itself: %v", a, changes)
		}
		got := clone(old)
		for _, c := range diff(old, new) {
			_ = c.String() // must not panic
			got = carryOut(t, got, c.Path, c)
		}
		if !reflect.DeepEqual(got, new) {
			t.Fatalf("the changes from %s to %s lead to %v", a, b, got)
		}
	})
}

func carryOut(t *testing.T, v any, path []string, c change) any {
	t.Helper()
	if len(path) == 0 {
		if !reflect.DeepEqual(v, c.Old) {
			t.Fatalf("%s: there is %v", c, v)
		}
		return c.New
	}
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 && c.Op == removed {
			delete(v, path[0])
			return v
		}
		v[path[0]] = carryOut(t, v[path[0]], path[1:], c)
		return v
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(v) {
			t.Fatalf("%s: no such place in a list", c)
		}
		v[i] = carryOut(t, v[i], path[1:], c)
		return v
	}
	t.Fatalf("%s: no such place", c)
	return nil
}

func decode(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
