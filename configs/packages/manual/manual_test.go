package main

import (
	"compress/gzip"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/cli"
)

// written writes the manual and reads it again: the text of each file by its name.
func written(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := write(dir, cli.Commands(), "1.2.3", "2026-01-31"); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		texts[filepath.Base(path)] = readPage(t, path)
	}
	return texts
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read from
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryCommandAndFlagHasItsPlace(t *testing.T) {
	texts := written(t)
	root := cli.Commands()
	if len(pages(root)) < len(root.Commands()) {
		t.Fatalf("%d pages for %d commands", len(pages(root)), len(root.Commands()))
	}
	for _, cmd := range pages(root) {
		page := texts[pageName(cmd)+".1.gz"]
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"} {
			if !strings.Contains(page, "\n.SH "+section+"\n") {
				t.Errorf("%s lacks %s", cmd.CommandPath(), section)
			}
		}
		for _, flag := range options(cmd) {
			if !strings.Contains(page, signature(flag)) {
				t.Errorf("%s does not explain --%s", cmd.CommandPath(), flag.Name)
			}
		}
		for _, child := range pages(cmd)[1:] {
			if !strings.Contains(page, roff(pageName(child))+`\fR(1)`) {
				t.Errorf("%s does not name %s", cmd.CommandPath(), child.CommandPath())
			}
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if !strings.Contains(texts["auditship."+shell], "auditship") {
			t.Errorf("no completion for %s", shell)
		}
	}
}

func TestTheSameCommandsGiveTheSameBytes(t *testing.T) {
	if !maps.Equal(written(t), written(t)) {
		t.Error("the manual differs from one run to the next")
	}
}

func TestProse(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"paragraphs":               {"One.\n\nTwo.", "One.\n.PP\nTwo."},
		"an indented block stays":  {"So:\n\n  a: 1\n    b: 2", "So:\n.PP\n.nf\n  a: 1\n    b: 2\n.fi"},
		"options keep their minus": {"--all-of-it", `\-\-all\-of\-it`},
		"a dot begins no request":  {"the file\n.profile", "the file\n\\&.profile"},
		"quotes and backslashes":   {`'a\b'`, `\(aqa\eb\(aq`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := prose(tt.text); got != tt.want {
				t.Errorf("%q\nwant\n%q", got, tt.want)
			}
		})
	}
}
