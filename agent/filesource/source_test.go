package filesource

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fataler is what testing.T and rapid.T have in common here.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// desk plays the pipeline: it takes batches, acknowledges them, and keeps their
// positions as the state directory would.
type desk struct {
	t      fataler
	dir    string
	config Config

	mu      sync.Mutex
	records []string // "text", or "reason: text" of a fault
	counted []string // of batches that are only counted
	batches []event.Batch
	saved   map[event.Stream]event.Saved
	durable map[event.Stream]event.Saved // what a kill leaves of saved

	seen func() // called with each batch

	cancel context.CancelFunc
	ended  chan error
	source *Source
}

func newDesk(t fataler, dir string, globs ...string) *desk {
	d := &desk{t: t, dir: dir, saved: map[event.Stream]event.Saved{}}
	d.config = Config{
		Input: "in", Gateway: "gw", Key: []byte("key"),
		PollInterval: 10 * time.Millisecond, ScanInterval: 20 * time.Millisecond,
	}
	for _, g := range globs {
		d.config.Paths = append(d.config.Paths, filepath.Join(dir, g))
	}
	return d
}

// start runs the source as a new process would, from the saved positions.
func (d *desk) start() {
	d.source = New(d.config)
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.ended = cancel, make(chan error, 1)
	var saved []event.Saved
	for _, s := range d.saved {
		saved = append(saved, s)
	}
	go func() { d.ended <- d.source.Run(ctx, saved, d.take) }()
}

func (d *desk) stop() {
	d.t.Helper()
	d.cancel()
	if err := <-d.ended; err != nil && !errors.Is(err, context.Canceled) {
		d.t.Fatal(err)
	}
	d.config.Resumed = true
}

// save makes the positions durable, as the pipeline does now and then.
func (d *desk) save() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.durable = maps.Clone(d.saved)
}

// kill ends the source as a SIGKILL does: what was not made durable is forgotten.
func (d *desk) kill() {
	d.t.Helper()
	d.stop()
	d.saved = maps.Clone(d.durable)
	if d.saved == nil {
		d.saved = map[event.Stream]event.Saved{}
	}
}

// once runs the source to the end of all files.
func (d *desk) once() {
	d.t.Helper()
	d.config.Once = true
	d.start()
	if err := <-d.ended; err != nil {
		d.t.Fatal(err)
	}
	d.cancel()
	d.config.Once, d.config.Resumed = false, true
}

func (d *desk) take(_ context.Context, b event.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen != nil {
		d.seen()
	}
	for _, r := range b.Records {
		text := string(r.Bytes)
		if r.Fault != nil {
			text = string(r.Fault.Reason) + ": " + text
		}
		if b.Seen {
			d.counted = append(d.counted, text)
		} else {
			d.records = append(d.records, text)
		}
	}
	b.Position = bytes.Clone(b.Position)
	d.batches = append(d.batches, event.Batch{Stream: b.Stream, Path: b.Path, Doubtful: b.Doubtful, Forget: b.Forget})
	switch {
	case b.Forget:
		delete(d.saved, b.Stream)
	case b.Position != nil:
		d.saved[b.Stream] = event.Saved{Stream: b.Stream, Position: b.Position}
	}
	if b.Release != nil {
		b.Release()
	}
	return nil
}

// got is the sorted set of records without repetitions: those are duplicates by
// their ids, and harmless.
func (d *desk) got() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	set := slices.Clone(d.records)
	sort.Strings(set)
	return slices.Compact(set)
}

// expect waits until exactly these records have come.
func (d *desk) expect(want ...string) {
	d.t.Helper()
	sort.Strings(want)
	deadline := time.Now().Add(time.Minute)
	for !slices.Equal(d.got(), want) {
		if time.Now().After(deadline) {
			d.t.Fatalf("got  %q\nwant %q", d.got(), want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// expectOnce also wants each of them once.
func (d *desk) expectOnce(want ...string) {
	d.t.Helper()
	d.expect(want...)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.records) != len(want) {
		d.t.Fatalf("came more than once: %q", d.records)
	}
}

// expectTimes waits until so many records have come, repetitions included.
func (d *desk) expectTimes(n int) {
	d.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		d.mu.Lock()
		got := len(d.records)
		d.mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d records came, want %d", got, n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// write appends lines to a file, making it if it is missing.
func (d *desk) write(name string, lines ...string) {
	d.t.Helper()
	d.writeRaw(name, strings.Join(lines, "\n")+"\n")
}

func (d *desk) writeRaw(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func record(n int) string { return fmt.Sprintf(`{"id":"%d"}`, n) }

func recordRange(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, record(i))
	}
	return all
}

func TestNewLinesArriveAsTheyAreWritten(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.start()
	defer d.stop()
	d.write("a.json", record(1))
	d.expect(record(1))
	d.writeRaw("a.json", `{"id":`)
	d.write("b.json", record(2))
	d.expect(record(1), record(2))
	d.writeRaw("a.json", "\"3\"}\n")
	d.expectOnce(record(1), record(2), record(3))
}

func TestFoldersBelowAreFollowed(t *testing.T) {
	d := newDesk(t, t.TempDir(), "**/*.json")
	d.config.Exclude = []string{d.path("**/skip*")}
	d.start()
	defer d.stop()
	d.must(os.MkdirAll(d.path("x/y"), 0o755))
	d.write("x/y/skip.json", record(9))
	d.write("x/y/a.json", record(1))
	d.expectOnce(record(1))
}

// R1: write A, go idle, append B, rename, create a new file with C.
func TestR1_RenameAfterIdle(t *testing.T) {
	for name, tt := range map[string]struct{ glob, renamed string }{
		"the old name is followed too":     {"*.json*", "audit.json.1"},
		"the old name is followed no more": {"*.json", "audit.old"},
	} {
		t.Run(name+", running", func(t *testing.T) {
			d := newDesk(t, t.TempDir(), tt.glob)
			d.config.MaxOpen = 2
			d.start()
			defer d.stop()
			d.write("audit.json", record(1))
			d.expect(record(1))
			time.Sleep(100 * time.Millisecond)
			d.write("audit.json", record(2))
			d.must(os.Rename(d.path("audit.json"), d.path(tt.renamed)))
			d.write("audit.json", record(3))
			d.expectOnce(record(1), record(2), record(3))
		})
	}
	t.Run("stopped", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.json*")
		d.start()
		d.write("audit.json", record(1))
		d.expect(record(1))
		d.stop()
		d.write("audit.json", record(2))
		d.must(os.Rename(d.path("audit.json"), d.path("audit.json.1")))
		d.write("audit.json", record(3))
		d.start()
		defer d.stop()
		d.expectOnce(record(1), record(2), record(3))
	})
}

// R1, R2, R3, R12: whatever is done to the files and however often the source is
// stopped or killed, every record that was on disk when it looked comes, and without
// a kill a rotation by rename repeats none.
func TestRandomRotationsLoseNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "rotate")
		if err != nil {
			rt.Fatal(err)
		}
		d := newDesk(rt, dir, "*.json*")
		d.start()
		n, rotated := 0, 0
		var want []string
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"write", "half", "rotate", "copytruncate", "restart", "recreate", "save", "kill"}), 1, 20).Draw(rt, "steps")
		for _, step := range steps {
			switch step {
			case "write":
				d.write("audit.json", record(n))
				want = append(want, record(n))
				n++
			case "half":
				r := record(n)
				d.writeRaw("audit.json", r[:4])
				d.writeRaw("audit.json", r[4:]+"\n")
				want = append(want, r)
				n++
			case "rotate":
				if os.Rename(d.path("audit.json"), d.path(fmt.Sprintf("audit.json.%d", rotated))) == nil {
					rotated++
				}
			case "copytruncate":
				if data, err := os.ReadFile(d.path("audit.json")); err == nil {
					d.must(os.WriteFile(d.path(fmt.Sprintf("audit.json.%d", rotated)), data, 0o600))
					d.must(os.Truncate(d.path("audit.json"), 0))
					rotated++
				}
			case "recreate":
				d.expect(want...)
				_ = os.Remove(d.path("audit.json"))
			case "restart":
				d.stop()
				d.save()
				d.start()
			case "save":
				d.save()
			case "kill":
				d.kill()
				d.start()
			}
		}
		d.expect(want...)
		d.stop()
		if !slices.Contains(steps, "copytruncate") && !slices.Contains(steps, "kill") {
			d.expectOnce(want...)
		}
	})
}

// R2: three times copytruncate, stopped and started in between.
func TestR2_CopyTruncateWithRestarts(t *testing.T) {
	d := newDesk(t, t.TempDir(), "audit.json*")
	d.start()
	for i := range 3 {
		d.write("audit.json", recordRange(i*10, i*10+5)...)
		d.stop()
		d.write("audit.json", recordRange(i*10+5, i*10+10)...)
		data, err := os.ReadFile(d.path("audit.json"))
		d.must(err)
		d.must(os.WriteFile(d.path(fmt.Sprintf("audit.json.%d", i)), data, 0o600))
		d.must(os.Truncate(d.path("audit.json"), 0))
		d.start()
	}
	defer d.stop()
	d.expect(recordRange(0, 30)...)
}

func TestTruncationWithUnreadBytesIsCounted(t *testing.T) {
	d := newDesk(t, t.TempDir(), "audit.json")
	d.start()
	defer d.stop()
	d.writeRaw("audit.json", record(1)+"\n"+`{"id":"half`)
	d.expect(record(1))
	d.must(os.Truncate(d.path("audit.json"), 0))
	d.write("audit.json", record(2))
	d.expect(record(1), record(2))
	if d.source.Stats().Truncations.Load() != 1 || d.source.Stats().PossiblyLost.Load() == 0 {
		t.Errorf("%d truncations, %d bytes possibly lost", d.source.Stats().Truncations.Load(), d.source.Stats().PossiblyLost.Load())
	}
}

// R3: the system gives the inode of a removed file to a new one.
func TestR3_InodeReuse(t *testing.T) {
	d := newDesk(t, t.TempDir(), "audit.json")
	d.start()
	d.write("audit.json", recordRange(0, 100)...)
	d.expect(recordRange(0, 100)...)
	d.stop()
	// Claim that the position belongs to whatever inode the new file gets.
	d.must(os.Remove(d.path("audit.json")))
	d.write("audit.json", recordRange(100, 300)...)
	info, err := os.Stat(d.path("audit.json"))
	d.must(err)
	id, _ := identify(info)
	for stream, s := range d.saved {
		p, _ := parsePosition(s.Position)
		s.Position = bytes.Replace(s.Position, []byte(fmt.Sprintf(`"ino":%d`, p.Ino)), []byte(fmt.Sprintf(`"ino":%d`, id.Ino)), 1)
		d.saved[stream] = s
	}
	d.start()
	defer d.stop()
	d.expectOnce(recordRange(0, 300)...)
}

// R4: one record of 120 bytes is enough, and two files may begin alike.
func TestR4_TinyFiles(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.start()
	defer d.stop()
	tiny := `{"id":"` + strings.Repeat("x", 111) + `"}`
	d.write("a.json", tiny)
	d.expect(tiny)
	d.write("b.json", tiny, record(2))
	d.write("c.json", tiny, record(3))
	d.expect(tiny, record(2), record(3))
}

// R5: the first 4 KiB and more in common.
func TestR5_FilesWithTheSameHead(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	head := `{"id":"` + strings.Repeat("x", 4100) + `"}`
	want := []string{head}
	for i := range 5 {
		d.write(fmt.Sprintf("%d.json", i), head, record(i))
		want = append(want, record(i))
	}
	d.start()
	d.expect(want...)
	d.stop()
	for i := range 5 {
		d.write(fmt.Sprintf("%d.json", i), record(10+i))
		want = append(want, record(10+i))
	}
	before := len(d.records)
	d.start()
	defer d.stop()
	d.expect(want...)
	if len(d.records) != before+5 {
		t.Errorf("%d records came again", len(d.records)-before-5)
	}
}

func gzipped(t fataler, text string) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err := zw.Write([]byte(text))
	if err = errors.Join(err, zw.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// R6: a compressed file is resumed in its middle, and one that is still being
// written is waited for.
func TestR6_Gzip(t *testing.T) {
	all := recordRange(0, 5000)
	data := gzipped(t, strings.Join(all, "\n")+"\n")
	t.Run("killed in its middle", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.gz")
		d.config.BatchBytes = 1000
		d.must(os.WriteFile(d.path("audit.json.gz"), data, 0o600))
		d.start()
		for len(d.got()) < 100 {
			time.Sleep(time.Millisecond)
		}
		d.stop()
		before := len(d.records)
		d.start()
		defer d.stop()
		d.expectOnce(all...)
		t.Logf("resumed after %d of %d records", before, len(all))
	})
	t.Run("half written", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.gz")
		d.must(os.WriteFile(d.path("audit.json.gz"), data[:len(data)/2], 0o600))
		d.start()
		defer d.stop()
		for len(d.got()) < 100 {
			time.Sleep(time.Millisecond)
		}
		d.must(os.WriteFile(d.path("audit.json.gz"), data, 0o600))
		d.expectOnce(all...)
	})
	t.Run("damaged", func(t *testing.T) {
		d := newDesk(t, t.TempDir(), "*.gz")
		bad := bytes.Clone(data)
		bad[len(bad)/2] ^= 0xff
		d.must(os.WriteFile(d.path("audit.json.gz"), bad, 0o600))
		d.write("other.gz", record(7)) // plain in spite of its name
		d.once()
		got := d.got()
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, string(event.ReasonBrokenPack)) }) || !slices.Contains(got, record(7)) {
			t.Errorf("of %d records the last are %q", len(got), got[max(0, len(got)-3):])
		}
	})
}

// However many compressed files there are, few are decompressed at the same time.
func TestManyCompressedFilesTakeLittleMemory(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.gz")
	const files, each = 60, 300
	for i := range files {
		d.must(os.WriteFile(d.path(fmt.Sprintf("%02d.gz", i)), gzipped(t, strings.Join(recordRange(i*each, (i+1)*each), "\n")+"\n"), 0o600))
	}
	d.config.BatchBytes = 1 << 10
	most := 0
	take := func(ctx context.Context, b event.Batch) error { // in the goroutine of the source
		now := 0
		for _, f := range d.source.files {
			if f.unpack != nil {
				now++
			}
		}
		most = max(most, now)
		return d.take(ctx, b)
	}
	for range 2 {
		d.source = New(d.config)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var saved []event.Saved
		for _, s := range d.saved {
			saved = append(saved, s)
		}
		go func() { ended <- d.source.Run(ctx, saved, take) }()
		d.expectOnce(recordRange(0, files*each)...)
		time.Sleep(50 * time.Millisecond)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		d.config.Resumed = true
	}
	if most > maxUnpacking {
		t.Errorf("%d files were decompressed at the same time", most)
	}
}

// R7: every layout, in one run, with one bad record in the middle.
func TestR7_Layouts(t *testing.T) {
	bad := `{"id":oops}`
	for name, text := range map[string]string{
		"NDJSON":          record(1) + "\n" + bad + "\n" + record(2) + "\n",
		"CRLF":            record(1) + "\r\n" + bad + "\r\n" + record(2) + "\r\n",
		"byte order":      "\xef\xbb\xbf" + record(1) + "\n" + bad + "\n" + record(2) + "\n",
		"array":           "[" + record(1) + "," + bad + "," + record(2) + "]",
		"pretty":          "[\n  {\n    \"id\":\"1\"\n  },\n  {\n    \"id\": oops\n  },\n  {\n    \"id\":\"2\"\n  }\n]\n",
		"concatenated":    record(1) + bad + record(2),
		"half at the end": record(1) + "\n" + bad + "\n" + record(2) + "\n{\"id\":\"3",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, t.TempDir(), "*")
			d.writeRaw("audit", text)
			d.once()
			var ids, faults []string
			for _, r := range d.records {
				for _, part := range Split(event.Raw{Bytes: []byte(r)}) {
					compact := strings.Join(strings.Fields(string(part.Bytes)), "")
					if part.Fault == nil {
						ids = append(ids, compact)
					} else {
						faults = append(faults, compact)
					}
				}
			}
			if fmt.Sprint(ids) != fmt.Sprint([]string{record(1), record(2)}) {
				t.Errorf("records %q, faults %q", ids, faults)
			}
			if len(faults) == 0 {
				t.Error("the bad record left no trace")
			}
		})
	}
}

// R8, as far as the source goes: a record beyond the limit is passed over without
// being kept, with its length, place and keyed hash.
func TestR8_TooLarge(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.MaxRecord, d.config.BatchBytes = 64<<10, 16<<10
	huge := `{"id":"` + strings.Repeat("x", 4<<20) + `"}`
	d.write("a.json", record(1), huge, record(2), `{"id":"`+strings.Repeat("y", 60<<10)+`"}`, record(3))
	var fault *event.Fault
	var at int64
	take := func(ctx context.Context, b event.Batch) error {
		for _, r := range b.Records {
			if r.Fault != nil {
				fault, at = r.Fault, r.Offset
			}
		}
		return d.take(ctx, b)
	}
	d.config.Once = true
	d.must(New(d.config).Run(context.Background(), nil, take))
	if fault == nil || fault.Reason != event.ReasonTooLarge || fault.Length != int64(len(huge)) || len(fault.Hash) != 64 {
		t.Fatalf("the fault is %+v", fault)
	}
	if want := int64(len(record(1)) + 1); at != want {
		t.Errorf("it is said to start at %d, not %d", at, want)
	}
	if got := d.got(); len(got) != 5 {
		t.Errorf("%d records", len(got))
	}
}

func TestRecordsBeforeThePositionAreCountedOnRequest(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.write("a.json", recordRange(0, 3)...)
	d.start()
	d.expect(recordRange(0, 3)...)
	d.stop()
	d.write("a.json", recordRange(3, 5)...)
	for stream, s := range d.saved {
		s.Recount = true
		d.saved[stream] = s
	}
	d.start()
	defer d.stop()
	d.expectOnce(recordRange(0, 5)...)
	if !slices.Equal(d.counted, recordRange(0, 3)) {
		t.Errorf("counted %q", d.counted)
	}
}

func TestWhatWasThereAtARestartIsDoubtful(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.Resumed = true
	d.write("a.json", record(1))
	d.start()
	defer d.stop()
	d.expect(record(1))
	d.write("a.json", record(2))
	d.expect(record(1), record(2))
	d.mu.Lock()
	defer d.mu.Unlock()
	if first, last := d.batches[0], d.batches[len(d.batches)-1]; !first.Doubtful || last.Doubtful {
		t.Errorf("doubtful: first %v, last %v", first.Doubtful, last.Doubtful)
	}
}

// R17: what comes in a file that appears while the source runs, or is written anew,
// may be a copy of what this run has sent, even while the copy still grows.
func TestACopyOfWhatWasSentIsDoubtful(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json*")
	d.write("audit.json", record(1))
	d.start()
	defer d.stop()
	d.expect(record(1))
	d.write("audit.json", record(2))
	d.expect(record(1), record(2))
	d.write("audit.json.1", record(1))
	d.expectTimes(3)
	d.write("audit.json.1", record(2))
	d.expectTimes(4)
	d.must(os.Truncate(d.path("audit.json"), 0))
	d.write("audit.json", record(3))
	d.expectTimes(5)
	d.mu.Lock()
	defer d.mu.Unlock()
	var doubtful []bool
	for _, b := range d.batches {
		if !b.Forget {
			doubtful = append(doubtful, b.Doubtful)
		}
	}
	if want := []bool{false, false, true, true, true}; !slices.Equal(doubtful, want) {
		t.Errorf("doubtful: %v, want %v", doubtful, want)
	}
}

// R10, as far as the source goes: nothing is kept of files that came and went.
func TestR10_FilesThatWentAreForgotten(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.MaxOpen = 4
	d.config.CloseInactive = 50 * time.Millisecond
	d.start()
	defer d.stop()
	for i := range 20 {
		name := fmt.Sprintf("%d.json", i)
		d.write(name, record(i))
		d.expect(recordRange(0, i+1)...)
		d.must(os.Remove(d.path(name)))
	}
	deadline := time.Now().Add(time.Minute)
	for {
		d.mu.Lock()
		left := len(d.saved)
		d.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d positions are left", left)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestManyFilesWithFewDescriptors(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.MaxOpen = 3
	d.start()
	defer d.stop()
	for round := range 3 {
		for i := range 12 {
			d.write(fmt.Sprintf("%d.json", i), record(round*12+i))
		}
		d.expectOnce(recordRange(0, (round+1)*12)...)
	}
}

func TestAnUnreadableFileHarmsNoOther(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.must(os.Mkdir(d.path("folder.json"), 0o755))
	d.must(os.Symlink(d.path("nowhere"), d.path("dangling.json")))
	d.write("a.json", record(1))
	d.start()
	defer d.stop()
	d.expectOnce(record(1))
}

func FuzzParsePosition(f *testing.F) {
	f.Add([]byte(`{"path":"/a","dev":1,"ino":2,"offset":10,"head":"x","head_length":10,"tail":"y","tail_length":10}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := parsePosition(data)
		if ok && (p.Offset < int64(p.TailLength) || p.HeadLength > window) {
			t.Fatalf("accepted %+v", p)
		}
	})
}
