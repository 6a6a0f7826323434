package esnode_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(orphanVariable); dir != "" {
		leaveOrphan(dir)
	}
	goleak.VerifyTestMain(estest.Wrap(m))
}

// caller asks a node as one of its users.
type caller struct {
	node   *esnode.Node
	apiKey string // empty for the superuser
}

func (c caller) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	if c.apiKey != "" {
		return c.node.DoAs(ctx, c.apiKey, method, path, body)
	}
	return c.node.Do(ctx, method, path, body)
}

// wants sends a request, fails the test unless the status is the wanted one,
// and decodes the answer into answer unless that is nil.
func (c caller) wants(t *testing.T, status int, method, path, body string, answer any) {
	t.Helper()
	got, content, err := c.do(t.Context(), method, path, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, content)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(content, answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, content)
	}
}

// refusal is the answer to a request that Elasticsearch refuses.
type refusal struct {
	Error struct{ Type, Reason string }
}

// isRefused sends a request and fails the test unless the answer has the
// wanted status and type of error.
func (c caller) isRefused(t *testing.T, status int, kind, method, path, body string) refusal {
	t.Helper()
	var got refusal
	c.wants(t, status, method, path, body, &got)
	if got.Error.Type != kind {
		t.Fatalf("%s %s: refused as %s, want %s: %s", method, path, got.Error.Type, kind, got.Error.Reason)
	}
	return got
}

func admin(t *testing.T) caller { return caller{node: estest.Shared(t)} }

// withKey returns a caller on the shared node whose API key has the privileges
// of one role descriptor.
func withKey(t *testing.T, role string) caller {
	t.Helper()
	node := estest.Shared(t)
	key, err := node.CreateAPIKey(t.Context(), t.Name(), []byte(`{"role":`+role+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return caller{node: node, apiKey: key}
}

const (
	get    = http.MethodGet
	put    = http.MethodPut
	post   = http.MethodPost
	remove = http.MethodDelete
	head   = http.MethodHead
)

// serverPID asks a node for the process id of its server.
func serverPID(ctx context.Context, node *esnode.Node) (int, error) {
	status, answer, err := node.Do(ctx, get, "/_nodes/process", nil)
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("status %d: %w", status, err)
	}
	var found struct {
		Nodes map[string]struct{ Process struct{ ID int } }
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return 0, err
	}
	for _, n := range found.Nodes {
		return n.Process.ID, nil
	}
	return 0, errors.New("no node")
}

// orphanVariable makes this test binary start a node in the folder it names,
// tell the process id of the server and wait to be killed.
const orphanVariable = "AUDITSHIP_TEST_ES_ORPHAN"

func leaveOrphan(dir string) {
	pid := 0
	node, err := esnode.Start(context.Background(), esnode.Options{Dir: dir})
	if err == nil {
		pid, err = serverPID(context.Background(), node)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(pid)
	select {}
}

// wantedVersion is that of the shared node.
func wantedVersion() string { return cmp.Or(os.Getenv(esnode.EnvVersion), esnode.DefaultVersion) }
