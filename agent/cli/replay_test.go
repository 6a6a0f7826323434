package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

// replayConfig is an agent's configuration with a state directory of its own.
func replayConfig(t *testing.T, elasticsearch string) (path, letters string) {
	t.Helper()
	dir := t.TempDir()
	return writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: "%s/audit/*"}]
elasticsearch: %s
state_dir: %[1]s/state
`, dir, elasticsearch)), filepath.Join(dir, "state", "dead-letter")
}

// liveAgent is that of an agent with the shipped role on the real node.
func liveAgent(t *testing.T) (elasticsearch, stream string) {
	t.Helper()
	node, namespace := estest.Shared(t), estest.Namespace(t)
	admin, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := mappings.Apply(t.Context(), admin, mappings.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateUser(t.Context(), "agent-"+namespace, "agent-c4nary", mappings.AgentRole); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("{urls: %q, ca_file: %q, username: agent-%s, password: agent-c4nary, namespace: %[3]s}", node.URL, node.CAFile, namespace),
		mappings.StreamName(namespace)
}

// letter is a dead letter with a document.
func letter(id, document string) deadletter.Letter {
	return deadletter.Letter{
		Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Reason: "refused",
		Error: &deadletter.Error{Status: 400, Type: "document_parsing_exception", Field: "n"},
		Input: "files", Offset: 7, Length: 9, ID: id, Document: json.RawMessage(document),
	}
}

func bury(t *testing.T, box *deadletter.Box, err error, letters ...deadletter.Letter) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Append(t.Context(), letters...); err != nil {
		t.Fatal(err)
	}
}

func TestReplay(t *testing.T) {
	elasticsearch, stream := liveAgent(t)
	cfg, dir := replayConfig(t, elasticsearch)

	want(t, runMain("replay", "-c", cfg), exitDone, "no dead letters in "+dir)
	want(t, runMain("replay", "-c", cfg, "--send"), exitDone, "no dead letters")
	if _, err := os.Stat(dir); err == nil {
		t.Error("looking made the folder")
	}

	box, err := deadletter.Open(dir, deadletter.Options{})
	bury(t, box, err,
		letter("aaaaaaaaaaaaaaaaaaaaaa", `{"@timestamp":"2026-03-01T12:00:00Z","event":{"id":"1"}}`),
		letter("bbbbbbbbbbbbbbbbbbbbbb", `{"@timestamp":"never"}`),
		letter("too-short", `{"@timestamp":"2026-03-01T12:00:00Z"}`),
		deadletter.Letter{Reason: "broken_json", Input: "files", Record: "{c4nary"})
	list := runMain("replay", "-c", cfg)
	want(t, list, exitDone, "REASON", "refused", "document_parsing_exception", "broken_json", "2026-03-01T12:00:00Z")
	if strings.Contains(list.stdout+list.stderr, "c4nary") {
		t.Errorf("the list quotes a record:\n%s", list.stdout)
	}

	want(t, runMain("replay", "-c", cfg, "--send"), exitFailed,
		"sent 3 of 4 letters: 1 indexed, 0 were there already, 2 refused; 3 letters stay", "refused again")
	node := estest.Shared(t)
	if status, answer, err := node.Do(t.Context(), http.MethodPost, "/"+stream+"/_refresh", nil); err != nil || status != http.StatusOK {
		t.Fatalf("refresh: %d %s %v", status, answer, err)
	}
	status, answer, err := node.Do(t.Context(), http.MethodGet, "/"+stream+"/_count", nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(answer), `"count":1,`) {
		t.Errorf("one document should be there: %d %s %v", status, answer, err)
	}
}

func TestReplayOfAFileAddsNothingTwice(t *testing.T) {
	elasticsearch, stream := liveAgent(t)
	cfg, _ := replayConfig(t, elasticsearch)
	path := filepath.Join(t.TempDir(), "rejects.ndjson")
	for _, outcome := range []string{"1 indexed, 0 were there already", "0 indexed, 1 were there already"} {
		box, err := deadletter.OpenFile(path, deadletter.Options{})
		bury(t, box, err, letter("aaaaaaaaaaaaaaaaaaaaaa", `{"@timestamp":"2026-03-01T12:00:00Z"}`))
		want(t, runMain("replay", "-c", cfg, "--dead-letter", path), exitDone, "refused")
		want(t, runMain("replay", "-c", cfg, "--send", "--dead-letter", path), exitDone, outcome, "0 letters stay")
		// A rollover in between hides the first from the second's create.
		status, answer, err := estest.Shared(t).Do(t.Context(), http.MethodPost, "/"+stream+"/_rollover", nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("rollover: %d %s %v", status, answer, err)
		}
	}
	want(t, runMain("replay", "-c", cfg, "--dead-letter", path), exitDone, "no dead letters")
}

// TestReplayDoesNotWaitForWhatDoesNotPass: somebody waits for the command.
func TestReplayDoesNotWaitForWhatDoesNotPass(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		http.Error(w, `{"error":{"type":"security_exception","reason":"c4nary"}}`, http.StatusForbidden)
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	defer server.Close()
	tests := map[string]struct {
		url  string
		code int
		text string
	}{
		"nobody answers": {gone.URL, exitUnreachable, "connection refused"},
		"forbidden":      {server.URL, exitFailed, "forbidden"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, dir := replayConfig(t, fmt.Sprintf("{urls: %q}", tt.url))
			box, err := deadletter.Open(dir, deadletter.Options{})
			bury(t, box, err, letter("aaaaaaaaaaaaaaaaaaaaaa", `{"@timestamp":1}`))
			got := runMain("replay", "-c", cfg, "--send")
			want(t, got, tt.code, tt.text, "1 letters stay")
			if strings.Contains(got.stderr, "c4nary") {
				t.Error("the server's reason got out")
			}
			want(t, runMain("replay", "-c", cfg), exitDone, "refused")
		})
	}
}
