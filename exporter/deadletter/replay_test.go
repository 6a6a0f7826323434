package deadletter

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func takeAll(_ context.Context, letters []Letter, taken func(int)) error {
	for i := range letters {
		taken(i)
	}
	return nil
}

func takeNone(context.Context, []Letter, func(int)) error { return nil }

func TestReplayRemovesWhatWasTaken(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1), unfinished(2), finished(3), finished(4), unfinished(5))
	var sent []string
	count, err := b.Replay(t.Context(), Replayer{Send: func(_ context.Context, letters []Letter, taken func(int)) error {
		for i, l := range letters {
			sent = append(sent, l.ID)
			if string(l.Document) != string(finished(i).Document) && i == 0 && string(l.Document) != string(finished(1).Document) {
				t.Errorf("the document changed: %s", l.Document)
			}
			if l.ID != finished(3).ID {
				taken(i)
			}
		}
		return nil
	}})
	if want := (Replayed{Read: 5, Sent: 3, Taken: 2}); err != nil || count != want || count.Left() != 3 {
		t.Errorf("replayed %+v, error %v, want %+v", count, err, want)
	}
	if want := []string{finished(1).ID, finished(3).ID, finished(4).ID}; !slices.Equal(sent, want) {
		t.Errorf("sent %v, want %v", sent, want)
	}
	mustHold(t, b.files.folder.Path(), unfinished(2), finished(3), unfinished(5))

	if _, err := b.Replay(t.Context(), Replayer{Send: takeAll}); err != nil {
		t.Fatal(err)
	}
	mustHold(t, b.files.folder.Path(), unfinished(2), unfinished(5))
}

func TestReplayOfEverythingLeavesNoFile(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1), finished(2))
	if _, err := b.Replay(t.Context(), Replayer{Send: takeAll}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(b.files.folder.Path(), "*.ndjson*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

func TestReplayRestoresLettersWithoutADocument(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, unfinished(1), unfinished(2), unfinished(3))
	restore := func(_ context.Context, l Letter) (Letter, error) {
		if l.Record == unfinished(2).Record {
			l.ID, l.Document = finished(2).ID, finished(2).Document
		}
		return l, nil
	}
	count, err := b.Replay(t.Context(), Replayer{Send: takeAll, Restore: restore})
	if want := (Replayed{Read: 3, Sent: 1, Taken: 1}); err != nil || count != want {
		t.Errorf("replayed %+v, error %v, want %+v", count, err, want)
	}
	mustHold(t, b.files.folder.Path(), unfinished(1), unfinished(3))
}

func TestAReplayThatEndsEarlyKeepsTheRest(t *testing.T) {
	broken := errors.New("unreachable")
	ctx, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		how  Replayer
		want error
	}{
		"send fails": {Replayer{Send: func(_ context.Context, _ []Letter, taken func(int)) error {
			taken(1)
			return broken
		}}, broken},
		"restore fails": {Replayer{Send: takeAll, Restore: func(context.Context, Letter) (Letter, error) {
			return Letter{}, broken
		}}, broken},
		"ctx ends": {Replayer{Send: func(ctx context.Context, _ []Letter, taken func(int)) error {
			taken(1)
			cancel()
			return ctx.Err()
		}}, context.Canceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := open1(t, Options{})
			mustAppend(t, b, finished(1), finished(2), unfinished(3))
			count, err := b.Replay(ctx, tt.how)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			want := []Letter{finished(1), finished(2), unfinished(3)}
			if count.Taken == 1 {
				want = slices.Delete(want, 1, 2)
			}
			mustHold(t, b.files.folder.Path(), want...)
		})
	}
}

func TestOneReplayAtATime(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1))
	_, err := b.Replay(t.Context(), Replayer{Send: func(ctx context.Context, _ []Letter, _ func(int)) error {
		_, err := b.Replay(ctx, Replayer{Send: takeAll})
		return err
	}})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
	mustHold(t, b.files.folder.Path(), finished(1))
}

func TestLettersThatComeDuringAReplayStay(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1))
	_, err := b.Replay(t.Context(), Replayer{Send: func(ctx context.Context, letters []Letter, taken func(int)) error {
		mustAppend(t, b, finished(2))
		return takeAll(ctx, letters, taken)
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, b.files.folder.Path(), finished(2))
}

func TestWhatADeadReplayLeftIsRemoved(t *testing.T) {
	b := open1(t, Options{})
	mustAppend(t, b, finished(1))
	if _, err := b.Replay(t.Context(), Replayer{Send: takeNone}); err != nil {
		t.Fatal(err)
	}
	half := path(b, "."+b.files.numbered(1)+".HALF.new")
	if err := os.WriteFile(half, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Replay(t.Context(), Replayer{Send: takeNone}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	mustHold(t, b.files.folder.Path(), finished(1))
}

// inMemory is a folder where syncing costs nothing, if there is one, for tests
// that try thousands of things.
func inMemory(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dead-letter-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// TestNothingIsLostWhateverIsDone: appends, partial replays, replays that fail
// and torn lines in any order. Every letter is either taken or there, in order.
func TestNothingIsLostWhateverIsDone(t *testing.T) {
	dir := inMemory(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		b, err := Open(filepath.Join(dir, string(rune('a'+run%26)), finished(run).ID), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b.closeAt = rapid.Int64Range(1, 3000).Draw(t, "size of a file")
		next, taken := 0, map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				var letters []Letter
				for range rapid.IntRange(1, 4).Draw(t, "letters") {
					l := finished(next)
					l.Record = rapid.StringN(0, 20, 80).Draw(t, "record")
					letters = append(letters, l)
					next++
				}
				if err := b.Append(context.Background(), letters...); err != nil {
					t.Fatal(err)
				}
			},
			"tear": func(t *rapid.T) {
				f, err := os.OpenFile(path(b, b.files.letters()), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				_, err = f.WriteString(`{"time":"2026-`)
				if err = errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
			},
			"replay": func(t *rapid.T) {
				fails := rapid.Bool().Draw(t, "fails")
				_, err := b.Replay(context.Background(), Replayer{Send: func(_ context.Context, letters []Letter, take func(int)) error {
					for i, l := range letters {
						if rapid.Bool().Draw(t, "taken") {
							take(i)
							taken[l.ID] = true
						}
					}
					if fails {
						return context.DeadlineExceeded
					}
					return nil
				}})
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				r, err := Read(b.files.folder.Path())
				if err != nil {
					t.Fatal(err)
				}
				for i := range next {
					if taken[finished(i).ID] {
						continue
					}
					if !r.Next() || r.Letter().ID != finished(i).ID {
						t.Fatalf("letter %d is missing", i)
					}
				}
				if r.Next() || r.Err() != nil || r.Damaged() != 0 || r.Close() != nil {
					t.Fatalf("more than was written, or damage: %+v", r)
				}
			},
		})
	})
}

// FuzzReader: any file is read without a panic, every line counted once, and a
// replay that takes nothing leaves what is whole as it was.
func FuzzReader(f *testing.F) {
	example, err := os.ReadFile("testdata/letter.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add(append(example, example...))
	f.Add(append(example[:40:40], example...))
	f.Add([]byte("\n\n{}\nnull\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Open(inMemory(t), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(b, b.files.letters()), text, 0o600); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for _, c := range text {
			if c == '\n' {
				whole++
			}
		}
		letters, damaged := all(t, b.files.folder.Path())
		if len(letters)+damaged != whole {
			t.Errorf("%d letters and %d damaged lines of %d lines", len(letters), damaged, whole)
		}
		count, err := b.Replay(t.Context(), Replayer{Send: takeNone})
		if err != nil || count.Read != len(letters) || count.Damaged != damaged {
			t.Errorf("replayed %+v, error %v, want %d letters and %d damaged lines", count, err, len(letters), damaged)
		}
		again, damagedAgain := all(t, b.files.folder.Path())
		if len(again) != len(letters) || damagedAgain != damaged {
			t.Errorf("then %d letters and %d damaged lines, want %d and %d", len(again), damagedAgain, len(letters), damaged)
		}
		if _, err := b.Replay(t.Context(), Replayer{Send: takeAll}); err != nil {
			t.Error(err)
		}
		for _, l := range letters {
			if l.Finished() {
				whole--
			}
		}
		rest, damagedRest := all(t, b.files.folder.Path())
		if len(rest)+damagedRest != whole {
			t.Errorf("%d lines are left, want %d", len(rest)+damagedRest, whole)
		}
	})
}
