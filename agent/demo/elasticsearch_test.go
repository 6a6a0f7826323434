package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// asCommand makes this test binary the command that Elasticsearch runs: it asks
// the node it was given who it is and exits with 7 when that answers.
const asCommand = "AUDITSHIP_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(askNode())
	}
	estest.Main(m)
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
	estest.NeedsNode(t)
	t.Setenv(asCommand, "1")
	err := Elasticsearch(t.Context(), "", []string{os.Args[0]}, io.Discard, io.Discard)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("error %v", err)
	}
}

// Nobody waits for a node to learn of a typing mistake.
func TestMissingCommandIsNamedBeforeANodeStarts(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no java: a node could not start
	if err := Elasticsearch(t.Context(), "", []string{"no-such-command"}, io.Discard, io.Discard); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
