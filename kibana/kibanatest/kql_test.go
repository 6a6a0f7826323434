package kibanatest

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestKQL(t *testing.T) {
	for text, want := range map[string]string{
		``:                       `{"match_all":{}}`,
		`a : b`:                  `{"match":{"a":"b"}}`,
		`a.b-c : "x y"`:          `{"match_phrase":{"a.b-c":"x y"}}`,
		`a:*`:                    `{"exists":{"field":"a"}}`,
		`a : /plugins*`:          `{"wildcard":{"a":{"value":"/plugins*"}}}`,
		`a >= 18`:                `{"range":{"a":{"gte":"18"}}}`,
		`not a : b`:              `{"bool":{"must_not":[{"match":{"a":"b"}}]}}`,
		`a : ("b" or "c")`:       `{"bool":{"minimum_should_match":1,"should":[{"match_phrase":{"a":"b"}},{"match_phrase":{"a":"c"}}]}}`,
		`a : (not b)`:            `{"bool":{"must_not":[{"match":{"a":"b"}}]}}`,
		`a : b AND (c < 1)`:      `{"bool":{"filter":[{"match":{"a":"b"}},{"range":{"c":{"lt":"1"}}}]}}`,
		`a : b or c : d and e:f`: `{"bool":{"minimum_should_match":1,"should":[{"match":{"a":"b"}},{"bool":{"filter":[{"match":{"c":"d"}},{"match":{"e":"f"}}]}}]}}`,
	} {
		q, err := KQL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := json.Marshal(q)
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestKQLThatIsNone(t *testing.T) {
	for _, text := range []string{`a`, `a :`, `: b`, `a : "b`, `(a : b`, `a : (b`, `a : b c : d`, `a : b or`, `not`, `a <`} {
		if q, err := KQL(text); err == nil {
			t.Errorf("%s became %v", text, q)
		}
	}
}

func TestFields(t *testing.T) {
	got, err := Fields(`a.b : "x : y" and (c < 1 or not d:*)`)
	if want := []string{"a.b", "c", "d"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzKQL: any text is compiled or refused, and what is compiled is JSON.
func FuzzKQL(f *testing.F) {
	f.Add(`a : ("b" or c*) and not (d >= 1 or e : *)`)
	f.Add(`((((((`)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := KQL(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(q); err != nil {
			t.Fatal(err)
		}
	})
}
