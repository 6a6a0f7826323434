package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/event"
)

// Each position reads as its type of input says, also where the configuration does
// not have the input any more; and what is owed stands below.
func TestStateDescribesEachTypeAndWhatIsOwed(t *testing.T) {
	path := writeConfig(t, valid+"state_dir: state\n")
	dir := filepath.Join(filepath.Dir(path), "state")
	store, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	api, file := json.RawMessage(`{"next":"2026-11-01T11:50:00Z"}`), json.RawMessage(`{"path":"/var/log/audit.json","offset":120}`)
	if err := store.Save(
		checkpoint.Entry{Stream: event.Stream{Input: "dashboard", Name: "api"}, Position: api, Saved: at},
		checkpoint.Entry{Stream: event.Stream{Input: "files", Name: "1"}, Position: file, Saved: at},
		checkpoint.Entry{Stream: event.Stream{Input: "renamed", Name: "api"}, Position: api, Saved: at},
		checkpoint.Entry{Stream: event.Stream{Input: "gone", Name: "1"}, Position: file, Saved: at},
		checkpoint.OwedEntry([]event.Debt{{Input: "dashboard", Kind: event.DebtUnproven, Key: "11:00 to 11:05", Reason: "3 records were not shown", Since: at}}),
	); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	got := runMain("state", "-c", path)
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	lines := map[string]string{}
	for line := range strings.Lines(got.stdout) {
		if f := strings.Fields(line); len(f) > 2 {
			lines[f[0]] = strings.Join(f[2:], " ")
		}
	}
	for stream, want := range map[string]string{
		"dashboard/api": "audit API up to 2026-11-01T11:50:00Z", "renamed/api": "audit API up to 2026-11-01T11:50:00Z",
		"files/1": "/var/log/audit.json at byte 120", "gone/1": "/var/log/audit.json at byte 120",
		"dashboard": "2026-11-01T12:00:00Z 11:00 to 11:05 3 records were not shown",
	} {
		if lines[stream] != want {
			t.Errorf("%s is described as %q, want %q", stream, lines[stream], want)
		}
	}
	if strings.Contains(got.stdout, "/owed") {
		t.Errorf("what is owed stands among the positions:\n%s", got.stdout)
	}
}
