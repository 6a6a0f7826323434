package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the program as it is shipped, without the race detector, which needs
// several times the memory.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "auditship")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// startAs starts a program as the agent.
func (tr *trail) startAs(program string) *exec.Cmd {
	tr.t.Helper()
	cmd, err := tr.command("run")
	tr.must(err)
	cmd.Path = program
	tr.must(cmd.Start())
	tr.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended unless the test failed
	return cmd
}

// peak is the most memory that a running process had, in MiB.
func (tr *trail) peak(agent *exec.Cmd) int {
	tr.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent.Process.Pid))
	tr.must(err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	tr.must(err)
	return n >> 10
}

// R8: a record of 64 MiB under max_record 8MiB, between others: the process stays
// under 100 MiB, the record is a dead letter without its content, the next one is
// indexed.
func TestR8_MemoryStaysBounded(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address, input: ", max_record: 8MiB"}))
	tr.write(10_000)
	huge := `{"id":"huge","event_time":1795143845,"http_request":{"body":"` + strings.Repeat("canary ", 64<<20/7) + `"}}` + "\n"
	tr.must(appendTo(tr.path("audit.json"), huge))
	tr.write(10_000)
	agent := tr.startAs(program(t))
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	if peak := tr.peak(agent); peak >= 100 {
		t.Errorf("the process took %d MiB", peak)
	} else {
		t.Logf("the process took %d MiB", peak)
	}
	tr.stop(agent)
	letters, err := os.ReadFile(filepath.Join(tr.dir, "state", "dead-letter", "letters.ndjson"))
	tr.must(err)
	if !bytes.Contains(letters, []byte(`"too_large"`)) || bytes.Contains(letters, []byte("canary")) || len(letters) > 1000 {
		t.Errorf("the dead letter holds %.1000s", letters)
	}
	tr.holdsOnce()
}

// small makes a folder of the trail a file system of so many KiB.
func (tr *trail) small(name string, kib int) string {
	tr.t.Helper()
	if os.Geteuid() != 0 {
		tr.t.Skip("LEFT OUT: only root can mount a small file system")
	}
	dir := filepath.Join(tr.dir, name)
	tr.must(os.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk,mode=0700", kib)); err != nil {
		tr.t.Fatalf("mount a small file system: %v (a container needs CAP_SYS_ADMIN for it)", err)
	}
	tr.t.Cleanup(func() { tr.must(syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill leaves no room in a folder. It may be called again.
func (tr *trail) fill(dir string) (ballast string) {
	tr.t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.OpenFile(ballast, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	tr.must(err)
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		tr.must(err)
	}
	tr.must(f.Close())
	return ballast
}

// failsToStart checks that the agent ends soon, with exit code 1.
func (tr *trail) failsToStart() {
	tr.t.Helper()
	agent := tr.start()
	late := time.AfterFunc(30*time.Second, func() { _ = agent.Process.Kill() })
	defer late.Stop()
	err := agent.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		tr.t.Errorf("the agent ended with %v\n%s", err, tr.log())
	}
}

// R12: on a full disk nothing is lost and nothing is sent twice. Positions that
// cannot be saved and dead letters that cannot be written are told by health; what
// needs no disk goes on. With room again all is well, also after a kill.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address}))
	state := tr.small("state", 128)
	tr.write(100)
	agent := tr.start()
	tr.until("the first position", func() bool {
		out, err := tr.says("state")
		tr.must(err)
		return strings.Contains(out, tr.path("audit.json"))
	})

	ballast := tr.fill(state)
	// The rest of a block that the log has already may still take a position.
	tr.until("health to say that positions cannot be saved", func() bool {
		tr.write(10)
		out, _ := tr.says("health") // the exit code is 1 by then
		return strings.Contains(out, "state: positions cannot be saved")
	})
	tr.until("documents that come although the disk is full", func() bool { return tr.count() == tr.written })
	tr.must(appendTo(tr.path("audit.json"), `{"id":"no time"}`+"\n"))
	tr.isWaitingFor("dead-letter: cannot be written")
	tr.write(10)

	tr.kill(agent)
	tr.fill(state) // what the agent held open and unlinked is free now
	tr.failsToStart()
	if log := tr.log(); !strings.Contains(log, "no space left on device") || !strings.Contains(log, state) {
		t.Errorf("the log does not say what is full:\n%s", log)
	}

	tr.must(os.Remove(ballast))
	agent = tr.start()
	tr.until("all documents", func() bool { return tr.count() == tr.written })
	tr.until("health to say ready", func() bool {
		out, err := tr.says("health")
		return err == nil && out == "ready\n"
	})
	tr.stop(agent)
	if l := tr.lastLedger(); l.DeadLettered != 1 {
		t.Errorf("%+v, want one dead letter", l)
	}
	tr.holdsOnce()
}

// A disk that fills and has room again while the agent runs: it waits and goes on.
func TestDiskThatIsFullForAWhile(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address}))
	state := tr.small("state", 128)
	agent := tr.start()
	tr.write(10)
	tr.until("the first documents", func() bool { return tr.count() == tr.written })
	ballast := tr.fill(state)
	tr.must(appendTo(tr.path("audit.json"), `{"id":"no time"}`+"\n"))
	tr.write(10)
	tr.isWaitingFor("dead-letter: cannot be written")
	tr.must(os.Remove(ballast))
	tr.until("the second documents", func() bool { return tr.count() == tr.written })
	tr.stop(agent)
	if l := tr.lastLedger(); l.DeadLettered != 1 || l.Duplicate != 0 {
		t.Errorf("%+v, want one dead letter", l)
	}
	agent = tr.start()
	tr.write(1)
	tr.until("the last document", func() bool { return tr.count() == tr.written })
	tr.stop(agent)
	if l := tr.lastLedger(); l.Read != 1 {
		t.Errorf("%+v: the place was not kept", l)
	}
	tr.holdsOnce()
}

// With a state directory that cannot be written the agent does not start, and says
// which.
func TestReadOnlyState(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	state := tr.small("state", 128)
	tr.must(syscall.Mount("tmpfs", state, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	tr.write(1)
	tr.failsToStart()
	if log := tr.log(); !strings.Contains(log, "read-only file system") || !strings.Contains(log, state) {
		t.Errorf("the log does not say what cannot be written:\n%s", log)
	}
}

var manyFiles = flag.Int("many.files", 10_000, "how many files come and go in TestR10_ManyFilesComeAndGo")

// R10: files come and go by the thousand. The state stays below 5 MiB at all times,
// and a start takes hardly longer than one without any state.
func TestR10_ManyFilesComeAndGo(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	const each = 2000
	shipped := program(t)
	agent := tr.startAs(shipped)
	var largest int64
	for wave := range *manyFiles / each {
		for i := range each {
			tr.must(os.WriteFile(tr.path(fmt.Sprintf("%d-%d.json", wave, i)), []byte(record(tr.written)), 0o600))
			tr.written++
		}
		tr.until(fmt.Sprintf("wave %d", wave), func() bool { return tr.count() == tr.written })
		for i := range each {
			tr.must(os.Remove(tr.path(fmt.Sprintf("%d-%d.json", wave, i))))
		}
		info, err := os.Stat(filepath.Join(tr.dir, "state", "positions.log"))
		tr.must(err)
		largest = max(largest, info.Size())
	}
	if largest >= 5<<20 {
		t.Errorf("the positions took %d bytes", largest)
	}
	tr.kill(agent) // it had no time to forget the last files

	state, kept := filepath.Join(tr.dir, "state"), filepath.Join(tr.dir, "kept")
	tr.must(os.Rename(state, kept))
	address, err := freeAddress()
	tr.must(err)
	tr.must(tr.configure(settings{http: address}))
	empty, full := tr.fastestStart(shipped, address, ""), tr.fastestStart(shipped, address, kept)
	if full > 5*empty {
		t.Errorf("a start took %v, one without state %v", full, empty)
	}
	t.Logf("%d files: positions took %d bytes at most, a start %v, one without state %v", *manyFiles, largest, full, empty)
	tr.must(os.RemoveAll(state))
	tr.must(os.Rename(kept, state))
	agent = tr.startAs(shipped)
	tr.write(1)
	tr.until("the last document", func() bool { return tr.count() == tr.written })
	tr.stop(agent)
}

// fastestStart is the least of three times that an agent takes until it answers, each
// time with a copy of the state in a folder, "" for none.
func (tr *trail) fastestStart(program, address, kept string) time.Duration {
	tr.t.Helper()
	state := filepath.Join(tr.dir, "state")
	least := time.Hour
	for range 3 {
		tr.must(os.RemoveAll(state))
		if kept != "" {
			tr.must(os.CopyFS(state, os.DirFS(kept)))
			tr.must(os.Chmod(state, 0o700))
		}
		began := time.Now()
		agent := tr.startAs(program)
		for !tr.lives(address) {
			if time.Since(began) > patience {
				tr.t.Fatalf("the agent does not answer:\n%s", tr.log())
			}
			time.Sleep(time.Millisecond)
		}
		least = min(least, time.Since(began))
		tr.kill(agent)
	}
	return least
}

// lives reports whether an agent answers.
func (tr *trail) lives(address string) bool {
	res, err := http.Get("http://" + address + "/livez")
	if err != nil {
		return false
	}
	tr.must(res.Body.Close())
	return true
}
