package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/mappings"
)

// logged waits until the agent's log holds a text so many times.
func (tr *trail) logged(text string, times int) {
	tr.t.Helper()
	for deadline := time.Now().Add(patience); ; {
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

// reloadOK waits until the agent says whether its last reload succeeded.
func (tr *trail) reloadOK(address string, want float64) {
	tr.t.Helper()
	tr.until(fmt.Sprintf("config_reload_ok %v", want), func() bool {
		return tr.metric(address, "auditship_config_reload_ok") == want
	})
}

// R25: a reload takes the new configuration without losing a record; one that does
// not work, by a mistake in it or because of what it asks for, keeps the old one.
func TestR25_Reload(t *testing.T) {
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	good := settings{http: address}
	tr.must(tr.configure(good))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	tr.must(err)
	defer func() { _ = taken.Close() }() // it only had to be taken
	agent := tr.start()
	tr.logged(`"started"`, 1)
	tr.write(50)
	for kept, broken := range []settings{
		{http: address, more: "gatewya: x"},
		{http: address, more: "masking: {rules: [nowhere.yml]}"},
		{http: address, ca: filepath.Join(tr.dir, "nowhere.crt")},
		{http: taken.Addr().String()},
	} {
		tr.must(tr.configure(broken))
		tr.must(agent.Process.Signal(syscall.SIGHUP))
		tr.logged("the old one is kept", kept+1)
		tr.reloadOK(address, 0)
		tr.write(50)
	}

	good.more = "tags: [reloaded]"
	tr.must(tr.configure(good))
	tr.must(agent.Process.Signal(syscall.SIGHUP))
	tr.reloadOK(address, 1)
	tr.write(50)
	tr.until("every record", func() bool { return tr.count() == tr.written })
	tr.stop(agent)

	var answer struct{ Count int }
	tr.call("GET", "/"+tr.stream+"/_count?q=tags:reloaded", &answer)
	if answer.Count < 50 || answer.Count >= tr.written {
		t.Errorf("%d records were read under the new configuration", answer.Count)
	}
}

// R25: a key is rotated under the running agent, and the old one invalidated.
func TestR25_RotatedKey(t *testing.T) {
	tr := newTrail(t)
	key := filepath.Join(tr.dir, "elasticsearch.key")
	rotate := func() mappings.Key {
		made, err := mappings.CreateAgentKey(t.Context(), tr.admin, "agent", 0)
		tr.must(err)
		tr.must(os.WriteFile(key, []byte(made.Encoded+"\n"), 0o600))
		return made
	}
	tr.must(tr.configure(settings{login: `api_key: "${file:elasticsearch.key}"`}))
	old := rotate()
	agent := tr.start()
	tr.write(50)
	tr.until("the first records", func() bool { return tr.count() == 50 })
	tr.must(mappings.InvalidateKey(t.Context(), tr.admin, old))
	tr.write(50)
	tr.logged("unauthorized", 1)
	rotate()
	tr.until("the others", func() bool { return tr.count() == 100 })
	tr.stop(agent)
}
