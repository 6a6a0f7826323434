package mappings

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// printed is one request of what Print wrote.
type printed struct {
	line string // method and path
	body map[string]any
}

// readPrinted splits what Print wrote into requests, as Dev Tools does.
func readPrinted(t *testing.T, text string) []printed {
	t.Helper()
	var requests []printed
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		comment, rest, _ := strings.Cut(block, "\n")
		line, body, _ := strings.Cut(rest, "\n")
		var decoded map[string]any
		if err := json.Unmarshal([]byte(body), &decoded); err != nil || !strings.HasPrefix(comment, "# ") {
			t.Fatalf("not a comment, a line and a body (%v):\n%s", err, block)
		}
		requests = append(requests, printed{line, decoded})
	}
	return requests
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	if err := Print(&out, Options{Retention: 90 * day}, es8192, "auditship-agent-host1"); err != nil {
		t.Fatal(err)
	}
	requests := map[string]map[string]any{}
	for _, r := range readPrinted(t, out.String()) {
		requests[r.line] = r.body
	}
	for name, a := range mustAssets(t, Options{Retention: 90 * day}, es8192) {
		if changes := diff(requests["PUT "+a.Path], a.Body); len(changes) > 0 {
			t.Errorf("%s is printed as something else: %v", name, changes)
		}
	}
	key := requests["POST /_security/api_key"]
	if get(key, "role_descriptors", AgentRole, "cluster") == nil || key["name"] != "auditship-agent-host1" {
		t.Errorf("the key's request: %v", key)
	}
	if want := len(mustAssets(t, Options{}, es8192)) + 1; len(requests) != want {
		t.Errorf("%d requests, want %d", len(requests), want)
	}
}
