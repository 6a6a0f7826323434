package ecs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// schema is a pinned table of ECS: a name and a value on each line.
func schema(t *testing.T, name string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../mappings/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && line[0] != '#' {
			rows[key] = value
		}
	}
	return rows
}

// Every pair of category and type is one that ECS expects, and no type is without a
// category.
func TestCategoriesGoWithTheirTypes(t *testing.T) {
	allowed := schema(t, "ecs-categories.tsv")
	for c := unknownCategory; c <= authentication; c++ {
		for a := unknownAction; a <= info; a++ {
			var event struct{ Category, Type []string }
			text := "{" + strings.TrimSuffix(fragment(c, a), ",") + "}"
			if err := json.Unmarshal([]byte(text), &event); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if (len(event.Category) == 0) != (len(event.Type) == 0) || (len(event.Category) == 0) != (c == unknownCategory) {
				t.Errorf("category %d, action %d: %s", c, a, text)
			}
			for _, category := range event.Category {
				for _, kind := range event.Type {
					if !slices.Contains(strings.Fields(allowed[category]), kind) {
						t.Errorf("%s does not go with %s", kind, category)
					}
				}
			}
		}
	}
}

// A document's fields are those of ECS, and ours below api7.audit.
func TestEveryFieldOfADocumentIsOneOfECS(t *testing.T) {
	known := schema(t, "ecs-fields.tsv")
	files, _ := filepath.Glob("testdata/*.golden")
	seen := 0
	for _, file := range files {
		for _, p := range readGolden(t, file) {
			var document map[string]any
			if json.Unmarshal([]byte(p), &document) != nil || document["@timestamp"] == nil {
				continue
			}
			seen++
			for _, path := range leaves("", document) {
				if known[path] == "" && !strings.HasPrefix(path, "api7.audit.") && path != "log.offset" {
					t.Errorf("%s: %s is no field of ECS", file, path)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d documents were looked at", seen)
	}
}

func leaves(path string, v any) (all []string) {
	object, ok := v.(map[string]any)
	if !ok || strings.HasPrefix(path, "api7.audit.") {
		return []string{path}
	}
	for name, below := range object {
		all = append(all, leaves(strings.TrimPrefix(path+"."+name, "."), below)...)
	}
	return all
}

// readGolden gives the documents of a golden file.
func readGolden(t *testing.T, file string) (documents []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(string(data), "\n-- ") {
		if at := strings.Index(part, "\n{\n"); at >= 0 {
			documents = append(documents, part[at:])
		}
	}
	return documents
}
