package estest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/auditship/auditship/exporter/esnode"
)

// shared is the node of this test process; the only state that outlives a
// test, because starting a node takes seconds.
var shared struct {
	sync.Mutex
	node *esnode.Node
	err  error
}

// Shared returns the node all tests share. It is never stopped, paused or
// restarted by a test, and nothing on it but what the test made is the test's
// to change.
func Shared(tb testing.TB) *esnode.Node {
	tb.Helper()
	NeedsNode(tb)
	shared.Lock()
	defer shared.Unlock()
	if shared.node == nil && shared.err == nil {
		// Not the context of the test: the node outlives it.
		shared.node, shared.err = attachOrStart(context.Background())
	}
	if shared.err != nil {
		tb.Fatalf("shared Elasticsearch: %v", shared.err)
	}
	return shared.node
}

func attachOrStart(ctx context.Context) (*esnode.Node, error) {
	if url := os.Getenv(esnode.EnvURL); url != "" {
		return esnode.Attach(url, os.Getenv(esnode.EnvUsername), os.Getenv(esnode.EnvPassword), os.Getenv(esnode.EnvCAFile))
	}
	return esnode.Start(ctx, esnode.Options{})
}

// Private starts a node for this test alone and stops it when the test ends.
func Private(tb testing.TB, opts esnode.Options) *esnode.Node {
	tb.Helper()
	NeedsNode(tb)
	node, err := esnode.Start(tb.Context(), opts)
	if err != nil {
		tb.Fatalf("private Elasticsearch: %v", err)
	}
	tb.Cleanup(func() {
		if err := node.Stop(); err != nil {
			tb.Errorf("stop private Elasticsearch: %v", err)
		}
	})
	return node
}

// NeedsNode leaves a test out under go test -short, which is to pass where there
// is Go and nothing else. Shared and Private call it themselves.
func NeedsNode(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("LEFT OUT under -short: it needs an Elasticsearch, and so a JDK and Maven")
	}
}

// Namespace returns a data stream namespace that no other test has: lower-case
// letters and digits, so that it also serves as part of the name of a
// template, policy, role or user.
func Namespace(tb testing.TB) string {
	tb.Helper()
	return "t" + strings.ToLower(rand.Text())
}

// Runner is what testing.M and goleak agree on.
type Runner interface{ Run() int }

// Main runs the tests of a package, stops what Shared started and exits.
func Main(m *testing.M) { os.Exit(Wrap(m).Run()) }

// Wrap returns a Runner that runs the tests and then stops what Shared
// started.
func Wrap(m Runner) Runner { return stopAfter{m} }

type stopAfter struct{ tests Runner }

func (s stopAfter) Run() int {
	code := s.tests.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.node == nil {
		return code
	}
	if err := shared.node.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop shared Elasticsearch: %v\n", err)
		return max(code, 1)
	}
	shared.node = nil
	return code
}
