package pipeline

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/deadletter"
)

func TestKnownLettersAreNoNews(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rejects.ndjson")
	box, err := deadletter.OpenFile(path, deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	broken := deadletter.Letter{Reason: "broken_json", Input: "import", Path: "/a.json", Offset: 7, Length: 5, Record: "{\xff\xfe<&\u2028\ufffd"}
	refused := deadletter.Letter{Reason: "refused", Error: &deadletter.Error{Status: 400}, Input: "import", ID: "aaaaaaaaaaaaaaaaaaaaaa", Document: json.RawMessage(`{"event":{"ingested":1}}`)}
	if err := box.Append(t.Context(), broken, refused); err != nil {
		t.Fatal(err)
	}
	letters, err := deadletter.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	known, err := readKnown(letters)
	if err != nil || len(known) != 2 {
		t.Fatalf("%d known, %v", len(known), err)
	}
	again := refused
	again.Document, again.Time = json.RawMessage(`{"event":{"ingested":2}}`), time.Now()
	if news := known.news([]deadletter.Letter{broken, again}); len(news) != 0 {
		t.Errorf("news: %+v", news)
	}
	other, moved := broken, broken
	other.Record, moved.Offset = "{oops", 8
	if news := known.news([]deadletter.Letter{broken, other, moved}); len(news) != 2 {
		t.Errorf("of another record and another place: %+v", news)
	}
}
