package filesource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/agent/event"
)

// taken is what a source emitted: "offset text", or "offset reason: text".
type taken struct {
	records, forgotten []string
	faults             []bool
}

func (k *taken) take(_ context.Context, b event.Batch) error {
	for _, r := range b.Records {
		text := string(r.Bytes)
		if r.Fault != nil {
			text = fmt.Sprintf("%s: %s (%d)", r.Fault.Reason, text, r.Fault.Length)
		}
		k.records = append(k.records, fmt.Sprintf("%d %s", r.Offset, text))
		k.faults = append(k.faults, r.Fault != nil)
	}
	if b.Forget {
		k.forgotten = append(k.forgotten, b.Stream.String())
	}
	if b.Release != nil {
		b.Release()
	}
	return nil
}

func readReader(t *testing.T, r io.Reader, c Config) ([]string, error) {
	t.Helper()
	var got taken
	c.Input, c.Key, c.Reader = "in", []byte("key"), r
	err := New(c).Run(t.Context(), nil, got.take)
	return got.records, err
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A pipe gives what a file of the same bytes gives, however it is cut.
func TestAPipeIsReadAsAFile(t *testing.T) {
	long := strings.Join(recordRange(0, 3000), "\n") + "\n"
	csv := "id,event_time,operator\n1,1772366400,Ops\n2,\"17\"\"\",Dev\n"
	texts := map[string]string{
		"lines":             record(1) + "\n" + record(2) + "\n",
		"no last line end":  record(1) + "\n" + record(2),
		"CRLF and BOM":      "\xef\xbb\xbf" + record(1) + "\r\n" + record(2) + "\r\n",
		"array":             "[\n" + record(1) + ",\n" + record(2) + "]",
		"pretty":            "{\n  \"id\": 1\n}\n{\n  \"id\": 2\n}\n",
		"concatenated":      record(1) + record(2),
		"CSV":               csv,
		"a bad one":         record(1) + "\n{\"id\":oops}\n" + record(2) + "\n",
		"cut short":         record(1) + "\n{\"id\":\"2",
		"too large":         record(1) + "\n{\"id\":\"" + strings.Repeat("x", 5000) + "\"}\n" + record(2) + "\n",
		"larger than a bit": long,
		"empty":             "",
		"white space":       " \n\n\t ",
		"no records":        "audit log of the gateway\n",
	}
	for name, text := range texts {
		for _, form := range []string{text, zipped(t, text)} {
			d := newDesk(t, t.TempDir(), "*")
			d.writeRaw("file", form)
			c := Config{MaxRecord: 4000, BatchBytes: 2048}
			var want taken
			file := c
			file.Input, file.Key, file.Paths, file.Once = "in", []byte("key"), d.config.Paths, true
			d.must(New(file).Run(t.Context(), nil, want.take))
			for how, reader := range map[string]io.Reader{
				"at once":           strings.NewReader(form),
				"in halves":         iotest.HalfReader(strings.NewReader(form)),
				"the end with data": iotest.DataErrReader(strings.NewReader(form)),
				"byte by byte":      iotest.OneByteReader(strings.NewReader(form)),
			} {
				if how == "byte by byte" && len(form) > 10_000 {
					continue // says nothing more
				}
				got, err := readReader(t, reader, c)
				if err != nil || !slices.Equal(got, want.records) {
					t.Errorf("%s, %s: %v\ngot  %.300q\nwant %.300q", name, how, err, got, want.records)
				}
			}
		}
	}
}

// What was read when a pipe broke is no end: nothing half is taken for a record that
// is cut short, and a compressed one is not called damaged.
func TestAPipeThatBreaksIsAnErrorAndNoDeadLetter(t *testing.T) {
	broken := errors.New("broken")
	text := record(1) + "\n" + record(2) + "\n{\"id\":"
	whole := zipped(t, strings.Repeat(text, 100))
	for name, head := range map[string]string{
		"plain": text, "nothing": "", "compressed": whole[:len(whole)/2], "in the header": whole[:5],
	} {
		got, err := readReader(t, io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), Config{})
		if !errors.Is(err, broken) || slices.ContainsFunc(got, func(r string) bool { return strings.Contains(r, ": ") }) {
			t.Errorf("%s: %v, %.200q", name, err, got)
		}
	}
}

func TestACompressedPipeThatIsCutOrDamagedLeavesAFault(t *testing.T) {
	whole := zipped(t, strings.Join(recordRange(0, 2000), "\n"))
	for name, text := range map[string]string{"cut": whole[:len(whole)-20], "damaged": whole[:len(whole)-6] + "xxxxxx"} {
		got, err := readReader(t, strings.NewReader(text), Config{})
		if err != nil || len(got) < 1000 || !strings.Contains(strings.Join(got, "\n"), string(event.ReasonBrokenPack)) {
			t.Errorf("%s: %v, %d records, the last %q", name, err, len(got), got[max(0, len(got)-1):])
		}
	}
}

// A compressed file that ends too early, even between two records, is a fault once it
// cannot grow any more.
func TestACompressedFileThatIsCutLeavesAFault(t *testing.T) {
	whole := zipped(t, strings.Join(recordRange(0, 2000), "\n")+"\n")
	for name, text := range map[string]string{
		"in the data": whole[:len(whole)-20], "in the checksum": whole[:len(whole)-6], "in the header": whole[:5],
	} {
		d := newDesk(t, t.TempDir(), "*")
		d.writeRaw("a.gz", text)
		d.once()
		got := strings.Join(d.got(), "\n")
		if !strings.Contains(got, string(event.ReasonBrokenPack)) && !strings.Contains(got, string(event.ReasonCutShort)) {
			t.Errorf("%s: %d bytes of records, no fault", name, len(got))
		}
	}
}

func TestAPipeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	text := strings.NewReader(strings.Join(recordRange(0, 10_000), "\n"))
	err := New(Config{Input: "in", Reader: text, BatchBytes: 1 << 10}).Run(ctx, nil, func(context.Context, event.Batch) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || text.Len() == 0 {
		t.Errorf("%v with %d bytes left", err, text.Len())
	}
}

func TestOnceReadsMoreFilesThanItMayHoldOpen(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.MaxOpen = 3
	for i := range 10 {
		d.write(fmt.Sprintf("%02d.json", i), record(i))
	}
	d.once()
	d.expectOnce(recordRange(0, 10)...)
	s := d.source.Stats()
	if done, size := s.DoneBytes.Load(), s.SizeBytes.Load(); done != size || size != 10*int64(len(record(0))+1) {
		t.Errorf("%d of %d bytes", done, size)
	}
}

func TestPositionsOfARunThatEndedAreForgotten(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*.json")
	d.config.Forget, d.config.BatchBytes = true, 64
	d.write("a.json", recordRange(0, 20)...)
	d.write("b.json", recordRange(20, 30)...)
	interrupt := errors.New("interrupted")
	d.config.Once = true
	batches := 0
	err := New(d.config).Run(t.Context(), nil, func(ctx context.Context, b event.Batch) error {
		if batches++; batches > 4 {
			return interrupt
		}
		return d.take(ctx, b)
	})
	if !errors.Is(err, interrupt) || len(d.saved) != 2 || len(d.records) == 0 {
		t.Fatalf("%v, %d positions, %d records", err, len(d.saved), len(d.records))
	}
	d.once() // goes on
	d.expectOnce(recordRange(0, 30)...)
	if len(d.saved) != 0 {
		t.Errorf("positions are left: %v", d.saved)
	}
	d.once() // reads everything again: whether it is there is not for a position to say
	if len(d.records) != 60 || len(d.saved) != 0 {
		t.Errorf("%d records, %d positions", len(d.records), len(d.saved))
	}
}

// Whatever bytes come, a pipe gives the records that a file of them gives, and faults
// where that does. The faults may be cut otherwise: a file is first read as one that
// may grow.
func FuzzAPipeIsReadAsAFile(f *testing.F) {
	f.Add([]byte(record(1)+"\n"+record(2)), false)
	f.Add([]byte("[{\"id\":1},\n{oops},{\"id\":2}]"), true)
	f.Add([]byte("id,event_time\n1,\"2\"\n\"3,4\n"), false)
	f.Add([]byte("\x1f\x8bno gzip"), false)
	f.Add([]byte{0x1f}, false)
	f.Fuzz(func(t *testing.T, data []byte, zip bool) {
		if zip {
			data = []byte(zipped(t, string(data)))
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c := Config{Input: "in", Key: []byte("key"), Paths: []string{path}, Once: true, MaxRecord: 512, BatchBytes: 256}
		var want, got taken
		if err := New(c).Run(t.Context(), nil, want.take); err != nil {
			t.Fatal(err)
		}
		c.Reader = iotest.HalfReader(bytes.NewReader(data))
		if err := New(c).Run(t.Context(), nil, got.take); err != nil {
			t.Fatal(err)
		}
		gotGood, gotBad := got.sorted()
		wantGood, wantBad := want.sorted()
		if !slices.Equal(gotGood, wantGood) || gotBad != wantBad {
			t.Errorf("got  %q\nwant %q", got.records, want.records)
		}
	})
}

// sorted gives the records, and whether there were faults.
func (k *taken) sorted() (records []string, faults bool) {
	for i, text := range k.records {
		if k.faults[i] {
			faults = true
		} else {
			records = append(records, text)
		}
	}
	return records, faults
}
