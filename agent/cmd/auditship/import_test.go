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
	"strings"
	"syscall"
	"testing"
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
// beside a running agent that has some of the records: each is there once.
func TestImportIsInterruptedAndGoesOn(t *testing.T) {
	tr := newTrail(t)
	tr.must(tr.configure(settings{es: ", bulk_size: 256KiB", more: "queue: {bytes: 1MiB}\n"})) // little is on its way
	const records = 20_000
	var text strings.Builder
	for i := range records {
		text.WriteString(record(i))
	}
	tr.written = records
	export := filepath.Join(tr.dir, "export.json")
	tr.must(os.WriteFile(export, []byte(text.String()), 0o600))
	tr.must(appendTo(tr.path("audit.json"), text.String()[:text.Len()/10])) // the agent's
	agent := tr.start()
	await := func(count int) {
		tr.until(fmt.Sprintf("%d records", count), func() bool { return tr.count() >= count })
	}
	await(1)

	first := tr.importing(export)
	tr.must(first.Start())
	await(5000)
	tr.must(first.Process.Signal(syscall.SIGINT))
	code, read, _, _ := first.end(t)
	if code != 1 || read == 0 || read >= records || !strings.Contains(first.stderr.String(), "interrupted; the same command goes on here") {
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
	tr.stop(agent)
	tr.holdsOnce()
}
