package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/deadletter"
)

// dryRunOf reads a text as the one input of a configuration without Elasticsearch.
func dryRunOf(t *testing.T, state, text string, reject func(deadletter.Letter) error) (DryRunTotals, map[string]json.RawMessage, error) {
	t.Helper()
	cfg := config.Default()
	cfg.StateDir = state
	file := config.DefaultFileInput()
	cfg.Inputs = []config.Input{{Type: config.TypeFile, ID: "pipe", Gateway: "test", File: &file}}
	var out bytes.Buffer
	totals, err := DryRun(t.Context(), &cfg, Options{Readers: map[event.InputID]io.Reader{"pipe": strings.NewReader(text)}}, &out, reject)
	documents := map[string]json.RawMessage{}
	for line := range strings.Lines(out.String()) {
		var d struct {
			ID     string          `json:"_id"`
			Source json.RawMessage `json:"_source"`
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		documents[d.ID] = d.Source
	}
	return totals, documents, err
}

const nameless = `{"event_time":1772366400,"event_type":"Login","operator":{"username":"Ops"},"http_request":{"body":{"password":"c4nary-s3cret"}}}`

func TestADryRunGivesTheDocumentsOfARun(t *testing.T) {
	s := newStand(t)
	text := recordLines(0, 20) + nameless + "\n" + nameless + "\n"
	s.write("a.json", text)
	s.once()
	var indexed []string
	for _, d := range s.documents() {
		indexed = append(indexed, d.ID)
	}
	totals, documents, err := dryRunOf(t, s.config.StateDir, text, nil)
	s.must(err)
	slices.Sort(indexed)
	if got := slices.Sorted(maps.Keys(documents)); !slices.Equal(got, indexed) {
		t.Errorf("got  %q\nwant %q", got, indexed)
	}
	if want := (DryRunTotals{Read: 22, Documents: 22}); totals != want {
		t.Errorf("got %+v, want %+v", totals, want)
	}
	for id, d := range documents {
		if bytes.Contains(d, []byte("c4nary")) || !bytes.Contains(d, []byte(`"@timestamp":"2026-`)) {
			t.Errorf("%s: %s", id, d)
		}
	}
}

func TestADryRunLeavesNothingBehind(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	var letters []deadletter.Letter
	totals, documents, err := dryRunOf(t, state, nameless+"\n{\"event_time\":oops}\n{\"id\":\"1\"}\n"+nameless+"\n", func(l deadletter.Letter) error {
		letters = append(letters, l)
		return nil
	})
	if want := (DryRunTotals{Read: 4, Documents: 2, Rejected: 2, Unsettled: 2}); err != nil || totals != want || len(documents) != 2 {
		t.Errorf("%v %+v, want %+v; %d documents", err, totals, want, len(documents))
	}
	if len(letters) != 2 || letters[0].Reason != "broken_json" || letters[1].Reason != "no_time" || letters[1].Offset != int64(len(nameless)+1+len("{\"event_time\":oops}")+1) {
		t.Errorf("%+v", letters)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the state directory: %v", err)
	}
	full := errors.New("full")
	if _, _, err := dryRunOf(t, state, "{oops}\n", func(deadletter.Letter) error { return full }); !errors.Is(err, full) {
		t.Errorf("the error of reject: %v", err)
	}
}
