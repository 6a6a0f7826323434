package filesource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
)

func TestWhatCannotBeReadIsOwed(t *testing.T) {
	var told []event.Debt
	s := New(Config{Paths: []string{"/log/*.json"}, Owe: func(d event.Debt) { told = append(told, d) }})
	denied := &fs.PathError{Op: "open", Path: "/log/b.json", Err: fs.ErrPermission}
	s.pathFault("/log/b.json", denied)
	s.pathFault("/log/b.json", denied)
	s.tell()
	s.fault("/log/a.json", errors.New("input/output error"))
	s.tell()
	if n := s.Stats().Errors.Load(); n != 2 {
		t.Errorf("%d errors: each fault counts once", n)
	}
	s.forgive(find.Found{Files: []find.File{{Path: "/log/a.json"}}}) // b is not there any more
	s.pathFault("/log/a.json", nil)
	s.tell()
	var got []string
	for _, d := range told {
		got = append(got, d.Reason+"|"+d.Ended)
	}
	if want := []string{
		"cannot read /log/b.json: permission denied|", "cannot read /log/a.json: input/output error|",
		"cannot read /log/a.json: input/output error|it can be read, or is gone", "cannot read /log/b.json: permission denied|it can be read, or is gone",
	}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// owed keeps what a source owes, as the agent would show it.
type owed struct {
	mu   sync.Mutex
	open map[debt]event.Debt
	ends int
}

func (o *owed) owe(d event.Debt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = map[debt]event.Debt{}
	}
	if d.Ended != "" {
		delete(o.open, debt{"", d.Kind, d.Key})
	} else {
		o.open[debt{"", d.Kind, d.Key}] = d
	}
}

func (o *owed) reached() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends++
}

// expect waits until exactly one debt of a kind is open, and its reason holds a text;
// none for "".
func (o *owed) expect(t *testing.T, kind event.DebtKind, reason string) {
	t.Helper()
	eventually(t, func() string {
		o.mu.Lock()
		defer o.mu.Unlock()
		var reasons []string
		for key, d := range o.open {
			if key.kind == kind {
				reasons = append(reasons, d.Reason)
			}
		}
		if reason == "" && len(reasons) == 0 || len(reasons) == 1 && reason != "" && strings.Contains(reasons[0], reason) {
			return ""
		}
		return fmt.Sprintf("owed of kind %s: %q, want %q", kind, reasons, reason)
	})
}

// eventually waits until nothing is wrong.
func eventually(t *testing.T, wrong func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if w := wrong(); w == "" {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(w)
		}
	}
}

func (d *desk) watched() *owed {
	o := &owed{}
	d.config.Owe, d.config.ReachedEnd = o.owe, o.reached
	return o
}

func TestPathsThatMatchNothingAreOwed(t *testing.T) {
	for name, tt := range map[string]struct {
		glob, reason string
		mend         func(d *desk)
	}{
		"no file": {"*.json", "it matches no file", func(d *desk) { d.write("a.json", record(1)) }},
		"no folder": {"audit/*.json", "there is no folder ", func(d *desk) {
			d.must(os.Mkdir(d.path("audit"), 0o755))
			d.write("audit/a.json", record(1))
		}},
		"a folder": {"aud*", "matches only folders; name the files in them, as in ", func(d *desk) { d.write("audit.json", record(1)) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, t.TempDir(), tt.glob)
			if name == "a folder" {
				d.must(os.Mkdir(d.path("audit"), 0o755))
			}
			o := d.watched()
			d.start()
			defer d.stop()
			o.expect(t, event.DebtNoMatch, tt.reason)
			tt.mend(d)
			d.expect(record(1))
			o.expect(t, event.DebtNoMatch, "")
		})
	}
}

// A pipe in a file's place keeps nothing waiting, and is named.
func TestAPipeInAFilesPlaceIsOwed(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.must(syscall.Mkfifo(d.path("audit.json"), 0o600))
	o := d.watched()
	d.start()
	defer d.stop()
	o.expect(t, event.DebtUnreadable, "is not a regular file")
	d.write("b.json", record(1))
	d.expect(record(1))
	d.must(os.Remove(d.path("audit.json")))
	d.write("audit.json", record(2))
	d.expectOnce(record(1), record(2))
	o.expect(t, event.DebtUnreadable, "")
}

// A folder that cannot be searched is named, beside those that can.
func TestAFolderThatCannotBeSearchedIsOwed(t *testing.T) {
	d := newDesk(t, t.TempDir(), "**/*.json")
	d.must(os.MkdirAll(d.path("a/closed"), 0o755))
	d.write("a/a.json", record(1))
	d.must(os.Chmod(d.path("a/closed"), 0))
	if _, err := os.ReadDir(d.path("a/closed")); err == nil {
		t.Skip("LEFT OUT: root may search every folder")
	}
	o := d.watched()
	d.start()
	defer d.stop()
	d.expectOnce(record(1))
	o.expect(t, event.DebtUnreadable, "a/closed: permission denied")
}

// A call that does not come back is owed, says where, and does not count as a round.
func TestACallThatHangsIsOwed(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	o := d.watched()
	d.config.HangsAfter = 20 * time.Millisecond
	s := New(d.config)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.oversee(ctx); close(done) }()
	s.steps.begin("read", "/nfs/audit.json")
	o.expect(t, event.DebtUnread, "does not come back from the call to read /nfs/audit.json since ")
	if s.Hangs() == "" {
		t.Error("it does not hang")
	}
	s.steps.end()
	o.expect(t, event.DebtUnread, "")
	if s.Hangs() != "" {
		t.Error("it hangs")
	}
	cancel()
	<-done
}

// More files than may be open are all read at once, not some with each scan; what they
// hold counts as behind until then; and what they grow by comes soon.
func TestMoreFilesThanMayBeOpen(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.MaxOpen = 8
	d.config.ScanInterval = time.Hour // no second scan helps
	most := 0
	d.seen = func() { // in the goroutine of the source
		open := 0
		for _, f := range d.source.files {
			if f.f != nil {
				open++
			}
		}
		most = max(most, open)
	}
	defer func() {
		if most > 8 {
			t.Errorf("%d files were open at a time", most)
		}
	}()
	const files = 300
	var want []string
	for i := range files {
		d.write(fmt.Sprintf("%03d.json", i), record(i))
		want = append(want, record(i))
	}
	o := d.watched()
	d.start()
	defer d.stop()
	d.expectOnce(want...)
	eventually(t, func() string {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.ends == 0 || d.source.Stats().BehindBytes.Load() != 0 {
			return fmt.Sprintf("%d bytes behind, end reached %d times", d.source.Stats().BehindBytes.Load(), o.ends)
		}
		return ""
	})
	for round := range 3 { // without a file that comes or goes
		for i := range files {
			n := (round+1)*files + i
			d.write(fmt.Sprintf("%03d.json", i), record(n))
			want = append(want, record(n))
		}
		d.expectOnce(want...)
	}
}

func TestMaxOpen(t *testing.T) {
	for _, tt := range []struct{ limit, inputs, want int }{
		{256, 1, 160}, {256, 2, 80}, {64, 1, 32}, {16, 1, 8}, {16, 8, leastOpen}, {1 << 20, 1, mostOpen}, {1024, 4, 232},
	} {
		if got := maxOpen(tt.limit, tt.inputs); got != tt.want {
			t.Errorf("with %d descriptors and %d inputs: %d, want %d", tt.limit, tt.inputs, got, tt.want)
		}
	}
}

// A writer that goes on at its old place after copytruncate leaves a hole: nothing was
// lost there.
func TestAHoleIsNoLoss(t *testing.T) {
	d := newDesk(t, t.TempDir(), "audit.json")
	d.write("audit.json", recordRange(0, 10)...)
	d.start()
	defer d.stop()
	d.expect(recordRange(0, 10)...)
	f, err := os.OpenFile(d.path("audit.json"), os.O_WRONLY, 0)
	d.must(err)
	defer func() { d.must(f.Close()) }()
	d.must(f.Truncate(0))
	_, err = f.WriteAt([]byte(record(10)+"\n"), 256<<20)
	d.must(err)
	d.expectOnce(recordRange(0, 11)...)
	if s := d.source.Stats(); s.Truncations.Load() != 1 || s.PossiblyLost.Load() != 0 {
		t.Errorf("%d truncations, %d bytes possibly lost", s.Truncations.Load(), s.PossiblyLost.Load())
	}
}
