package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/esnode/faultproxy"
)

// throughProxy configures the agent to reach the node through a proxy which does
// what choose says.
func (tr *trail) throughProxy(s settings, choose func(path string) faultproxy.Fault) {
	tr.t.Helper()
	proxy, err := faultproxy.Start(tr.node.URL, tr.node.CAFile, choose)
	tr.must(err)
	tr.t.Cleanup(func() { _ = proxy.Close() }) // nobody uses it any more
	s.url = proxy.URL
	tr.must(tr.configure(s))
}

// bulks makes a choice for bulk requests; everything else passes.
func bulks(fault faultproxy.Fault) func(string) faultproxy.Fault {
	return func(path string) faultproxy.Fault {
		if strings.HasSuffix(path, "/_bulk") {
			return fault
		}
		return faultproxy.None
	}
}

// Told to stop under load, the agent delivers what it read, keeps its place, and
// reads nothing a second time.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.throughProxy(settings{more: "queue: {bytes: 1MiB}"}, bulks(faultproxy.Slow))
	tr.write(20_000)
	agent := tr.start()
	tr.until("the first documents", func() bool { return tr.count() > 0 })
	tr.stop(agent)
	first := tr.lastLedger()
	if first.Read == 0 || first.Read == tr.written || first.Indexed != first.Read {
		t.Fatalf("the agent was not stopped under load: %+v", first)
	}
	tr.must(tr.configure(settings{}))
	agent = tr.start()
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	tr.stop(agent)
	if second := tr.lastLedger(); first.Read+second.Read != tr.written || second.Duplicate != 0 {
		t.Errorf("read %d, then %+v, of %d", first.Read, second, tr.written)
	}
	tr.holdsOnce()
}

// Told to stop while Elasticsearch takes nothing, the agent gives up after
// shutdown_timeout, in good order, and goes on from its place at the next start.
func TestStopWhileElasticsearchIsAway(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.write(100)
	agent := tr.start()
	tr.until("the first documents", func() bool { return tr.count() == 100 })
	tr.stop(agent)

	address, err := freeAddress()
	tr.must(err)
	tr.throughProxy(settings{http: address, more: "shutdown_timeout: 1s"}, bulks(faultproxy.Unavailable))
	tr.write(100)
	agent = tr.start()
	tr.until("the agent to wait", func() bool {
		return tr.metric(address, `auditship_records_in_flight{input="files"}`) == 100
	})
	tr.isWaitingFor("elasticsearch: ")
	began := time.Now()
	if err := errors.Join(agent.Process.Signal(syscall.SIGTERM), agent.Wait()); err != nil {
		t.Errorf("the agent ended with %v", err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it ended after %v, with a shutdown_timeout of 1s", took)
	}
	tr.must(tr.configure(settings{}))
	agent = tr.start()
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	tr.stop(agent)
	if l := tr.lastLedger(); l.Read != 100 || l.Indexed != 100 {
		t.Errorf("it did not go on from its place: %+v", l)
	}
	tr.holdsOnce()
}

// isWaitingFor waits until auditship health names a part and its reason.
func (tr *trail) isWaitingFor(what string) {
	tr.t.Helper()
	var said string
	tr.until("health to say "+what, func() bool {
		out, err := tr.says("health")
		var exit *exec.ExitError
		said = out
		return errors.As(err, &exit) && exit.ExitCode() == 1 && strings.HasPrefix(said, what)
	})
}

// A full dead letter stops the reading, health names it, and nothing is dropped:
// with more room everything arrives. What is kept on disk is its owner's alone.
func TestFullDeadLetterStopsReading(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address, more: "shutdown_timeout: 1s\ndead_letter: {max_size: 1MiB}"}))
	const bad = 40
	for i := range bad {
		tr.must(appendTo(tr.path("audit.json"), fmt.Sprintf(`{"id":"bad-%d","note":%q}`+"\n", i, strings.Repeat("x", 50<<10))))
		tr.write(10)
	}
	old := syscall.Umask(0)
	agent := tr.start()
	syscall.Umask(old)
	tr.isWaitingFor("dead-letter: is full")
	if n := tr.count(); n == tr.written {
		t.Errorf("all %d good records are there: reading did not stop", n)
	}
	tr.stop(agent)
	tr.must(tr.configure(settings{http: address}))
	agent = tr.start()
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	tr.until("health to say ready", func() bool {
		out, err := tr.says("health")
		return err == nil && out == "ready\n"
	})
	tr.stop(agent)
	tr.holdsOnce()
	letters, err := os.ReadFile(filepath.Join(tr.dir, "state", "dead-letter", "letters.ndjson"))
	tr.must(err)
	for i := range bad {
		if !strings.Contains(string(letters), fmt.Sprintf(`\"bad-%d\"`, i)) {
			t.Errorf("bad record %d is in no letter", i)
		}
	}
	tr.must(filepath.WalkDir(filepath.Join(tr.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

// auditship state shows each file and how far it was delivered.
func TestStateShowsThePlaces(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.write(10)
	agent := tr.start()
	tr.until("the documents", func() bool { return tr.count() == 10 })
	info, err := os.Stat(tr.path("audit.json"))
	tr.must(err)
	place := fmt.Sprintf("%s at byte %d", tr.path("audit.json"), info.Size())
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		out, err := tr.says("state")
		tr.must(err)
		if strings.Contains(out, place) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("auditship state says\n%s, want %s", out, place)
		}
	}
	tr.stop(agent)
}
