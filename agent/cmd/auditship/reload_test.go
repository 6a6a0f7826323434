package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/mappings"
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

// rewrite writes the configuration with something else in front.
func (tr *trail) rewrite(head string) {
	tr.t.Helper()
	tr.must(os.WriteFile(filepath.Join(tr.dir, "auditship.yml"), []byte(head+tr.config), 0o600))
}

// listen lets the agent answer on a free port.
func (tr *trail) listen() {
	tr.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	tr.must(err)
	tr.must(l.Close())
	tr.http = l.Addr().String()
	tr.config = strings.Replace(tr.config, `http: "off"`, fmt.Sprintf("http: %q", tr.http), 1)
	tr.rewrite("")
}

// reloadOK waits until the agent says whether its last reload succeeded.
func (tr *trail) reloadOK(want string) {
	tr.t.Helper()
	tr.until("config_reload_ok "+want, func() bool {
		res, err := http.Get("http://" + tr.http + "/metrics")
		if err != nil {
			return false // it is between two configurations
		}
		text, err := io.ReadAll(res.Body)
		tr.must(errors.Join(err, res.Body.Close()))
		return strings.Contains(string(text), "\nauditship_config_reload_ok "+want+"\n")
	})
}

func (tr *trail) until(what string, done func() bool) {
	tr.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(tr.dir, "agent.log"))
			tr.t.Fatalf("waited in vain for %s:\n%s", what, log)
		}
	}
}

// R25: a reload takes the new configuration without losing a record; one that does
// not work, by a mistake in it or because of what it asks for, keeps the old one.
func TestR25_Reload(t *testing.T) {
	tr := newTrail(t)
	tr.listen()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	tr.must(err)
	defer func() { _ = taken.Close() }() // it only had to be taken
	agent := tr.start()
	tr.logged(`"started"`, 1)
	tr.write(50)
	good := tr.config
	for kept, broken := range []func(){
		func() { tr.rewrite("gatewya: x\n") },
		func() { tr.rewrite("masking: {rules: [nowhere.yml]}\n") },
		func() { tr.config = strings.Replace(good, tr.node.CAFile, tr.dir+"/nowhere.crt", 1); tr.rewrite("") },
		func() { tr.config = strings.Replace(good, tr.http, taken.Addr().String(), 1); tr.rewrite("") },
	} {
		broken()
		tr.config = good
		tr.must(agent.Process.Signal(syscall.SIGHUP))
		tr.logged("the old one is kept", kept+1)
		tr.reloadOK("0")
		tr.write(50)
	}

	tr.rewrite("tags: [reloaded]\n")
	tr.must(agent.Process.Signal(syscall.SIGHUP))
	tr.reloadOK("1")
	tr.write(50)
	tr.until("every record", func() bool { return tr.count() == tr.written })
	tr.must(errors.Join(agent.Process.Signal(syscall.SIGTERM), agent.Wait()))

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
		made, err := mappings.CreateAgentKey(t.Context(), tr.admin, "agent")
		tr.must(err)
		tr.must(os.WriteFile(key, []byte(made.Encoded+"\n"), 0o600))
		return made
	}
	tr.config = regexp.MustCompile(`username: \S+, password: correct horse`).ReplaceAllString(tr.config, `api_key: "$${file:elasticsearch.key}"`)
	tr.rewrite("")
	old := rotate()
	agent := tr.start()
	tr.write(50)
	tr.until("the first records", func() bool { return tr.count() == 50 })
	tr.must(mappings.InvalidateKey(t.Context(), tr.admin, old))
	tr.write(50)
	tr.logged("unauthorized", 1)
	rotate()
	tr.until("the others", func() bool { return tr.count() == 100 })
	tr.must(errors.Join(agent.Process.Signal(syscall.SIGTERM), agent.Wait()))
}
