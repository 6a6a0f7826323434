package report

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func folderOf(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func writeReport(t *testing.T, path, text string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileAppearsWhenItIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := writeReport(t, path, "new")
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("before Commit: %q %v", text, err)
	}
	if err := f.Commit(Summary{Rows: 1, SHA256: "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"}); err != nil {
		t.Fatal(err)
	}
	if err := f.Abort(); err != nil { // as a deferred one does
		t.Error(err)
	}
	for name, want := range map[string]string{
		path:                 "new",
		path + TrailerSuffix: "# rows: 1\n11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437  audit.csv\n",
	} {
		text, err := os.ReadFile(name)
		if err != nil || string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
		if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if got := folderOf(t, path); !slices.Equal(got, []string{"audit.csv", "audit.csv" + TrailerSuffix}) {
		t.Errorf("files: %q", got)
	}
}

func TestAbortLeavesWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.csv")
	f := writeReport(t, path, "half of it")
	for range 2 {
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
	}
	if got := folderOf(t, path); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

func TestReportThroughASymbolicLink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target.csv"), filepath.Join(folder, "link.csv")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Symlink("target.csv", link)); err != nil {
		t.Fatal(err)
	}
	if err := writeReport(t, link, "new").Commit(Summary{}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "new" {
		t.Errorf("%q %v", text, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v %v", info, err)
	}
}

func TestNamesThatCannotBeReports(t *testing.T) {
	var misuse *UsageError
	for _, path := range []string{"", t.TempDir(), "/dev/null"} {
		if _, err := Create(path); !errors.As(err, &misuse) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "missing", "a.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

// sha256sum reads the trailer whatever the report is called.
func TestTrailerOfOddNames(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT under -short: it needs sha256sum")
	}
	for _, name := range []string{"a.csv", "two words.csv", "back\\slash.csv", "line\nbreak.csv", "-c", "#.csv", "*.csv"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := writeReport(t, path, "").Commit(Summary{Rows: 7, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}); err != nil {
				t.Fatal(err)
			}
			check := exec.Command("sha256sum", "--check", "--strict", "--", name+TrailerSuffix)
			check.Dir = filepath.Dir(path)
			if out, err := check.CombinedOutput(); err != nil || !bytes.HasSuffix(out, []byte(": OK\n")) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
