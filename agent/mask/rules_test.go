package mask

import (
	"os"
	"path/filepath"
	"testing"
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
