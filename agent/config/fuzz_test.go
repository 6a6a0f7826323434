package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/auditship/auditship/agent/strictyaml"
)

// FuzzParse: nothing makes Parse panic. A refusal has at least one mistake,
// each with a place inside the file, one line long and without a secret. An
// accepted configuration prints as YAML without a secret, which is accepted in
// turn and prints the same.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/mistakes/*.golden")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, shipped) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), separator)
		f.Add([]byte(input))
	}
	f.Add([]byte(smallest + "tags: [a, \"${HOST}\", $$x]\nrename: {a.b: id}\nid_key: ${ES_API_KEY}${HOST}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return // the search for the place of a mistake takes its time
		}
		env := testEnv()
		cfg, err := Parse("/etc/auditship/auditship.yml", data, env)
		if err != nil {
			checkMistakes(t, data, err)
			return
		}
		dump := mustRedact(t, cfg)
		if bytes.Contains(dump, []byte(canary)) && !bytes.Contains(data, []byte(canary)) {
			t.Fatalf("prints what a reference brought in:\n%s", dump)
		}
		if bytes.Contains(dump, []byte("proxy: '***'")) {
			return // *** is not a URL
		}
		again, err := Parse("/etc/auditship/auditship.yml", idKeyAgain(dump), env)
		if err != nil {
			t.Fatalf("what was accepted is refused:\n%v\n%s", err, dump)
		}
		if second := mustRedact(t, again); !bytes.Equal(dump, second) {
			t.Fatalf("prints\n%s\nand then\n%s", dump, second)
		}
	})
}

// idKeyAgain puts a key of enough bytes where *** is too short.
func idKeyAgain(dump []byte) []byte {
	return bytes.Replace(dump, []byte("\nid_key: '***'\n"), []byte("\nid_key: '****************'\n"), 1)
}

func checkMistakes(t *testing.T, data []byte, err error) {
	var mistakes strictyaml.Errors
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		t.Fatalf("not a list of mistakes: %v", err)
	}
	lines := bytes.Count(data, []byte("\n")) + 1
	for _, m := range mistakes {
		if m.Line < 1 || m.Line > lines || m.Column < 1 || m.Problem == "" || strings.ContainsAny(m.Error(), "\n\r") {
			t.Fatalf("a mistake without a place in %d lines: %q", lines, m.Error())
		}
		if strings.Contains(m.Error(), canary) && !bytes.Contains(data, []byte(canary)) {
			t.Fatalf("a mistake shows what a reference brought in: %s", m)
		}
	}
}

func mustRedact(t *testing.T, cfg *Config) []byte {
	dump, err := cfg.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(dump, &v); err != nil {
		t.Fatalf("not YAML: %v\n%s", err, dump)
	}
	return dump
}
