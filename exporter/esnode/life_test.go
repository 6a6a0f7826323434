package esnode_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestCertificateIsTrustedThroughItsAuthorityOnly(t *testing.T) {
	node := estest.Shared(t)
	admin(t).wants(t, http.StatusOK, get, "/", "", nil)

	stranger, err := esnode.Attach(node.URL, node.Username, node.Password, "")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = stranger.Do(t.Context(), get, "/", nil)
	if unknown := (x509.UnknownAuthorityError{}); !errors.As(err, &unknown) {
		t.Errorf("without the authority: %v", err)
	}
	plain, err := esnode.Attach(strings.Replace(node.URL, "https:", "http:", 1), node.Username, node.Password, "")
	if err != nil {
		t.Fatal(err)
	}
	if status, _, err := plain.Do(t.Context(), get, "/", nil); err == nil {
		t.Errorf("without TLS: status %d", status)
	}
	if _, err := esnode.Attach(node.URL, "", "", filepath.Join(t.TempDir(), "none.crt")); err == nil {
		t.Error("a missing file of the authority was accepted")
	}
}

func TestEnvironLetsAnotherProcessAttach(t *testing.T) {
	variables := map[string]string{}
	for _, line := range estest.Shared(t).Environ() {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	other, err := esnode.Attach(variables["AUDITSHIP_TEST_ES_URL"], variables["AUDITSHIP_TEST_ES_USERNAME"],
		variables["AUDITSHIP_TEST_ES_PASSWORD"], variables["AUDITSHIP_TEST_ES_CA_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	caller{node: other}.wants(t, http.StatusOK, get, "/", "", nil)
	for what, refused := range map[string]error{
		"Kill": other.Kill(), "Restart": other.Restart(t.Context()), "Pause": other.Pause(), "Continue": other.Continue(),
	} {
		if refused == nil {
			t.Errorf("%s of someone else's node was accepted", what)
		}
	}
	if err := other.Stop(); err != nil {
		t.Errorf("Stop of someone else's node: %v", err)
	}
	admin(t).wants(t, http.StatusOK, get, "/", "", nil)
}

// One node through all that can happen to it.
func TestNodeKeepsItsDataThroughRestartAndKillUntilItIsStopped(t *testing.T) {
	node := estest.Private(t, esnode.Options{})
	root := caller{node: node}
	before := node.URL
	root.wants(t, http.StatusOK, put, "/_ilm/policy/kept", goodPolicy, nil)
	key, err := node.CreateAPIKey(t.Context(), "kept", []byte(`{"role":{"cluster":["monitor"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	root.wants(t, http.StatusCreated, put, "/kept/_create/first", document, nil)

	if err := node.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	root.wants(t, http.StatusCreated, put, "/kept/_create/second", document, nil)
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := node.Do(t.Context(), get, "/", nil); err == nil {
		t.Error("a killed node answered")
	}
	if err := node.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if node.URL != before {
		t.Errorf("the address changed from %s to %s", before, node.URL)
	}
	for _, path := range []string{"/kept/_doc/first", "/kept/_doc/second", "/_ilm/policy/kept"} {
		root.wants(t, http.StatusOK, get, path, "", nil)
	}
	caller{node: node, apiKey: key}.wants(t, http.StatusOK, get, "/", "", nil)

	pauseAndContinue(t, node)
	stopForGood(t, node)
}

func pauseAndContinue(t *testing.T, node *esnode.Node) {
	t.Helper()
	if err := node.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if status, _, err := node.Do(short, get, "/", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused node answered with status %d, error %v", status, err)
	}
	if err := node.Continue(); err != nil {
		t.Fatal(err)
	}
	caller{node: node}.wants(t, http.StatusOK, get, "/", "", nil)
}

func stopForGood(t *testing.T, node *esnode.Node) {
	t.Helper()
	dir := filepath.Dir(filepath.Dir(node.CAFile))
	if err := node.Pause(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a paused node stops, and a stopped one stays so
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is still there: %v", dir, err)
	}
	address, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	if connection, err := net.Dial("tcp", address.Host); err == nil {
		t.Errorf("%s still listens: %v", address.Host, connection.Close())
	}
}

func TestOptionsAreObeyed(t *testing.T) {
	dir := openFolder(t)
	opts := esnode.Options{Dir: dir, Plain: true, Settings: map[string]string{"cluster.name": "renamed", "node.attr.zone": "a b"}}
	first := estest.Private(t, opts)
	if !strings.HasPrefix(first.URL, "http://127.0.0.1:") || first.CAFile != "" {
		t.Errorf("a plain node has URL %s and CAFile %q", first.URL, first.CAFile)
	}
	caller{node: first}.wants(t, http.StatusCreated, put, "/kept/_create/first", document, nil)
	var main struct {
		Name string `json:"cluster_name"`
	}
	caller{node: first}.wants(t, http.StatusOK, get, "/", "", &main)
	if main.Name != "renamed" {
		t.Errorf("cluster.name is %q", main.Name)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}

	var log strings.Builder
	opts.Log = &log
	second := estest.Private(t, opts)
	caller{node: second}.wants(t, http.StatusOK, get, "/kept/_doc/first", "", nil)
	if second.Password == first.Password {
		t.Error("the second start kept the password")
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "started") {
		t.Errorf("the log holds %d bytes and no start", log.Len())
	}
}

func TestNodeThatCannotStartTellsWhy(t *testing.T) {
	estest.NeedsNode(t)
	temporary := openFolder(t)
	t.Setenv("TMPDIR", temporary)
	for what, c := range map[string]struct {
		opts   esnode.Options
		reason string
	}{
		"unknown setting":     {esnode.Options{Settings: map[string]string{"no.such.setting": "1"}}, "unknown setting [no.such.setting]"},
		"unpinned version":    {esnode.Options{Version: "1.2.3"}, "1.2.3"},
		"folder that is none": {esnode.Options{Dir: filepath.Join(os.DevNull, "data")}, os.DevNull},
	} {
		t.Run(what, func(t *testing.T) {
			node, err := esnode.Start(t.Context(), c.opts)
			if err == nil {
				t.Fatalf("it started at %s: %v", node.URL, node.Stop())
			}
			if !strings.Contains(err.Error(), c.reason) {
				t.Errorf("the error lacks %q: %v", c.reason, err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if node, err := esnode.Start(ctx, esnode.Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("node %v, error %v", node, err)
		}
	})
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("failed starts left %v (%v)", left, err)
	}
}

// openFolder returns a folder for a node. It is not t.TempDir, which the
// unprivileged user of a node started by root cannot enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "auditship-es-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
