package mask

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Each file of testdata/rules holds rules and the tests they have to pass.
func TestRulesFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules files: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tryLoad(string(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// The rules file that is shipped explains the grammar, so it has to load, with
// the lines that need a key and without, and to name all there is.
func TestTheShippedRulesFile(t *testing.T) {
	text, err := os.ReadFile("../../configs/masking.yml")
	if err != nil {
		t.Fatal(err)
	}
	loadText(t, string(text))
	withKey := regexp.MustCompile(`(?m)^#:`).ReplaceAllString(string(text), "")
	withKey = regexp.MustCompile(`AUDITSHIP_MASK_KEY`).ReplaceAllString(withKey, "MASK_KEY")
	rules := loadText(t, withKey)
	if _, ok := rules.set.Key("k2026"); !ok {
		t.Error("the lines behind #: define no key")
	}
	known := []string{detect.Vendors}
	for _, row := range detect.Table {
		if !row.Vendor {
			known = append(known, row.Name)
		}
	}
	for _, names := range [][]string{known, rule.KindNames} {
		for _, name := range names {
			if !regexp.MustCompile(`(?m)\b` + name + `\b`).Match(text) {
				t.Errorf("it does not mention %s", name)
			}
		}
	}
}
