package config

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/strictyaml"
)

var update = flag.Bool("update", false, "write what Parse says into the golden files; read the difference before you keep it")

const separator = "-- errors --\n"

// canary is the content of all secrets of the test environment. No error may
// hold it.
const canary = "c4nary-s3cret"

// testEnv is a small world: a few variables and files.
func testEnv() Env {
	variables := map[string]string{
		"ES_API_KEY": canary,
		"HOST":       canary + ".example.com",
		"BAD_URL":    "https://elastic:" + canary + "@es:9200",
		"BAD_PORT":   "https://elastic:" + canary + "/1@es:9200",
		"LEVEL":      canary,
		"SPAN":       canary,
		"TWO_LINES":  canary + "\nsecond line",
		"EMPTY":      "",
	}
	files := map[string]string{
		"/etc/auditship/token":     canary + "\n",
		"/etc/auditship/empty":     "\n",
		"/etc/auditship/not.crt":   canary,
		"/etc/auditship/short.key": "short\n",
	}
	return Env{
		LookupEnv: func(name string) (string, bool) { value, ok := variables[name]; return value, ok },
		ReadFile: func(path string) ([]byte, error) {
			if content, ok := files[path]; ok {
				return []byte(content), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
}

// TestMistakes reads each file of testdata/mistakes: a configuration, a line
// "-- errors --", and exactly the errors it must give.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.golden")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(content), separator)
			if !ok {
				t.Fatalf("%s has no line %q", file, separator)
			}
			cfg, err := Parse("/etc/auditship/auditship.yml", []byte(input), testEnv())
			if err == nil || cfg != nil {
				t.Fatalf("the configuration was accepted")
			}
			var mistakes strictyaml.Errors
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("not a list of mistakes: %v", err)
			}
			got := strings.ReplaceAll(err.Error(), "/etc/auditship/auditship.yml:", "auditship.yml:") + "\n"
			if strings.Contains(got, canary) {
				t.Errorf("an error shows a secret:\n%s", got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// A mistake in a file too large for a precise search still has a place, and is
// found soon.
func TestMistakeInALargeFile(t *testing.T) {
	text := "gateway: \"no end\n" + strings.Repeat("# a line of a large file\n", 20000)
	_, err := Parse("auditship.yml", []byte(text), testEnv())
	var one *strictyaml.Error
	if !errors.As(err, &one) || one.Line < 1 || one.Line > 20002 || !strings.Contains(one.Problem, "quote") {
		t.Errorf("got %v", err)
	}
}
