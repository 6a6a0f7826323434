package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/config"
)

const source, readme = "..", "../../../configs/README.md"

func TestTheManualHasTheReference(t *testing.T) {
	text, err := reference(source)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(content), begin)
	if got, _, ok := strings.Cut(rest, end); !ok || got != text {
		t.Error("configs/README.md has another reference of the configuration: run go generate ./agent/config")
	}
}

// Every key that the decoder knows is in the reference, with a sentence.
func TestEveryKeyIsInTheReference(t *testing.T) {
	text, err := reference(source)
	if err != nil {
		t.Fatal(err)
	}
	var visit func(typ reflect.Type, path string) int
	visit = func(typ reflect.Type, path string) int {
		n := 0
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			below := f.Type
			for below.Kind() == reflect.Pointer || below.Kind() == reflect.Slice {
				below = below.Elem()
			}
			isSection := below.Kind() == reflect.Struct && below != reflect.TypeFor[config.Secret]()
			switch {
			case f.Tag.Get("when") != "":
				n += visit(below, path)
			case name == "":
			case isSection && f.Type.Kind() == reflect.Slice:
				n += visit(below, path)
			case isSection:
				n += visit(below, path+name+".")
			default:
				if n++; !strings.Contains(text, "- **`"+path+name+"`** ") {
					t.Errorf("no %s%s", path, name)
				}
			}
		}
		return n
	}
	if n := visit(reflect.TypeFor[config.Config](), ""); n < 60 {
		t.Errorf("only %d keys were looked for", n)
	}
}

func TestWriteNeedsItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	for text, want := range map[string]error{"no marks\n": errNoPlace, begin + "WRONG\n": errNoPlace, "a\n" + begin + "WRONG\n" + end + "\nb\n": nil} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := write(source, path); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
		got, err := os.ReadFile(path)
		if err != nil || want != nil && string(got) != text || want == nil && strings.Contains(string(got), "WRONG") || want == nil && !strings.HasSuffix(string(got), end+"\nb\n") {
			t.Errorf("%q became %.100q, %v", text, got, err)
		}
	}
}

func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	want, err := schema("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../configs/auditship.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("configs/auditship.schema.json is that of other types: run go generate ./agent/config")
	}
}
