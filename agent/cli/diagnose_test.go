package cli

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/deadletter"
)

// unpack reads an archive.
func unpack(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Base(header.Name)] = string(text)
	}
}

// Secrets stand wherever an agent has some; none is in the bundle, and what helps is.
func TestDiagnoseShowsNoSecret(t *testing.T) {
	folder := t.TempDir()
	state := filepath.Join(folder, "state")
	store, err := checkpoint.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Key(); err != nil {
		t.Fatal(err)
	}
	if err := store.Save(checkpoint.Entry{Stream: event.Stream{Input: "files", Name: "a"}, Position: []byte(`{"path":"/var/log/a.json","offset":42,"head":"x"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	letters, err := deadletter.Open(filepath.Join(state, "dead-letter"), deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := letters.Append(t.Context(), deadletter.Letter{Reason: "no_time", Input: "files", Record: `{"who":"c4nary-record"}`}); err != nil {
		t.Fatal(err)
	}
	if err := letters.Close(); err != nil {
		t.Fatal(err)
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "this is %s\n", r.URL.Path) // the client may be gone
	}))
	defer agent.Close()
	t.Setenv("CANARY", "c4nary-environment")
	key := filepath.Join(folder, "key")
	if err := os.WriteFile(key, []byte("c4nary-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := writeConfig(t, fmt.Sprintf(`
inputs:
  - {type: file, id: files, paths: /var/log/*.json}
  - {type: api, id: dashboard, url: "http://127.0.0.1:1", api_key: "${file:%s}", proxy: "http://u:c4nary-proxy@127.0.0.1:1"}
elasticsearch: {urls: "http://127.0.0.1:1", username: u, password: c4nary-literal}
kibana: {url: "http://127.0.0.1:1", api_key: "${CANARY}"}
state_dir: %q
http: %q
`, key, state, strings.TrimPrefix(agent.URL, "http://")))
	archive := filepath.Join(folder, "bundle.tar.gz")
	want(t, runMain("diagnose", "-c", cfg, "-o", archive), exitDone, "look through it before you send it")
	files := unpack(t, archive)
	for name, has := range map[string]string{
		"README": "auditship.yml", "version": "auditship ", "auditship.yml": "password: '***'", "check": "FAILED Elasticsearch",
		"readyz.json": "this is /readyz", "metrics": "this is /metrics", "state": "/var/log/a.json", "dead-letters": "1  no_time", "log": "",
	} {
		if text, ok := files[name]; !ok || !strings.Contains(text, has) {
			t.Errorf("%s: %q", name, text)
		}
	}
	for name, text := range files {
		if strings.Contains(text, "c4nary") {
			t.Errorf("%s shows a secret:\n%s", name, text)
		}
	}
	if info, err := os.Stat(archive); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	want(t, runMain("diagnose", "-c", cfg, "-o", archive), exitMisused, "file exists")
}
