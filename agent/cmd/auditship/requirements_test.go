package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The list of complaints in agent/README.md names the tests that exist: all that are
// named after one, and no others.
func TestTheListOfComplaintsNamesTheTestsThatExist(t *testing.T) {
	tests := testsOf(t, "../../..")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`Test[A-Za-z0-9_]+`)
	for n := 1; n <= 25; n++ {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| R%d \|.*$`, n)).FindString(string(text))
		listed := named.FindAllString(row, -1)
		if len(listed) == 0 {
			t.Errorf("R%d has no test in the list", n)
		}
		for _, name := range listed {
			if !slices.Contains(tests, name) {
				t.Errorf("R%d names %s, which does not exist", n, name)
			}
		}
		after := regexp.MustCompile(fmt.Sprintf(`^TestR%d[A-Z_]`, n))
		for _, name := range tests {
			if after.MatchString(name) && !slices.Contains(listed, name) {
				t.Errorf("R%d does not name %s", n, name)
			}
		}
	}
}

// testsOf lists the names of the tests below a folder.
func testsOf(t *testing.T, root string) []string {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
