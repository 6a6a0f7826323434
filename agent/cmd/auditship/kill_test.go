package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

// trail is a gateway's audit file that grows and rotates, an agent process that is
// killed again and again, and the data stream it fills.
type trail struct {
	t       *testing.T
	node    *esnode.Node
	dir     string
	stream  string
	written int
	rotated int
	admin   *exporter.Client
	config  string
	http    string // address of the agent, "" for none
}

func newTrail(t *testing.T) *trail {
	tr := &trail{t: t, node: estest.Shared(t), dir: t.TempDir()}
	admin, err := exporter.New(exporter.Config{
		Addresses: []string{tr.node.URL}, CAFile: tr.node.CAFile, Username: tr.node.Username,
		Password: func() (string, error) { return tr.node.Password, nil },
	})
	tr.must(err)
	tr.must(mappings.Apply(t.Context(), admin, mappings.Options{}))
	namespace := estest.Namespace(t)
	tr.stream = mappings.StreamName(namespace)
	tr.must(tr.node.CreateUser(t.Context(), "agent-"+namespace, "correct horse", mappings.AgentRole))
	tr.must(os.Mkdir(filepath.Join(tr.dir, "audit"), 0o755))
	tr.admin = admin
	tr.config = fmt.Sprintf(`
inputs:
  - {type: file, id: files, paths: ["audit/*"], poll_interval: 50ms}
elasticsearch: {urls: [%q], ca_file: %q, namespace: %s, username: agent-%s, password: correct horse, flush_interval: 50ms}
state_dir: state
http: "off"
`, tr.node.URL, tr.node.CAFile, namespace, namespace)
	tr.must(os.WriteFile(filepath.Join(tr.dir, "auditship.yml"), []byte(tr.config), 0o600))
	return tr
}

func (tr *trail) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// write appends records, and rotates the file now and then.
func (tr *trail) write(n int) {
	tr.t.Helper()
	path := filepath.Join(tr.dir, "audit", "audit.json")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	tr.must(err)
	for range n {
		_, err := fmt.Fprintf(f, `{"id":"r-%d","event_time":%d,"event_type":"UpdateRoute","operator":{"username":"Ops"},"http_request":{"method":"PUT","uri":"/apisix/admin/routes/1"}}`+"\n", tr.written, time.Now().Unix())
		tr.must(err)
		tr.written++
	}
	tr.must(f.Close())
	if rand.IntN(6) == 0 {
		tr.rotated++
		tr.must(os.Rename(path, fmt.Sprintf("%s.%d", path, tr.rotated)))
	}
}

// start starts the agent; its log goes to the test's.
func (tr *trail) start() *exec.Cmd {
	tr.t.Helper()
	log, err := os.OpenFile(filepath.Join(tr.dir, "agent.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	tr.must(err)
	cmd := exec.Command(os.Args[0], "run", "-c", filepath.Join(tr.dir, "auditship.yml"))
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = log
	tr.must(cmd.Start())
	tr.must(log.Close())
	return cmd
}

func (tr *trail) call(method, path string, out any) {
	tr.t.Helper()
	status, answer, err := tr.node.Do(tr.t.Context(), method, path, nil)
	tr.must(err)
	if status >= 300 {
		tr.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if out != nil {
		tr.must(json.Unmarshal(answer, out))
	}
}

// rollOver rolls the stream over if it is there already.
func (tr *trail) rollOver() {
	status, _, err := tr.node.Do(tr.t.Context(), "POST", "/"+tr.stream+"/_rollover", nil)
	tr.must(err)
	if status >= 500 {
		tr.t.Fatalf("rollover: %d", status)
	}
}

// count is how many documents are there: none while the stream is just being made.
func (tr *trail) count() int {
	tr.call("POST", "/"+tr.stream+"/_refresh?ignore_unavailable=true", nil)
	status, text, err := tr.node.Do(tr.t.Context(), "GET", "/"+tr.stream+"/_count?ignore_unavailable=true", nil)
	tr.must(err)
	if status == http.StatusServiceUnavailable {
		return 0
	}
	var answer struct{ Count int }
	tr.must(json.Unmarshal(text, &answer))
	return answer.Count
}

// ids lists how often each record is in the stream, over all backing indices.
func (tr *trail) ids() map[string]int {
	var answer struct {
		Aggregations struct {
			IDs struct {
				Buckets []struct {
					Key   string `json:"key"`
					Count int    `json:"doc_count"`
				} `json:"buckets"`
			} `json:"ids"`
		} `json:"aggregations"`
	}
	status, text, err := tr.node.Do(tr.t.Context(), "POST", "/"+tr.stream+"/_search?size=0",
		[]byte(`{"aggs":{"ids":{"terms":{"field":"event.id","size":65536}}}}`))
	tr.must(err)
	if status >= 300 {
		tr.t.Fatalf("search: %d %s", status, text)
	}
	tr.must(json.Unmarshal(text, &answer))
	ids := map[string]int{}
	for _, b := range answer.Aggregations.IDs.Buckets {
		ids[b.Key] = b.Count
	}
	return ids
}

// R12, R17: killed with SIGKILL again and again while the file grows and rotates and
// the stream rolls over, the agent loses nothing and sends nothing twice.
func TestKilledAgain(t *testing.T) {
	tr := newTrail(t)
	for round := range 8 {
		cmd := tr.start()
		for range 10 {
			tr.write(100)
			time.Sleep(time.Duration(20+rand.IntN(120)) * time.Millisecond)
		}
		tr.must(cmd.Process.Kill())
		_ = cmd.Wait() // killed, it says
		if round%2 == 1 {
			tr.rollOver()
		}
	}
	last := tr.start()
	deadline := time.Now().Add(time.Minute)
	for tr.count() < tr.written {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(tr.dir, "agent.log"))
			t.Fatalf("%d of %d records after a minute\n%s", tr.count(), tr.written, log)
		}
		time.Sleep(100 * time.Millisecond)
	}
	tr.must(errors.Join(last.Process.Signal(syscall.SIGTERM), last.Wait()))
	ids := tr.ids()
	for i := range tr.written {
		if n := ids[fmt.Sprintf("r-%d", i)]; n != 1 {
			t.Errorf("record %d is there %d times", i, n)
		}
	}
	if len(ids) != tr.written {
		t.Errorf("%d records, %d written", len(ids), tr.written)
	}
}

func TestASecondAgentOnTheStateDirectoryIsRefused(t *testing.T) {
	tr := newTrail(t)
	first := tr.start()
	lock := filepath.Join(tr.dir, "state", "positions.log")
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := os.Stat(lock); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first agent did not start")
		}
		time.Sleep(20 * time.Millisecond)
	}
	second := tr.start()
	err := second.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the second agent ended with %v", err)
	}
	tr.must(errors.Join(first.Process.Signal(syscall.SIGTERM), first.Wait()))
}
