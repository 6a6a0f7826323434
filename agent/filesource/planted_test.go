package filesource

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
)

// What somebody puts into the folder to be read in place of a file, now or while the
// source runs, is neither read nor waited for; what else is there is read on. It is told,
// and one that is gone is not told any more.
func TestPlantedNamesAreNotRead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "shadow")
	put := func(path, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	put(secret, "root:$6$c4nary\n")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put(in("a.json"), `{"id":"first"}`+"\n")
	must(syscall.Mkfifo(in("b.json"), 0o600))
	must(os.Symlink(secret, in("c.json")))

	var mu sync.Mutex
	var read, logged strings.Builder
	s := New(Config{
		Input: "files", Paths: []string{in("*.json")}, Key: []byte("key"),
		Log: zerolog.New(zerolog.SyncWriter(&logged)), ScanInterval: 1, PollInterval: 1,
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen int
	err := s.Run(ctx, nil, func(_ context.Context, b event.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range b.Records {
			if r.Fault != nil {
				t.Errorf("fault: %+v", r.Fault)
			}
			read.Write(r.Bytes)
			switch seen++; seen {
			case 1: // the file gives way to a pipe, and another one to a link
				put(in("d.json"), `{"id":"second"}`+"\n")
				must(os.Rename(in("a.json"), in("a.json.1")))
				must(syscall.Mkfifo(in("a.json"), 0o600))
			case 2:
				must(os.Remove(in("d.json")))
				must(os.Symlink(secret, in("d.json")))
				put(in("e.json"), `{"id":"third"}`+"\n")
			case 3:
				stop()
			}
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if got := read.String(); strings.Contains(got, "c4nary") || !strings.Contains(got, "third") {
		t.Errorf("read %s", got)
	}
	for _, name := range []string{"a.json", "b.json", "c.json", "d.json"} {
		if n := strings.Count(logged.String(), `"`+in(name)+`","message":"passed over`); n > 1 {
			t.Errorf("%s is told %d times", name, n)
		}
	}
	if !strings.Contains(logged.String(), "follow_symlinks") || !strings.Contains(logged.String(), "not a regular file") {
		t.Errorf("the log says %s", logged.String())
	}
}

// A dead letter names a path, and whoever can write one would like it to be another.
func TestRereadStaysWithinTheGlobs(t *testing.T) {
	dir, other, key := t.TempDir(), t.TempDir(), []byte("key")
	secret := filepath.Join(other, "shadow")
	if err := os.WriteFile(secret, []byte("c4nary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	where := find.Config{Paths: []string{filepath.Join(dir, "*.json")}}
	for _, path := range []string{secret, filepath.Join(dir, "link.json"), filepath.Join(dir, "pipe.json"), dir + "/../" + filepath.Base(other) + "/shadow"} {
		raw, err := Reread(t.Context(), Stretch{Path: path, Length: 6, Hash: Hash(key, []byte("c4nary"))}, where, key)
		if raw != nil || err != nil {
			t.Errorf("%s: read %q, %v", path, raw, err)
		}
	}
}
