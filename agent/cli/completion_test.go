package cli

import (
	"os/exec"
	"strings"
	"testing"
)

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := runMain("completion", shell)
		if got.code != exitDone || got.stderr != "" || !strings.Contains(got.stdout, "auditship") {
			t.Errorf("%s: exit code %d, %d bytes, %s", shell, got.code, len(got.stdout), got.stderr)
		}
	}
}

func TestBashAcceptsItsCompletion(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT under -short: it needs bash")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-n")
	cmd.Stdin = strings.NewReader(runMain("completion", "bash").stdout)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCompletionKnowsCommandsFlagsAndLevels(t *testing.T) {
	for want, args := range map[string][]string{
		"check":      {"__complete", "ch"},
		"--print":    {"__complete", "check", "--pr"},
		"debug":      {"__complete", "check", "--log-level", ""},
		"powershell": {"__complete", "completion", ""},
	} {
		if got := runMain(args...); got.code != exitDone || !strings.Contains(got.stdout, want) {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
