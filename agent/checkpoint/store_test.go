package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditship/auditship/agent/event"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func position(offset int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"offset":%d}`, offset))
}

func offsetOf(t *testing.T, e Entry) int {
	t.Helper()
	var p struct{ Offset int }
	if err := json.Unmarshal(e.Position, &p); err != nil {
		t.Fatal(err)
	}
	return p.Offset
}

func TestPositionsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if !s.Fresh() {
		t.Error("an empty directory is not fresh")
	}
	for i := range 10 {
		if err := s.Save(Entry{Stream: event.Stream{Name: "a"}, Position: position(i)}, Entry{Stream: event.Stream{Name: "b"}, Position: position(i * 2)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Save(Entry{Stream: event.Stream{Name: "b"}, Forget: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := s.Entries(); s.Fresh() || len(got) != 1 || got[0].Stream.Name != "a" || offsetOf(t, got[0]) != 9 {
		t.Fatalf("after a restart: fresh %v, %v", s.Fresh(), got)
	}
}

func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrLocked) {
		t.Fatalf("the second owner got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestWhoEndedWithoutSettlingIsToldToTheNext(t *testing.T) {
	dir := t.TempDir()
	for i, settles := range []bool{true, false, true} {
		s := open(t, dir)
		if s.Unsettled() != (i == 2) {
			t.Errorf("start %d: unsettled %v", i, s.Unsettled())
		}
		if settles {
			if err := s.Settled(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADirectoryWhosePositionsAreGoneIsNotFresh(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, logName)); err != nil {
		t.Fatal(err)
	}
	if open(t, dir).Fresh() {
		t.Error("it counts as one from which nothing was sent")
	}
}

// R9: whatever byte of the log is cut or flipped, the start succeeds and no
// stream stands further than it was.
func TestR9_DamageAnywhereNeverSkips(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := 1; i <= 5; i++ {
		if err := s.Save(Entry{Stream: event.Stream{Name: "a"}, Position: position(i)}, Entry{Stream: event.Stream{Name: "b"}, Position: position(i + 100)}); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	whole, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	check := func(data []byte, what string) {
		t.Helper()
		entries, _ := parse(bytes.NewReader(data))
		limit := map[string]int{"a": 5, "b": 105}
		for _, e := range entries {
			most, known := limit[e.Stream.Name]
			if !known || offsetOf(t, e) > most {
				t.Fatalf("%s: stream %s stands at %s", what, e.Stream, e.Position)
			}
		}
	}
	for i := range whole {
		check(whole[:i], fmt.Sprintf("cut at %d", i))
		for _, flip := range []byte{1, 0x20, 0x80, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[i] ^= flip
			check(damaged, fmt.Sprintf("byte %d flipped by %#x", i, flip))
		}
	}
}

func TestDamageIsCounted(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, logName), []byte("not a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := open(t, dir); s.Recovered() != 1 || s.Fresh() {
		t.Fatalf("recovered %d, fresh %v", s.Recovered(), s.Fresh())
	}
}

// R10: what came and went leaves no trace.
func TestTheLogStaysSmall(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const files, together = 100_000, 1000
	for i := 0; i < files; i += together {
		var come, gone []Entry
		for j := i; j < i+together; j++ {
			stream := fmt.Sprintf("files/%d", j)
			come = append(come, Entry{Stream: event.Stream{Name: stream}, Position: position(j)})
			gone = append(gone, Entry{Stream: event.Stream{Name: stream}, Forget: true})
		}
		if err := errors.Join(s.Save(come...), s.Save(gone...)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, logName))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 5<<20 {
			t.Fatalf("after %d files the log has %d bytes", i, info.Size())
		}
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	if _, err := s.Key(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lock", logName, "id_key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestTheKeyIsMadeOnceAndChecked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	first, err := s.Key()
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Key()
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("two keys, error %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "id_key"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Key(); err == nil {
		t.Fatal("a damaged key was accepted")
	}
}

func FuzzParse(f *testing.F) {
	line, err := appendLine(nil, Entry{Stream: event.Stream{Name: "a"}, Position: position(7)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("00000000 {}\n\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range first(parse(bytes.NewReader(data))) {
			if (e.Stream == event.Stream{}) {
				t.Fatal("an entry without a stream")
			}
		}
	})
}

func first(e []Entry, _ int) []Entry { return e }
