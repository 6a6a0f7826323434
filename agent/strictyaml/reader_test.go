package strictyaml

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	candidates := []string{"paths", "path_prefix", "poll_interval", "url", "urls", "username"}
	tests := map[string]string{
		"pahts": "paths", "path": "paths", "PATHS": "paths", "poll-interval": "poll_interval",
		"pollIntervall": "poll_interval", "usrename": "username", "uri": "url", "": "", "zzz": "",
		"password": "", strings.Repeat("paths", 1000): "",
	}
	for word, want := range tests {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

// keys reads a file of nothing but mappings, as config and mask do.
func (r *Reader) keys(text string) (paths []string) {
	root := r.Document([]byte(text))
	if root == nil {
		return nil
	}
	for _, e := range r.Entries(root, "") {
		paths = append(paths, e.Path)
		for _, below := range r.Entries(e.Value, e.Path) {
			paths = append(paths, below.Path)
		}
	}
	return paths
}

func TestEachMistakeHasItsPlace(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"a key twice":             {"a: {b: 1, c: 2}\nd: 3\na: 4\n", "f.yml:3:1: a: is here a second time; the first is in line 1"},
		"a key twice, lower":      {"a:\n  b: 1\n  b: 2\n", "f.yml:3:3: a.b: is here a second time; the first is in line 2"},
		"a list as a key":         {"? [a]\n: 1\n", "f.yml:1:3: a key must be a text"},
		"a value without a space": {"api_key:secret: 1\n", "f.yml:1:1: api_key: a space is missing after the colon; a key that holds a colon needs quotes"},
		"an alias":                {"a: &x 1\n", "f.yml:1:4: anchors are not supported; a value that begins with & needs quotes"},
		"a tag":                   {"a: !!str 1\n", "f.yml:1:4: tags are not supported; a value that begins with ! needs quotes"},
		"two documents":           {"a: 1\n---\nb: 2\n", "f.yml:2:1: a second document begins here; the file must be one document"},
		"a tab":                   {"a:\n\tb: 1\n", "f.yml:2:1: a tab cannot indent YAML; use spaces"},
		"a quote that stays open": {"a: 1\nb: \"x\nc: 2\n", "f.yml:2:4: not YAML: a quote is not closed"},
		"no UTF-8":                {"a: 1\nb: \xff\n", "f.yml:2:4: not UTF-8 text"},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader("f.yml")
			r.keys(tt.text)
			if got := r.Errors().Error(); got != tt.want {
				t.Errorf("says\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestKeysAndTheirPlaces(t *testing.T) {
	r := NewReader("f.yml")
	got := r.keys("a:\n  b.c: 1\n  \"d: e\": 2\n")
	if want := `a a."b.c" a."d: e"`; strings.Join(got, " ") != want || len(r.Errors()) > 0 {
		t.Errorf("keys %q, want %s; %v", got, want, r.Errors())
	}
	if at := r.At(`a."b.c"[3]`); at != (Place{2, 3}) {
		t.Errorf("an item of b.c stands at %v", at)
	}
	if at := r.At("x.y"); at != (Place{1, 1}) {
		t.Errorf("what the file does not have stands at %v", at)
	}
}

func TestErrorsStandInTheOrderOfTheirFiles(t *testing.T) {
	all := Errors{
		{File: "b", Line: 9, Column: 1, Problem: "p"}, {File: "a", Line: 2, Column: 7, Problem: "q"},
		{File: "b", Line: 3, Column: 1, Problem: "r"}, {File: "a", Line: 2, Column: 3, Problem: "s", Suggestion: "t"},
		{File: "c", Problem: "is not there"},
	}
	got := all.Sorted().Quote(map[string][]byte{"a": []byte("first\nthe\tsecond\r\n")}).Error()
	want := "b:3:1: r\nb:9:1: p\n" +
		"a:2:3: s (did you mean \"t\"?)\n    the second\n      ^\n" +
		"a:2:7: q\n    the second\n          ^\n" +
		"c: is not there"
	if got != want {
		t.Errorf("prints\n%s\nwant\n%s", got, want)
	}
}

// FuzzDocument: nothing makes the reader panic, and each mistake has one line and a
// place within the file.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{"a: 1\nb: [x, {y: z}]\n", "a: &x 1\n", "\t", "a: \"", "? [a]\n: 1", "a:b: 1\n", "--- \n---\n", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return // the search for the place of a mistake takes its time
		}
		r := NewReader("f.yml")
		r.keys(text)
		for _, e := range r.Errors() {
			if e.Line < 1 || e.Line > strings.Count(text, "\n")+1 || e.Column < 1 || strings.ContainsAny(e.Error(), "\r\n") {
				t.Fatalf("%q in %q", e.Error(), text)
			}
		}
	})
}
