package deadletter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// finished is a letter with a document, unfinished one without.
func finished(i int) Letter {
	return Letter{
		Time: noon.Add(time.Duration(i) * time.Second), Reason: "refused",
		Error: &Error{Status: 400, Type: "document_parsing_exception", Field: "a.b"},
		Input: "files", Gateway: "prod", Path: "/var/log/audit.json", Offset: int64(i) * 100, Length: 100,
		ID: fmt.Sprintf("letter-%015d", i), Document: json.RawMessage(fmt.Sprintf(`{"@timestamp":%d,"x":"<&>\u2028"}`, i)),
	}
}

func unfinished(i int) Letter {
	return Letter{Time: noon, Reason: "broken_json", Input: "files", Offset: -1, Length: 7, Record: fmt.Sprintf(`{"n":%d,`, i)}
}

func open1(tb testing.TB, o Options) *Box {
	tb.Helper()
	b, err := Open(filepath.Join(tb.TempDir(), "dead-letter"), o)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func mustAppend(tb testing.TB, b *Box, letters ...Letter) {
	tb.Helper()
	if err := b.Append(context.Background(), letters...); err != nil {
		tb.Fatal(err)
	}
}

// all reads a folder, and how many lines are damaged.
func all(tb testing.TB, dir string) ([]Letter, int) {
	tb.Helper()
	r, err := Read(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var letters []Letter
	for r.Next() {
		letters = append(letters, r.Letter())
	}
	if err := errors.Join(r.Err(), r.Close()); err != nil {
		tb.Fatal(err)
	}
	return letters, r.Damaged()
}

func mustHold(tb testing.TB, dir string, want ...Letter) {
	tb.Helper()
	got, damaged := all(tb, dir)
	if len(got) != len(want) || damaged != 0 {
		tb.Fatalf("%d letters, %d damaged lines, want %d letters", len(got), damaged, len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			tb.Errorf("letter %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestLettersComeBackAsTheyWere(t *testing.T) {
	b := open1(t, Options{})
	letters := []Letter{finished(1), unfinished(2), {
		Time: noon, Reason: "too_large", Input: "files", Path: "/x", Offset: 5, Length: 64 << 20, Hash: "ab12",
	}}
	mustAppend(t, b, letters[0])
	mustAppend(t, b, letters[1:]...)
	mustAppend(t, b)
	mustHold(t, b.files.folder.Path(), letters...)
}

func TestALineIsOneLetter(t *testing.T) {
	b := open1(t, Options{Now: func() time.Time { return noon }})
	l := finished(3)
	l.Time = time.Time{}
	mustAppend(t, b, l)
	got, err := os.ReadFile(path(b, b.files.letters()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/letter.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the line is\n%swant\n%s", got, want)
	}
}

func TestADocumentThatIsNoJSONIsKeptAsText(t *testing.T) {
	b := open1(t, Options{})
	l := finished(1)
	l.Document = json.RawMessage("{\"a\":\n")
	mustAppend(t, b, l, finished(2))
	l.Record, l.Document = "{\"a\":\n", nil
	mustHold(t, b.files.folder.Path(), l, finished(2))
}

func TestModes(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1))
	if _, err := b.Replay(t.Context(), Replayer{Send: takeNone}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, finished(2))
	err := filepath.WalkDir(b.files.folder.Path(), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFullFolderTakesNothingAndDropsNothing(t *testing.T) {
	b := open1(t, Options{MaxBytes: 1000})
	n := 0
	var err error
	for ; err == nil; n++ {
		err = b.Append(t.Context(), finished(n))
	}
	if !errors.Is(err, ErrFull) || n < 3 {
		t.Fatalf("after %d letters: %v", n, err)
	}
	if err := b.Append(t.Context(), finished(50), finished(51)); !errors.Is(err, ErrFull) {
		t.Errorf("two more: %v", err)
	}
	if letters, _ := all(t, b.files.folder.Path()); len(letters) != n-1 {
		t.Errorf("%d letters are there, want %d", len(letters), n-1)
	}
	if size, err := b.Size(); err != nil || size > 1000 {
		t.Errorf("size %d, error %v", size, err)
	}
	if _, err := b.Replay(t.Context(), Replayer{Send: takeAll}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, finished(60))
	mustHold(t, b.files.folder.Path(), finished(60))
}

func TestManyGoroutinesAppend(t *testing.T) {
	b := open1(t, Options{})
	b.closeAt = 2000
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 10 {
				if err := b.Append(context.Background(), finished(g*10+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	mustHoldEach(t, b.files.folder.Path(), 80)
}

// mustHoldEach fails the test unless letters 0 to n-1 are there, each once, and
// nothing is damaged.
func mustHoldEach(tb testing.TB, dir string, n int) {
	tb.Helper()
	letters, damaged := all(tb, dir)
	times := map[string]int{}
	for _, l := range letters {
		times[l.ID]++
	}
	for i := range n {
		if id := finished(i).ID; times[id] != 1 {
			tb.Errorf("letter %d is there %d times", i, times[id])
		}
	}
	if len(letters) != n || damaged != 0 {
		tb.Errorf("%d letters and %d damaged lines, want %d letters", len(letters), damaged, n)
	}
}

func TestAppendGivesUpWithItsContext(t *testing.T) {
	b := open1(t, Options{})
	unlock, err := b.tryLock(lockName)
	if err != nil || unlock == nil {
		t.Fatalf("lock: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := b.Append(ctx, finished(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, finished(2))
	mustHold(t, b.files.folder.Path(), finished(2))
}

// TestATornLineIsCut: whatever a crash left of the last line, the letters before
// it stay and the next is a line of its own.
func TestATornLineIsCut(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1), finished(2))
	whole, err := os.ReadFile(path(b, b.files.letters()))
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	for size := range len(whole) {
		if err := os.WriteFile(path(b, b.files.letters()), whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		var want []Letter
		if size >= first {
			want = append(want, finished(1))
		}
		mustHold(t, b.files.folder.Path(), want...)
		mustAppend(t, b, finished(3))
		mustHold(t, b.files.folder.Path(), append(want, finished(3))...)
	}
}

func TestATornLineLongerThanABuffer(t *testing.T) {
	for _, n := range []int{64 << 10, 64<<10 + 1, 200_000} {
		b := open1(t, Options{})
		mustAppend(t, b, finished(1))
		f, err := os.OpenFile(path(b, b.files.letters()), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(strings.Repeat("x", n)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, b, finished(2))
		mustHold(t, b.files.folder.Path(), finished(1), finished(2))
	}
}

// TestDamageHarmsOnlyItsLine breaks the second of three letters.
func TestDamageHarmsOnlyItsLine(t *testing.T) {
	tests := map[string]func(line []byte) []byte{
		"garbage":             func([]byte) []byte { return []byte("\x00\xff garbage") },
		"an empty line":       func([]byte) []byte { return nil },
		"half of it":          func(line []byte) []byte { return line[:len(line)/2] },
		"the other half":      func(line []byte) []byte { return line[len(line)/2:] },
		"two on one line":     func(line []byte) []byte { return append(bytes.Clone(line), line...) },
		"zeros, after a loss": func(line []byte) []byte { return make([]byte, len(line)) },
		"another object":      func([]byte) []byte { return []byte(`{"a":1}`) },
		"an array":            func([]byte) []byte { return []byte(`[]`) },
		"null":                func([]byte) []byte { return []byte(`null`) },
		"a wrong type":        func([]byte) []byte { return []byte(`{"time":5,"reason":"refused"}`) },
		"very long":           func([]byte) []byte { return bytes.Repeat([]byte("x"), 3<<20) },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			b := open1(t, Options{})
			mustAppend(t, b, finished(1), finished(2), finished(3))
			text, err := os.ReadFile(path(b, b.files.letters()))
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(text, []byte("\n"))
			lines[1] = append(damage(bytes.TrimSuffix(lines[1], []byte("\n"))), '\n')
			if err := os.WriteFile(path(b, b.files.letters()), bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			letters, damaged := all(t, b.files.folder.Path())
			if len(letters) != 2 || damaged != 1 || letters[0].ID != finished(1).ID || letters[1].ID != finished(3).ID {
				t.Fatalf("read %d letters and %d damaged lines", len(letters), damaged)
			}
			count, err := b.Replay(t.Context(), Replayer{Send: takeAll})
			if err != nil || count != (Replayed{Read: 2, Sent: 2, Taken: 2, Damaged: 1}) {
				t.Fatalf("replayed %+v, error %v", count, err)
			}
			left, err := os.ReadFile(path(b, b.files.numbered(1)))
			if err != nil || !bytes.Equal(left, lines[1]) {
				t.Errorf("error %v, left is %q, want the damaged line as it is", err, left)
			}
		})
	}
}

func TestReadingBesideAWriterMissesNothing(t *testing.T) {
	b := open1(t, Options{})
	b.closeAt = 500 // files are closed all the time
	mustAppend(t, b, finished(0))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i < 150; i++ {
			if err := b.Append(context.Background(), finished(i)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	last := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		letters, damaged := all(t, b.files.folder.Path())
		if damaged != 0 || len(letters) < last {
			t.Fatalf("%d letters and %d damaged lines after %d letters", len(letters), damaged, last)
		}
		for i, l := range letters {
			if l.ID != finished(i).ID {
				t.Fatalf("letter %d is %s", i, l.ID)
			}
		}
		last = len(letters)
	}
	mustHoldEach(t, b.files.folder.Path(), 150)
}

func TestAFolderThatIsNotThereHasNoLetters(t *testing.T) {
	letters, damaged := all(t, filepath.Join(t.TempDir(), "none"))
	if len(letters) != 0 || damaged != 0 {
		t.Errorf("%d letters, %d damaged lines", len(letters), damaged)
	}
}

// Whoever only wants to know what comes first may stop there.
func TestReadingMayEndAtAnyTime(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1), finished(2))
	for reads := range 4 {
		r, err := Read(b.files.folder.Path())
		if err != nil {
			t.Fatal(err)
		}
		for range reads {
			r.Next()
		}
		if err := r.Close(); err != nil {
			t.Errorf("after %d letters: %v", reads, err)
		}
	}
}

func TestANamedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rejects.json")
	b, err := OpenFile(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, finished(1), unfinished(2))
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Replay(t.Context(), Replayer{Send: takeAll}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, b, finished(3))
	r, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Summarize(r)
	if err != nil || len(s.Groups) != 2 || s.Groups[0].Reason != "broken_json" || s.Groups[1].Reason != "refused" {
		t.Errorf("%+v, error %v", s, err)
	}
}

func TestSummary(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(5), unfinished(1), finished(2), finished(9))
	other := finished(1)
	other.Error = &Error{Status: 413, Type: "x"}
	mustAppend(t, b, other)
	r, err := Read(b.files.folder.Path())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Summarize(r)
	want := Summary{Groups: []Group{
		{"refused", "document_parsing_exception", "a.b", 3, 3, finished(2).Time, finished(9).Time},
		{"broken_json", "", "", 1, 0, noon, noon},
		{"refused", "x", "", 1, 1, other.Time, other.Time},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
}

func TestErrorsQuoteNoLetter(t *testing.T) {
	for _, line := range []string{`{"time":"secret"}`, `{"secret":`, `{"time":"2026-03-01T12:00:00Z","reason":{"secret":1}}`, `secret`} {
		if _, err := parseLetter([]byte(line)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// path is that of a file in the folder of b.
func path(b *Box, name string) string { return filepath.Join(b.files.folder.Path(), name) }
