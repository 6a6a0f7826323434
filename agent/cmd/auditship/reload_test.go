package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logged waits until the agent's log holds a text so many times.
func (tr *trail) logged(text string, times int) {
	tr.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		log, err := os.ReadFile(filepath.Join(tr.dir, "agent.log"))
		if !errors.Is(err, os.ErrNotExist) {
			tr.must(err)
		}
		if strings.Count(string(log), text) >= times {
			return
		}
		if time.Now().After(deadline) {
			tr.t.Fatalf("the log does not say %q %d times:\n%s", text, times, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A reload takes the new configuration without losing a record; one with a mistake
// keeps the old.
func TestReload(t *testing.T) {
	tr := newTrail(t)
	path := filepath.Join(tr.dir, "auditship.yml")
	good, err := os.ReadFile(path)
	tr.must(err)
	agent := tr.start()
	tr.logged(`"started"`, 1)
	tr.write(50)

	tr.must(os.WriteFile(path, append([]byte("gatewya: x\n"), good...), 0o600))
	tr.must(agent.Process.Signal(syscall.SIGHUP))
	tr.logged("the old one is kept", 1)
	tr.write(50)

	tr.must(os.WriteFile(path, append([]byte("tags: [reloaded]\n"), good...), 0o600))
	tr.must(agent.Process.Signal(syscall.SIGHUP))
	tr.logged(`"started"`, 2)
	tr.write(50)
	for deadline := time.Now().Add(30 * time.Second); tr.count() < tr.written; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d records", tr.count(), tr.written)
		}
	}
	tr.stop(agent)

	var answer struct{ Count int }
	tr.call("GET", "/"+tr.stream+"/_count?q=tags:reloaded", &answer)
	if answer.Count < 50 || answer.Count > 100 {
		t.Errorf("%d records were read under the new configuration", answer.Count)
	}
}
