package find

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree makes files, each holding its own name, and returns their folder.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// found lists what a Finder finds, below dir, and checks that all of it opens as the
// file that it is.
func found(t *testing.T, f *Finder, dir string) string {
	t.Helper()
	files := look(t, f).Files
	var names []string
	for _, file := range files {
		name, err := filepath.Rel(dir, file.Path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		opened, info, err := f.Open(file.Path)
		if err != nil {
			t.Errorf("%s is found and not opened: %v", name, err)
			continue
		}
		if !os.SameFile(info, file.Info) {
			t.Errorf("%s is another file", name)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
	return strings.Join(names, " ")
}

func TestGlobs(t *testing.T) {
	dir := tree(t, "a.json", "b.json.1", "c.txt", "sub/d.json", "sub/deep/e.json", "other/f.json", "[x].json", "sp ace/g.json")
	for name, tt := range map[string]struct {
		paths, exclude []string
		want           string
	}{
		"in a folder":     {[]string{"*.json"}, nil, "[x].json a.json"},
		"one file":        {[]string{"a.json"}, nil, "a.json"},
		"escaped":         {[]string{`\[x\].json`}, nil, "[x].json"},
		"in each folder":  {[]string{"*/*.json"}, nil, "other/f.json sp ace/g.json sub/d.json"},
		"anywhere":        {[]string{"**/*.json"}, nil, "[x].json a.json other/f.json sp ace/g.json sub/d.json sub/deep/e.json"},
		"below":           {[]string{"sub/**"}, nil, "sub/d.json sub/deep/e.json"},
		"alternatives":    {[]string{"{a.json,sub/deep/*}"}, nil, "a.json sub/deep/e.json"},
		"twice the same":  {[]string{"*.json", "a.*"}, nil, "[x].json a.json"},
		"excluded":        {[]string{"**/*.json"}, []string{"sub/**", "[[]x].json"}, "a.json other/f.json sp ace/g.json"},
		"nothing":         {[]string{"*.csv"}, nil, ""},
		"no such folder":  {[]string{"missing/*.json"}, nil, ""},
		"folders are not": {[]string{"s*"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var c Config
			for _, p := range tt.paths {
				c.Paths = append(c.Paths, filepath.Join(dir, p))
			}
			for _, p := range tt.exclude {
				c.Exclude = append(c.Exclude, filepath.Join(dir, p))
			}
			f := New(c)
			if got := found(t, f, dir); got != tt.want {
				t.Errorf("%q, not %q", got, tt.want)
			}
			if all := look(t, f); len(all.Passed) > 0 || len(all.Failed) > 0 {
				t.Error(all.Passed, all.Failed)
			}
		})
	}
}

func TestRelativeGlobs(t *testing.T) {
	dir := tree(t, "a.json", "sub/b.json")
	t.Chdir(dir)
	for _, glob := range []string{"**/*.json", "./**/*.json"} {
		if got := found(t, New(Config{Paths: []string{glob}}), dir); got != "a.json sub/b.json" {
			t.Errorf("%s: %q", glob, got)
		}
	}
}

// A link in a folder that is read was put there by whoever may write to it. It leads
// nowhere unless that is wanted, and then to the named folders only.
func TestLinks(t *testing.T) {
	outside := tree(t, "shadow", "folder/log.json")
	dir := tree(t, "real/a.json", "pods/b.log")
	link(t, filepath.Join(outside, "shadow"), filepath.Join(dir, "real/secret.json"))
	link(t, "../pods/b.log", filepath.Join(dir, "real/b.json"))
	link(t, filepath.Join(outside, "folder"), filepath.Join(dir, "led"))
	link(t, "missing", filepath.Join(dir, "real/dangling.json"))
	link(t, dir, filepath.Join(dir, "real/loop"))
	base := filepath.Join(t.TempDir(), "base")
	link(t, dir, base)
	for name, tt := range map[string]struct {
		glob, from string
		follow     bool
		roots      []string
		want       string
		refused    string
	}{
		"not followed":           {glob: "real/*.json", from: dir, want: "real/a.json", refused: "real/b.json real/dangling.json real/secret.json"},
		"the own folder is":      {glob: "real/a.json", from: base, want: "real/a.json"},
		"a folder is not":        {glob: "*/*.json", from: dir, want: "real/a.json", refused: "led real/b.json real/dangling.json real/secret.json"},
		"** neither":             {glob: "**/*.json", from: dir, want: "real/a.json", refused: "real/b.json real/dangling.json real/secret.json"},
		"followed in its folder": {glob: "real/*.json", from: dir, follow: true, want: "real/a.json"},
		"in a named one":         {glob: "real/*.json", from: dir, follow: true, roots: []string{dir}, want: "real/a.json real/b.json"},
		"in two":                 {glob: "*/*.json", from: dir, follow: true, roots: []string{dir, filepath.Join(outside, "folder")}, want: "led/log.json real/a.json real/b.json"},
		"** follows no folder":   {glob: "**/*.json", from: dir, follow: true, roots: []string{dir, outside}, want: "real/a.json real/b.json real/secret.json"},
	} {
		t.Run(name, func(t *testing.T) {
			f := New(Config{Paths: []string{filepath.Join(tt.from, tt.glob)}, FollowSymlinks: tt.follow, Roots: tt.roots})
			all := look(t, f)
			var names []string
			for _, file := range all.Files {
				opened, _, err := f.Open(file.Path)
				var no *Refused
				if errors.As(err, &no) && tt.follow {
					continue // found, and led outside
				}
				if err != nil {
					t.Errorf("%s: %v", file.Path, err)
					continue
				}
				if err := opened.Close(); err != nil {
					t.Error(err)
				}
				name, _ := filepath.Rel(tt.from, file.Path)
				names = append(names, name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("opened %q, not %q", got, tt.want)
			}
			var not []string
			for _, no := range all.Passed {
				name, _ := filepath.Rel(tt.from, no.Path)
				not = append(not, name)
			}
			if got := strings.Join(not, " "); tt.refused != "" && got != tt.refused {
				t.Errorf("refused %q, not %q", got, tt.refused)
			}
		})
	}
}

// Pipes, devices and the kernel's own files are never opened, and nothing blocks.
func TestOnlyFilesAreOpened(t *testing.T) {
	dir := tree(t, "a.json")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := New(Config{Paths: []string{filepath.Join(dir, "*.json")}})
	if got := found(t, f, dir); got != "a.json" {
		t.Errorf("found %q", got)
	}
	if passed := look(t, f).Passed; len(passed) != 1 || !strings.Contains(passed[0].Error(), "pipe.json is not a regular file") {
		t.Error(passed)
	}
	for glob, path := range map[string]string{
		filepath.Join(dir, "*.json"): filepath.Join(dir, "pipe.json"),
		"/dev/*":                     "/dev/null",
		"/proc/self/*":               "/proc/self/environ",
		"/proc/version":              "/proc/version",
	} {
		f := New(Config{Paths: []string{glob}})
		var no *Refused
		if file, _, err := f.Open(path); !errors.As(err, &no) {
			t.Errorf("%s: %v, %v", path, file, err)
		}
	}
}

// What comes in a file's place between the look at it and its opening is seen, again
// and again: a link and a pipe take turns with the file while it is opened.
func TestExchangedWhileOpened(t *testing.T) {
	secret := tree(t, "shadow")
	dir := tree(t, "a.json", "sub/b.json")
	f := New(Config{Paths: []string{filepath.Join(dir, "**/*.json")}})
	stop, done := make(chan struct{}), make(chan error)
	exchange := func(name string, put func(path string) error) error {
		path := filepath.Join(dir, name)
		if err := os.Rename(path, path+".kept"); err != nil {
			return err
		}
		if err := put(path); err != nil {
			return err
		}
		return os.Rename(path+".kept", path)
	}
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err := exchange("a.json", func(path string) error {
				if i%2 == 0 {
					return syscall.Mkfifo(path, 0o600)
				}
				return os.Symlink(filepath.Join(secret, "shadow"), path)
			})
			if err == nil { // a folder cannot take the place of a link
				sub := filepath.Join(dir, "sub")
				err = errors.Join(os.Rename(sub, sub+".kept"), os.Symlink(secret, sub), os.Remove(sub), os.Rename(sub+".kept", sub))
			}
			if err != nil {
				done <- err
				return
			}
		}
	}()
	opened := 0
	for range 3000 {
		for _, name := range []string{"a.json", "sub/b.json", "sub/shadow"} {
			file, _, err := f.Open(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			opened++
			text, err := io.ReadAll(file)
			if err != nil || string(text) != name {
				t.Errorf("read %q for %s, %v", text, name, err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		}
		look(t, f)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("opened %d times of 6000", opened)
}

// A path from elsewhere is opened only if the globs match it.
func TestPathsFromElsewhere(t *testing.T) {
	dir := tree(t, "in/a.json", "out.json", "in/b.txt")
	f := New(Config{Paths: []string{filepath.Join(dir, "in/*.json")}, Exclude: []string{filepath.Join(dir, "in/x*")}})
	for path, want := range map[string]bool{
		filepath.Join(dir, "in/a.json"):   true,
		dir + "/in/../in/a.json":          false,
		dir + "/in/../out.json":           false,
		filepath.Join(dir, "out.json"):    false,
		filepath.Join(dir, "in/b.txt"):    false,
		filepath.Join(dir, "in/x.json"):   false,
		"/etc/shadow":                     false,
		"in/a.json":                       false,
		"":                                false,
		filepath.Join(dir, "in") + "\x00": false,
	} {
		file, _, err := f.Open(path)
		if (err == nil) != want {
			t.Errorf("%q: %v", path, err)
		}
		if err == nil {
			_ = file.Close() // read only
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, strings.Repeat("d/", maxDepth+3))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := look(t, New(Config{Paths: []string{filepath.Join(dir, "**/*.json")}}))
	if len(all.Files) != 3 || len(all.Failed) != 1 || !strings.Contains(all.Failed[0].Err.Error(), "use a narrower glob") {
		t.Errorf("%d files, %v", len(all.Files), all.Failed)
	}
}

func look(t testing.TB, f *Finder) Found {
	t.Helper()
	all, err := f.Look(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestGlobsThatMatchNothing(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"audit", "a.json", "b.json"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "audit", "1.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for glob, want := range map[string]string{
		"audit/*.log": "", "audit/*.json": "it matches no file", "nowhere/*.json": "there is no folder ",
		"audit": "it matches only folders; name the files in them", "*.json": "it matches only folders; name the files in them",
	} {
		all := look(t, New(Config{Paths: []string{filepath.Join(dir, glob)}}))
		if m := all.Globs[0]; !strings.Contains(m.Why, want) || (want == "") != (m.Files > 0) {
			t.Errorf("%s: %+v, want %q", glob, m, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Config{Paths: []string{filepath.Join(dir, "**")}}).Look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a look whose context ended: %v", err)
	}
}
