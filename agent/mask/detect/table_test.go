package detect

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var madeUp = regexp.MustCompile(`\{([hdU]?)([0-9]+)\}`)

// made writes out the {40} of an example.
func made(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(m string) string {
		parts := madeUp.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2]) // digits only
		of := map[string]string{"": "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8", "h": "0a1b2c3d4e5f6789", "d": "1029384756", "U": "A2C4E6G7J3K5M"}[parts[1]]
		return strings.Repeat(of, n/len(of)+1)[:n]
	})
}

// marked puts « and » around what was found.
func marked(text string, found []Span) string {
	var b strings.Builder
	at := 0
	for _, s := range found {
		if s.Start < at {
			return "overlapping"
		}
		b.WriteString(text[at:s.Start] + "«" + text[s.Start:s.End] + "»")
		at = s.End
	}
	return b.String() + text[at:]
}

// Every row finds what its examples say, with the literals it says it needs.
func TestEveryRowDoesWhatItSays(t *testing.T) {
	for id := range ID(Count) {
		row := &Table[id]
		t.Run(row.Name, func(t *testing.T) {
			if len(row.Finds) == 0 || len(row.Keeps) == 0 || (row.Find == nil) != (len(row.Tokens) > 0) {
				t.Fatal("a row has examples of both kinds, and one way to find")
			}
			filter := NewFilter()
			filter.AddRow(id)
			var all Set
			all.add(id)
			for _, want := range row.Finds {
				want = made(want)
				text := strings.NewReplacer("«", "", "»", "").Replace(want)
				for pad := range 2 { // the filter looks at every second pair
					text, want := " "[:pad]+text, " "[:pad]+want
					if got := marked(text, Find(id, nil, []byte(text), false)); got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
					if found := filter.Look([]byte(text)); found.Rows != all {
						t.Errorf("the filter misses %s", text)
					}
				}
			}
			for _, text := range row.Keeps {
				text = made(text)
				if found := Find(id, nil, []byte(text), false); len(found) > 0 {
					t.Errorf("found %s", marked(text, found))
				}
			}
		})
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Names() {
		if seen[name] {
			t.Errorf("%s stands there twice", name)
		}
		seen[name] = true
	}
}
