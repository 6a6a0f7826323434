package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// Root does not touch the state of another user's agent: not through links that were
// planted there, and not by leaving files that the agent may not open.
func TestStateOfAnotherUserIsNotTouched(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make files of another user")
	}
	const nobody = 65534
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	records := filepath.Join(t.TempDir(), "records.json")
	if err := os.WriteFile(records, []byte(`{"id":"1","event_time":1772366400}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// Import asks Elasticsearch first.
	es := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"cluster_name":"c","version":{"number":"9.2.0","build_flavor":"default"}}`) // a client that is gone sees it
	}))
	defer es.Close()
	for _, args := range [][]string{{"run"}, {"import", records}, {"replay", "--send"}} {
		t.Run(args[0], func(t *testing.T) {
			state := t.TempDir()
			letters := filepath.Join(state, "dead-letter")
			if err := os.Mkdir(letters, 0o700); err != nil {
				t.Fatal(err)
			}
			names := []string{"lock", "positions.log", "positions.log.new", "id_key", "id_key.new", "dead-letter/lock", "dead-letter/replay.lock", "dead-letter/letters.ndjson"}
			for _, name := range names {
				if err := os.Symlink(target, filepath.Join(state, name)); err != nil {
					t.Fatal(err)
				}
			}
			if args[0] == "replay" { // it looks first whether there is anything to do
				if err := os.Remove(filepath.Join(letters, "letters.ndjson")); err != nil {
					t.Fatal(err)
				}
				letter := `{"time":"2026-03-01T12:00:00Z","reason":"refused","_id":"AAAAAAAAAAAAAAAAAAAAAA","document":{}}` + "\n"
				if err := os.WriteFile(filepath.Join(letters, "letters.ndjson"), []byte(letter), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, dir := range []string{state, letters} {
				if err := os.Chown(dir, nobody, nobody); err != nil {
					t.Fatal(err)
				}
			}
			before := listing(t, state)
			cfg := writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: [%q]}]
elasticsearch: {urls: %q, api_key: c4nary}
state_dir: %q
http: off
`, records, es.URL, state))
			got := runMain(append(args, "-c", cfg)...)
			want(t, got, exitFailed, "belongs to the user nobody", "sudo -u nobody")
			if text, err := os.ReadFile(target); err != nil || string(text) != "precious" {
				t.Errorf("what the links lead to holds %q, %v", text, err)
			}
			if after := listing(t, state); !slices.Equal(after, before) {
				t.Errorf("%v became %v", before, after)
			}
		})
	}
}

// listing is what is in a folder and whose it is.
func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all = append(all, fmt.Sprint(path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A pipe among the files is neither waited for nor forgotten.
func TestPipesDoNotBlock(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: [%q]}]
elasticsearch: {urls: "https://127.0.0.1:1", api_key: c4nary}
state_dir: %q
`, dir+"/*.json", filepath.Join(dir, "state")))
	want(t, runMain("check", "--online", "-c", cfg), exitUnreachable, "pipe.json is not a regular file")
	want(t, runMain("import", pipe, "-c", cfg), exitMisused, "no regular file")
}
