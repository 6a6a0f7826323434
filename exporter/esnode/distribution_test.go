package esnode

import (
	"archive/zip"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMissingToolsAreNamedWithTheirPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // no Maven repository
	_, javaErr := findJava(t.Context(), 17)
	_, javacErr := compile(t.Context(), t.TempDir(), DefaultVersion, java{})
	_, mvnErr := fetch(t.Context(), DefaultVersion)
	for what, c := range map[string]struct {
		err   error
		wants []string
	}{
		"java":  {javaErr, []string{"needs java:", "apt-get install openjdk-17-jdk-headless"}},
		"javac": {javacErr, []string{"needs javac:", "apt-get install openjdk-17-jdk-headless"}},
		"mvn":   {mvnErr, []string{"needs mvn:", "apt-get install maven"}},
	} {
		if !errors.Is(c.err, exec.ErrNotFound) {
			t.Errorf("%s: %v", what, c.err)
			continue
		}
		for _, want := range c.wants {
			if !strings.Contains(c.err.Error(), want) {
				t.Errorf("%s: the error lacks %q: %v", what, want, c.err)
			}
		}
	}
}

func TestOldJavaIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT under -short: it needs a JDK")
	}
	_, err := findJava(t.Context(), 999)
	if err == nil || !strings.Contains(err.Error(), "this Elasticsearch needs 999") {
		t.Errorf("the error is %v", err)
	}
}

func TestFileWithAnotherHashIsRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "some.zip")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", FIPS 180-2
	if err := verify(name, sum); err != nil {
		t.Errorf("the right hash: %v", err)
	}
	err := verify(name, strings.Repeat("0", 64))
	if err == nil || !strings.Contains(err.Error(), sum) || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a wrong hash: %v", err)
	}
}

func writeZip(t *testing.T, files map[string]fs.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "test.zip")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for path, mode := range files {
		header := &zip.FileHeader{Name: path}
		header.SetMode(mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestUnpackedFilesAreReadableByAll(t *testing.T) {
	dir := t.TempDir()
	if err := unpack(writeZip(t, map[string]fs.FileMode{"a/b/tool": 0o700, "a/text": 0o600}), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"a": 0o755, "a/b": 0o755, "a/b/tool": 0o744, "a/text": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestZipCannotWriteOutsideItsFolder(t *testing.T) {
	for what, name := range map[string]string{"parent": "../evil", "deep": "a/../../evil", "absolute": "/tmp/evil"} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "inner")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := unpack(writeZip(t, map[string]fs.FileMode{name: 0o600}), dir); err == nil {
				t.Error("the zip was accepted")
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "evil")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("evil: %v", err)
			}
		})
	}
}

func TestLockHoldsOthersOffUntilGivenBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := lockFile(short, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a held lock: %v", err)
	}
	unlock()
	again, err := lockFile(t.Context(), name)
	if err != nil {
		t.Fatalf("a free lock: %v", err)
	}
	again()
}

func TestClosedFolderOnTheWayIsNoticed(t *testing.T) {
	dir, err := os.MkdirTemp("", "auditship-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	below := filepath.Join(dir, "not", "there")
	for mode, want := range map[os.FileMode]bool{0o711: true, 0o755: true, 0o700: false, 0o750: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if got := reachableByAll(below); got != want {
			t.Errorf("below a folder of mode %o: %t", mode, got)
		}
	}
}

func TestPortIsFoundInThePortsFile(t *testing.T) {
	for what, c := range map[string]struct {
		content string
		want    int
	}{
		"IPv4":           {"127.0.0.1:9200\n", 9200},
		"IPv6":           {"[::1]:9201\n", 9201},
		"both":           {"[::1]:9201\n127.0.0.1:9201\n", 9201},
		"half written":   {"127.0.0.1", 0},
		"nothing":        {"", 0},
		"no number":      {"127.0.0.1:http\n", 0},
		"no such port":   {"127.0.0.1:65536\n", 0},
		"port nought":    {"127.0.0.1:0\n", 0},
		"negative":       {"127.0.0.1:-1\n", 0},
		"garbage before": {"x\n127.0.0.1:9200\n", 9200},
	} {
		if got := portOf([]byte(c.content)); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}

func FuzzPortOf(f *testing.F) {
	f.Add([]byte("[::1]:9201\n127.0.0.1:9201\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if port := portOf(content); port < 0 || port > 65535 {
			t.Errorf("port %d", port)
		}
	})
}

func TestJavaPropertyIsPickedByItsWholeName(t *testing.T) {
	const out = "Property settings:\n    java.home = /opt/jdk = 17\n    java.home.old = /old\n    path.separator = :\n    empty = \n"
	for name, want := range map[string]string{
		"java.home": "/opt/jdk = 17", "java.home.old": "/old", "path.separator": ":", "empty": "", "java": "", "": "",
	} {
		if got := javaProperty([]byte(out), name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func FuzzJavaProperty(f *testing.F) {
	f.Add([]byte("    java.home = /opt/jdk\n"), "java.home")
	f.Fuzz(func(t *testing.T, out []byte, name string) {
		if got := javaProperty(out, name); got != "" && !strings.Contains(string(out), got) {
			t.Errorf("%q is not in the output", got)
		}
	})
}

func TestTailKeepsTheEndAndPassesAllOn(t *testing.T) {
	var all strings.Builder
	log := &tail{also: &all}
	for range 3 {
		if n, err := log.Write([]byte(strings.Repeat("x", tailSize/2) + "end")); n != tailSize/2+3 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := log.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("the tail has %d bytes", len(got))
	}
	if all.Len() != 3*(tailSize/2+3) {
		t.Errorf("%d bytes were passed on", all.Len())
	}
}
