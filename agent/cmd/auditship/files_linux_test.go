package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// configureWith is configure with other inputs.
func (tr *trail) configureWith(s settings, inputs string) {
	tr.t.Helper()
	tr.must(tr.configure(s))
	path := filepath.Join(tr.dir, "auditship.yml")
	text, err := os.ReadFile(path)
	tr.must(err)
	before, rest, _ := strings.Cut(string(text), "inputs:\n")
	_, after, ok := strings.Cut(rest, "\n")
	if !ok {
		tr.t.Fatal("no inputs in the configuration")
	}
	tr.must(os.WriteFile(path, []byte(before+"inputs:\n"+inputs+"\n"+after), 0o600))
}

// readiness is the status and the text of /readyz.
func (tr *trail) readiness(address string) (status int, text string) {
	res, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }() // it is read
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	tr.must(err)
	return res.StatusCode, b.String()
}

// letters is the text of the dead letters.
func (tr *trail) letters() string {
	tr.t.Helper()
	var all strings.Builder
	paths, err := filepath.Glob(filepath.Join(tr.dir, "state", "dead-letter", "*.ndjson"))
	tr.must(err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		tr.must(err)
		all.Write(text)
	}
	return all.String()
}

// Under a limit of 256 descriptors 400 files are read whole, and neither Elasticsearch
// nor the agent's own address lacks one.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address}))
	const files = 400
	for n := range files {
		tr.must(appendTo(tr.path(fmt.Sprintf("%d.json", n)), record(n)))
	}
	cmd, err := tr.command("run")
	tr.must(err)
	limited := exec.Command("sh", append([]string{"-c", `ulimit -n 256 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)...)
	limited.Env, limited.Stderr = cmd.Env, cmd.Stderr
	tr.must(limited.Start())
	t.Cleanup(func() { _ = limited.Process.Kill() }) // it has ended unless the test failed
	tr.until("all documents", func() bool { return tr.count() == files })
	for n := range files { // all grow, and are closed meanwhile
		tr.must(appendTo(tr.path(fmt.Sprintf("%d.json", n)), record(files+n)))
	}
	tr.until("all documents", func() bool { return tr.count() == 2*files })
	tr.until("readiness", func() bool { status, _ := tr.readiness(address); return status == http.StatusOK })
	if log := tr.log(); strings.Contains(log, "too many open files") || strings.Contains(log, "unreachable") {
		t.Errorf("the log says\n%s", log)
	}
	tr.stop(limited)
}

// What of the configured paths is not read is named by check, in /readyz, by a metric,
// in the state and on the log; what can be read is.
func TestWhatIsNotReadIsNamed(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.configureWith(settings{http: address},
		`  - {type: file, id: files, paths: ["audit/*", "nowhere/*.json", "fold*"], poll_interval: 50ms, scan_interval: 200ms}`)
	tr.write(10)
	tr.must(os.Mkdir(filepath.Join(tr.dir, "folder"), 0o700))
	tr.must(syscall.Mkfifo(tr.path("pipe.json"), 0o600))
	tr.must(os.WriteFile(tr.path("old.zip"), append([]byte("PK\x03\x04"), bytes.Repeat([]byte{1, 200}, 4<<20)...), 0o600))
	named := []string{"nowhere", "matches only folders", "pipe.json is not a regular file", "old.zip is set aside: it is a zip archive"}

	if said, err := tr.says("check", "--online"); err != nil {
		t.Error(err)
	} else {
		for _, what := range named[:3] {
			if !strings.Contains(said, what) {
				t.Errorf("check does not name %q:\n%s", what, said)
			}
		}
	}
	agent := tr.start()
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	tr.until("what is owed", func() bool {
		status, text := tr.readiness(address)
		for _, what := range named {
			if !strings.Contains(text, what) {
				return false
			}
		}
		return status == http.StatusServiceUnavailable
	})
	for kind, want := range map[string]float64{"set_aside": 1, "unreadable": 1, "no_match": 2} {
		if got := tr.metric(address, fmt.Sprintf(`auditship_owed{input="files",kind=%q}`, kind)); got != want {
			t.Errorf("owed of kind %s: %v, want %v", kind, got, want)
		}
	}
	if letters := tr.letters(); strings.Count(letters, "\n") != 1 || !strings.Contains(letters, `"not_text"`) {
		t.Errorf("dead letters: %.500s", letters)
	}
	if n := strings.Count(tr.log(), "old.zip is set aside"); n != 1 {
		t.Errorf("the log says %d times that a file is set aside", n)
	}
	tr.until("the saved debts", func() bool {
		said, err := tr.says("state")
		return err == nil && strings.Contains(said, "old.zip is set aside")
	})
	for _, path := range []string{tr.path("pipe.json"), tr.path("old.zip")} {
		tr.must(os.Remove(path))
	}
	tr.must(os.Mkdir(filepath.Join(tr.dir, "nowhere"), 0o700))
	tr.must(appendTo(filepath.Join(tr.dir, "nowhere", "a.json"), record(10)))
	tr.must(appendTo(filepath.Join(tr.dir, "fold.json"), record(11)))
	tr.until("readiness", func() bool { status, _ := tr.readiness(address); return status == http.StatusOK })
	tr.until("all documents", func() bool { return tr.count() == tr.written+2 })
	tr.stop(agent)
}

// One record of many is cut, in layouts that no line break and brace alone gives away.
func TestOneCutRecordOfMany(t *testing.T) {
	t.Parallel()
	const n, bad = 2000, 100
	line := func(i int) string { return strings.TrimSuffix(record(i), "\n") }
	for name, l := range map[string][2]string{
		"RS": {"\x1e", "\n"}, "byte order mark": {"\xef\xbb\xbf", "\n"}, "CR": {"\r", "\n"}, "white space": {"  ", "\n"},
		"comma first": {"\n,", ""}, "array a line": {"[", "]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrail(t)
			tr.must(tr.configure(settings{}))
			var text strings.Builder
			if name == "comma first" {
				text.WriteString("[")
			}
			for i := range n {
				one := line(i)
				if i == bad {
					one = one[:70]
				}
				text.WriteString(l[0] + one + l[1])
			}
			tr.must(appendTo(tr.path("audit.json"), text.String()))
			agent := tr.start()
			tr.until("all documents", func() bool { return tr.count() == n-1 })
			tr.stop(agent)
			if letters := tr.letters(); strings.Count(letters, "\n") != 1 || !strings.Contains(letters, `"broken_json"`) {
				t.Errorf("dead letters: %.1000s", letters)
			}
		})
	}
}

// An input whose records are all rejected fills its share of the dead letter and waits;
// the other one goes on.
func TestAFullShareStopsNoOtherInput(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.configureWith(settings{http: address, more: "dead_letter: {max_size: 4MiB}"}, `  - {type: file, id: bad, paths: ["bad/*"], poll_interval: 50ms}
  - {type: file, id: files, paths: ["audit/*"], poll_interval: 50ms}`)
	tr.must(os.Mkdir(filepath.Join(tr.dir, "bad"), 0o700))
	for f := range 3 {
		var text strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&text, `{"id":"bad-%d-%d","note":%q}`+"\n", f, i, strings.Repeat("no time ", 200))
		}
		tr.must(appendTo(filepath.Join(tr.dir, "bad", fmt.Sprintf("%d.json", f)), text.String()))
	}
	agent := tr.start()
	tr.until("a full share", func() bool {
		_, text := tr.readiness(address)
		return strings.Contains(text, "have filled its share of ")
	})
	tr.write(500)
	tr.until("the documents of the other input", func() bool { return tr.count() == tr.written })
	if _, text := tr.readiness(address); strings.Contains(text, `"part":"dead-letter"`) {
		t.Errorf("the whole dead letter is full: %s", text)
	}
	tr.stop(agent)
}
