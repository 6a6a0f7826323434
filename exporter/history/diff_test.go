package history

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          string
	}{
		"nothing":                {`{"a":1}`, `{"a":1}`, ``},
		"order of keys":          {`{"a":1,"b":2}`, `{"b":2,"a":1}`, ``},
		"a value":                {`{"a":1}`, `{"a":2}`, `a: 1 -> 2; `},
		"another type":           {`{"a":1}`, `{"a":"1"}`, `a: 1 -> "1"; `},
		"null is a value":        {`{"a":1}`, `{"a":null}`, `a: 1 -> null; `},
		"put in":                 {`{}`, `{"a":{"b":1}}`, `a.b:  -> 1; `},
		"taken out":              {`{"a":{"b":1,"c":"x"}}`, `{}`, `a.b: 1 -> ; a.c: "x" -> ; `},
		"an empty object":        {`{}`, `{"a":{}}`, `a:  -> {}; `},
		"created":                {``, `{"a":1,"b":[1]}`, `a:  -> 1; b:  -> [1]; `},
		"deleted":                {`{"a":1}`, ``, `a: 1 -> ; `},
		"an element":             {`{"n":[{"h":"x","w":1},{"h":"y","w":1}]}`, `{"n":[{"h":"x","w":1},{"h":"y","w":2}]}`, `n[1].w: 1 -> 2; `},
		"an element put in":      {`{"n":[1,3]}`, `{"n":[1,2,3]}`, `n[1]:  -> 2; `},
		"an element taken out":   {`{"n":[1,2,3]}`, `{"n":[1,3]}`, `n[1]: 2 -> ; `},
		"an object for a list":   {`{"a":[1]}`, `{"a":{"b":1}}`, `a: [1] -> {"b":1}; `},
		"unusual keys":           {`{"a.b":{"":1}}`, `{"a.b":{"":2}}`, `["a.b"][""]: 1 -> 2; `},
		"a large number":         {`{"a":12345678901234567890}`, `{"a":12345678901234567891}`, `a: 12345678901234567890 -> 12345678901234567891; `},
		"the gateway's stamps":   {`{"update_time":1}`, `{"update_time":2}`, ``},
		"stamps further inside":  {`{"a":{"update_time":1}}`, `{"a":{"update_time":2}}`, `a.update_time: 1 -> 2; `},
		"signs that HTML dreads": {`{"a":"<"}`, `{"a":">"}`, `a: "<" -> ">"; `},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, c := range diff("", decode(c.before), decode(c.after)) {
				got += c.Path + ": " + string(c.Before) + " -> " + string(c.After) + "; "
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Two objects have no difference exactly if they are equal, and what a patch that
// carries the whole object changes is what the comparison says.
func TestDiffIsEmptyExactlyForEqualObjects(t *testing.T) {
	scalar := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](true), rapid.Map(rapid.SampledFrom([]string{"", "a", "b"}), func(s string) any { return s }))
	list := rapid.Map(rapid.SliceOfN(scalar, 0, 4), func(s []any) any { return s })
	inner := rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", ""}), rapid.OneOf(scalar, list), 0, 3), func(m map[string]any) any { return m })
	object := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c.d"}), rapid.OneOf(scalar, list, inner), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := object.Draw(t, "a"), object.Draw(t, "b")
		if same := equal(a, b); same != (len(diff("", a, b)) == 0) {
			t.Fatalf("equal %v, but %v", same, diff("", a, b))
		}
		if back := len(diff("", b, a)); back != len(diff("", a, b)) {
			t.Fatalf("%d changes in one direction, %d in the other", len(diff("", a, b)), back)
		}
	})
}

func FuzzDiff(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, `{"a":[{"b":2},1]}`)
	f.Add(`[]`, ``)
	f.Fuzz(func(t *testing.T, before, after string) {
		a, b := decode(before), decode(after)
		for _, c := range diff("", a, b) {
			if string(c.Before) == string(c.After) {
				t.Errorf("%s: no change", c.Path)
			}
		}
		merge(a, b)
	})
}
