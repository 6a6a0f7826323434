package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditship/auditship/exporter/esnode"
)

// asCommand makes this test binary the command that run starts: it asks the
// node it was given who it is and exits with 7 when that answers.
const asCommand = "AUDITSHIP_TEST_WITHNODE_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(askNode())
	}
	goleak.VerifyTestMain(m)
}

func askNode() int {
	node, err := esnode.Attach(os.Getenv(esnode.EnvURL), os.Getenv(esnode.EnvUsername),
		os.Getenv(esnode.EnvPassword), os.Getenv(esnode.EnvCAFile))
	if err != nil {
		return 1
	}
	if status, _, err := node.Do(context.Background(), http.MethodGet, "/", nil); err != nil || status != http.StatusOK {
		return 1
	}
	return 7
}

func TestCommandFindsTheNodeAndItsExitCodeIsOurs(t *testing.T) {
	t.Setenv(asCommand, "1")
	if code, err := run(t.Context(), []string{os.Args[0]}); code != 7 || err != nil {
		t.Errorf("exit code %d, error %v", code, err)
	}
}

func TestWithoutCommandNothingStarts(t *testing.T) {
	if code, err := run(t.Context(), nil); code != 2 || err == nil {
		t.Errorf("exit code %d, error %v", code, err)
	}
}

func TestMissingCommandIsNamed(t *testing.T) {
	if code, err := run(t.Context(), []string{"no-such-command"}); code != 1 || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("exit code %d, error %v", code, err)
	}
}
