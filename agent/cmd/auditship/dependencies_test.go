package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Every direct dependency says in one line why it is there, and none that is gone does.
func TestEachDependencyIsExplained(t *testing.T) {
	security, err := os.ReadFile("../../../.github/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for line := range strings.Lines(string(security)) {
		if cells := strings.Split(line, "|"); len(cells) == 4 && strings.Contains(cells[1], ".") {
			explained[strings.Trim(cells[1], " `")] = len(strings.TrimSpace(cells[2])) > 0
		}
	}
	text, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(text, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !explained[r.Path] {
			t.Errorf("%s is not in .github/SECURITY.md", r.Path)
		}
		if !r.Indirect {
			delete(explained, r.Path)
		}
	}
	for path := range explained {
		t.Errorf("%s is in .github/SECURITY.md and no direct dependency", path)
	}
}
