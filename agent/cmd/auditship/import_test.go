package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// importer is an import as a process.
type importer struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

func (tr *trail) importing(args ...string) *importer {
	tr.t.Helper()
	i := &importer{Cmd: exec.Command(os.Args[0], append([]string{"import", "-c", filepath.Join(tr.dir, "auditship.yml")}, args...)...)}
	i.Env = append(os.Environ(), asProgram+"=1")
	i.Stdout, i.Stderr = &i.stdout, &i.stderr
	return i
}

// end waits for the process and gives its exit code and the figures that it printed.
func (i *importer) end(t *testing.T) (code int, read, indexed, duplicate int) {
	t.Helper()
	var exit *exec.ExitError
	if err := i.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^read (\d+) records?: (\d+) indexed, (\d+) were there already, 0 rejected`).FindStringSubmatch(i.stdout.String())
	if m == nil {
		return i.ProcessState.ExitCode(), 0, 0, 0
	}
	numbers := make([]int, 3)
	for k := range numbers {
		numbers[k], _ = strconv.Atoi(m[k+1]) // digits, as the pattern says
	}
	return i.ProcessState.ExitCode(), numbers[0], numbers[1], numbers[2]
}

// Ctrl-C in the middle, then kill -9 in the middle, then to the end, then once more,
// beside a running agent that has the same records: each is there once.
func TestImportIsInterruptedAndGoesOn(t *testing.T) {
	tr := newTrail(t)
	const records = 60_000
	var text bytes.Buffer
	for i := range records {
		fmt.Fprintf(&text, `{"id":"r-%d","event_time":%d,"event_type":"UpdateRoute","operator":{"username":"Ops"},"http_request":{"method":"PUT","uri":"/apisix/admin/routes/1"}}`+"\n", i, 1772366400+i)
	}
	export := filepath.Join(tr.dir, "export.json")
	tr.must(os.WriteFile(export, text.Bytes(), 0o600))
	tr.must(os.WriteFile(filepath.Join(tr.dir, "audit", "audit.json"), text.Bytes()[:text.Len()/10], 0o600)) // the agent's
	agent := tr.start()

	await := func(count int) {
		deadline := time.Now().Add(time.Minute)
		for tr.count() < count {
			if time.Now().After(deadline) {
				t.Fatalf("%d records after a minute", tr.count())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	await(1)
	first := tr.importing(export)
	tr.must(first.Start())
	await(12_000)
	tr.must(first.Process.Signal(syscall.SIGINT))
	code, read, _, _ := first.end(t)
	if code != 1 || read == 0 || read >= records || !bytes.Contains(first.stderr.Bytes(), []byte("interrupted; the same command goes on here")) {
		t.Errorf("interrupted: exit code %d after %d records\n%s%s", code, read, &first.stdout, &first.stderr)
	}
	tr.call("POST", "/"+tr.stream+"/_rollover", nil)

	before := tr.count()
	second := tr.importing(export)
	tr.must(second.Start())
	await(before + 1)
	tr.must(second.Process.Kill())
	if code, _, _, _ := second.end(t); code == 0 {
		t.Error("it was killed too late")
	}

	third := tr.importing(export)
	tr.must(third.Start())
	code, rest, _, _ := third.end(t)
	if code != 0 || rest == 0 || rest > records-read {
		t.Errorf("to the end: exit code %d after %d records, of which %d were left\n%s%s", code, rest, records-read, &third.stdout, &third.stderr)
	}
	again := tr.importing(export)
	tr.must(again.Start())
	if code, read, indexed, duplicate := again.end(t); code != 0 || read != records || indexed != 0 || duplicate != records {
		t.Errorf("again: exit code %d, %d records, %d indexed, %d there already\n%s", code, read, indexed, duplicate, &again.stderr)
	}
	tr.must(errors.Join(agent.Process.Signal(syscall.SIGTERM), agent.Wait()))
	tr.written = records
	tr.holdsOnce()
}
