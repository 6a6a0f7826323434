package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/cli"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// asProgram makes the test binary be auditship.
const asProgram = "AUDITSHIP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "":
	case "with a failing stdin":
		os.Exit(cli.Main(os.Args[1:], &failing{os.Stdin}, os.Stdout, os.Stderr))
	default:
		main()
	}
	os.Exit(estest.Wrap(m).Run())
}

// failing is a stream that panics at its end, with what it read in the panic.
type failing struct{ io.Reader }

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil {
		panic("failed on " + string(p[:cap(p)]))
	}
	return n, nil
}

// The process ends with the exit code of its command, and prints where it
// should.
func TestProcess(t *testing.T) {
	for name, tt := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"done":    {[]string{"version"}, 0, "auditship ", ""},
		"misused": {[]string{"vresion"}, 2, "", `auditship: unknown command "vresion"`},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), os.Args[0], tt.args...)
			cmd.Env = append(os.Environ(), asProgram+"=1")
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // the exit code tells
			if cmd.ProcessState.ExitCode() != tt.code || !strings.HasPrefix(stdout.String(), tt.stdout) || !strings.HasPrefix(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d, stdout %q, stderr %q", cmd.ProcessState.ExitCode(), stdout.String(), stderr.String())
			}
		})
	}
}
