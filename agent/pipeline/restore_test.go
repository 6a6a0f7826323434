package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/deadletter"
)

// large is a record of about n bytes, with a secret.
func large(id, n int) string {
	return fmt.Sprintf(`{"id":"r-%d","event_time":1772366400,"operator":{"username":"Ops"},"event_type":"AddService","token_name":%q,"http_request":{"headers":{"Authorization":"Bearer c4nary-s3cret"}}}`,
		id, strings.Repeat("x", n))
}

func TestR8ARecordTooLargeIsRestoredUnderALargerLimit(t *testing.T) {
	s := newStand(t)
	small, big := s.config, *s.config
	smallInput, bigInput := *small.Inputs[0].File, *small.Inputs[0].File
	smallInput.MaxRecord, bigInput.MaxRecord = config.Bytes(2<<10), config.Bytes(1<<20)
	small.Inputs[0].File = &smallInput
	big.Inputs = append([]config.Input(nil), small.Inputs...)
	big.Inputs[0].File = &bigInput

	s.write("a.json", record(1)+"\n"+large(2, 5000)+"\n"+record(3)+"\n"+large(4, 300_000)+"\n"+record(5)+"\n")
	if got := s.once(); got.Indexed != 3 || got.DeadLettered != 2 {
		t.Fatalf("ledger %+v, want 3 indexed and 2 dead letters", got)
	}
	letters := s.letters()
	for i, l := range letters {
		if event.Reason(l.Reason) != event.ReasonTooLarge || l.Finished() || l.Record != "" {
			t.Fatalf("letter %d: %+v", i, l)
		}
	}

	tests := []struct {
		name    string
		arrange func()
		config  *config.Config
		want    bool
	}{
		{"still too large", func() {}, small, false},
		{"where it was", func() {}, &big, true},
		{"renamed", func() { s.must(os.Rename(s.path("a.json"), s.path("a.json.1"))) }, &big, true},
		{"another file in its place", func() { s.write("a.json", strings.Repeat(record(7)+"\n", 5000)) }, &big, true},
		{"compressed", func() { s.compress("a.json.1") }, &big, true},
		{"gone", func() { s.must(os.Remove(s.path("a.json.1.gz"))) }, &big, false},
	}
	for _, tt := range tests {
		tt.arrange()
		r, err := transform.NewRestorer(tt.config, "test")
		s.must(err)
		for i, l := range letters {
			got, err := r.Restore(t.Context(), l)
			s.must(err)
			if got.Finished() != tt.want {
				t.Errorf("%s: letter %d is restored: %v, want %v", tt.name, i, got.Finished(), tt.want)
			}
			if tt.want {
				s.mustBeRestored(got, fmt.Sprintf(`"r-%d"`, 2+2*i))
			}
		}
	}
}

func (s *stand) mustBeRestored(l deadletter.Letter, id string) {
	s.t.Helper()
	if len(l.ID) != 22 || !bytes.Contains(l.Document, []byte(id)) || bytes.Contains(l.Document, []byte("c4nary")) {
		s.t.Errorf("restored to %s: %.300s", l.ID, l.Document)
	}
}

// compress replaces a file by its compressed form, as logrotate does.
func (s *stand) compress(name string) {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	s.must(err)
	f, err := os.Create(s.path(name + ".gz"))
	s.must(err)
	z := gzip.NewWriter(f)
	_, err = z.Write(text)
	s.must(errors.Join(err, z.Close(), f.Close(), os.Remove(s.path(name))))
}

func TestOtherLettersAreNotRestored(t *testing.T) {
	s := newStand(t)
	s.write("a.json", record(1)+"\n")
	s.once()
	r, err := transform.NewRestorer(s.config, "test")
	s.must(err)
	for name, l := range map[string]deadletter.Letter{
		"broken JSON":   {Reason: string(event.ReasonBrokenJSON), Input: "files", Path: s.path("a.json"), Length: 10, Record: "{"},
		"no hash":       {Reason: string(event.ReasonTooLarge), Input: "files", Path: s.path("a.json"), Length: 10},
		"another input": {Reason: string(event.ReasonTooLarge), Input: "gone", Path: s.path("a.json"), Length: 10, Hash: "aa"},
		"another hash":  {Reason: string(event.ReasonTooLarge), Input: "files", Path: s.path("a.json"), Length: 10, Hash: "aa"},
		"past the end":  {Reason: string(event.ReasonTooLarge), Input: "files", Path: s.path("a.json"), Offset: 1 << 40, Length: 10, Hash: "aa"},
	} {
		if got, err := r.Restore(t.Context(), l); err != nil || got.Finished() {
			t.Errorf("%s: restored %v, error %v", name, got.Finished(), err)
		}
	}
	fresh := *s.config
	fresh.StateDir = t.TempDir()
	if _, err := transform.NewRestorer(&fresh, "test"); err != nil {
		t.Errorf("a state directory that was never used: %v", err)
	}
}
