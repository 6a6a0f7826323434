package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A crash shows no secret and leaves no image of the memory: not in the traceback, which
// GOTRACEBACK=crash makes as long as it can be, nor in a core dump.
func TestACrashShowsNoSecret(t *testing.T) {
	const canary = "c4nary-s3cret-key"
	asked := make(chan struct{}, 100)
	es := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), canary) {
			t.Error("asked without the key")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	defer es.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"key": canary,
		"auditship.yml": fmt.Sprintf(`
inputs: [{type: file, id: files, paths: [%q]}]
elasticsearch: {urls: %q, api_key: "${file:key}"}
state_dir: state
http: off
`, dir+"/*.json", es.URL),
		"a.json": `{"id":"1","event_time":1772366400,"http_request":{"headers":{"Authorization":"Bearer ` + canary + `"}}}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}); err != nil {
		t.Log("core dumps are off for this test:", err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "-c", "auditship.yml")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1", "GOTRACEBACK=crash")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked: // it has the key in its memory
	case <-time.After(5 * time.Minute):
		t.Error("Elasticsearch was not asked")
	}
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was aborted
	state, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !state.Signaled() || state.CoreDump() {
		t.Errorf("ended with %v, core dumped: %v", cmd.ProcessState, state.CoreDump())
	}
	if text := out.String(); strings.Contains(text, canary) || !strings.Contains(text, "goroutine ") {
		t.Errorf("the traceback: %s", text)
	}
	if cores, err := filepath.Glob(filepath.Join(dir, "core*")); err != nil || len(cores) > 0 {
		t.Errorf("%v, %v", cores, err)
	}
}
