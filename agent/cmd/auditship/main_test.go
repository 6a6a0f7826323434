package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/esnode/estest"
)

// asProgram makes the test binary be auditship.
const asProgram = "AUDITSHIP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(estest.Wrap(m).Run())
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
