package filesource

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
)

// faulty keeps the faults that a source emits, and the records of its largest batch.
type faulty struct {
	faults []event.Raw
	most   int
}

func (k *faulty) of(d *desk) Emit {
	return func(ctx context.Context, b event.Batch) error {
		for _, r := range b.Records {
			if r.Fault != nil {
				r.Bytes = bytes.Clone(r.Bytes)
				k.faults = append(k.faults, r)
			}
		}
		k.most = max(k.most, len(b.Records))
		return d.take(ctx, b)
	}
}

// A file that is no text is set aside as a whole: one fault, however large it is, one
// warning, and what else is there is read. A restart does not say it again.
func TestAFileOfNoTextIsSetAside(t *testing.T) {
	random := make([]byte, 3<<20)
	_, _ = rand.Read(random) // never fails
	for name, content := range map[string][]byte{
		"zip": append([]byte("PK\x03\x04"), random...), "random": random, "random in gzip": gzipped(t, string(random)),
		"archive in gzip": gzipped(t, strings.Repeat("\x01x", 300)+strings.Repeat("x", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, t.TempDir(), "*")
			d.must(os.WriteFile(d.path("audit.json.old"), content, 0o600))
			d.write("audit.json", record(1))
			o := d.watched()
			d.start()
			d.expect(record(1), "not_text: ")
			o.expect(t, event.DebtSetAside, "audit.json.old is set aside: it is a ")
			d.write("audit.json", record(2))
			d.expectOnce(record(1), record(2), "not_text: ")
			if behind := d.source.Stats().BehindBytes.Load(); behind > int64(len(record(2)))+1 {
				t.Errorf("%d bytes behind", behind)
			}
			d.stop()
			o = d.watched()
			d.start()
			defer d.stop()
			d.write("audit.json", record(3))
			d.expectOnce(record(1), record(2), record(3), "not_text: ")
			o.expect(t, event.DebtSetAside, "audit.json.old is set aside")
			d.must(os.Remove(d.path("audit.json.old")))
			o.expect(t, event.DebtSetAside, "")
		})
	}
}

// What is text is read, in whatever language and encoding.
func TestTextIsNotSetAside(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "JSON": auditRecord(1), "after a hole": strings.Repeat("\x00", 4000) + auditRecord(1),
		"Chinese":     `{"resource_name":"` + strings.Repeat("路由", 200) + `"}`,
		"GBK":         `{"resource_name":"` + strings.Repeat("\xc2\xb7\xd3\xc9", 200) + `"}`,
		"UTF-16":      "\xff\xfe" + strings.Join(strings.Split(auditRecord(1), ""), "\x00") + "\x00",
		"RS":          strings.Repeat("\x1e{\"id\":1}\n", 50),
		"log lines":   strings.Repeat("Nov 28 10:00:00 host app[1]: done\n", 20),
		"colours":     strings.Repeat("\x1b[31mred\x1b[0m\n", 40),
		"half a file": "PK",
	} {
		if what := foreignFormat([]byte(text)); what != "" {
			t.Errorf("%s is called a %s", name, what)
		}
	}
}

// However many faults follow each other, one tells of all of them: how many, where the
// first and the last stand; between records they are told apart.
func TestFaultsThatFollowEachOtherAreOne(t *testing.T) {
	const n = 5000
	for _, batch := range []int{1 << 10, 16 << 10, 1 << 20} {
		d := newDesk(t, t.TempDir(), "*")
		d.config.BatchBytes = batch
		var text strings.Builder
		text.WriteString(record(1) + "\n")
		for i := range n {
			fmt.Fprintf(&text, "{\"id\":oops %d\n", i)
		}
		last := int64(text.Len() - len(fmt.Sprintf("{\"id\":oops %d\n", n-1)))
		text.WriteString(record(2) + "\n{\"id\":oops\n" + record(3) + "\n")
		d.writeRaw("file", text.String())
		var got faulty
		d.config.Once = true
		d.must(New(d.config).Run(t.Context(), nil, got.of(d)))
		if len(got.faults) != 2 {
			t.Fatalf("batches of %d: %d faults", batch, len(got.faults))
		}
		run := got.faults[0]
		if f := run.Fault; f.Count != n || run.Offset != int64(len(record(1))+1) || f.Last != last || len(run.Bytes) > maxFaultText || !bytes.HasPrefix(run.Bytes, []byte("{\"id\":oops 0")) {
			t.Errorf("batches of %d: %d faults at %d, the last at %d (want %d), %d bytes kept", batch, f.Count, run.Offset, f.Last, last, len(run.Bytes))
		}
		if !slices.Equal(d.got()[2:], []string{record(1), record(2), record(3)}) {
			t.Errorf("records: %q", d.got()[2:])
		}
	}
}

// A stretch that takes more than any record is told on the log, and one that does not
// is not.
func TestALongFaultIsTold(t *testing.T) {
	for length, want := range map[int]bool{100: false, 100 << 10: true} {
		d := newDesk(t, t.TempDir(), "*")
		var log bytes.Buffer
		d.config.Log = zerolog.New(&log)
		d.write("file", record(1), "{\"id\":oops "+strings.Repeat("x", length), record(2))
		d.once()
		if got := strings.Contains(log.String(), `"level":"warn"`) && strings.Contains(log.String(), "may hide others"); got != want {
			t.Errorf("%d bytes: told %t: %s", length, got, log.String())
		}
	}
}

// Six million records that are next to nothing fit into 17 KB; no batch of them is large.
func TestABatchOfTinyRecordsIsSmall(t *testing.T) {
	d := newDesk(t, t.TempDir(), "*")
	d.must(os.WriteFile(d.path("a.gz"), gzipped(t, strings.Repeat("{}\n", 100_000)), 0o600))
	var got faulty
	d.config.Once = true
	d.must(New(d.config).Run(t.Context(), nil, got.of(d)))
	if len(d.records) != 100_000 || got.most > 512<<10/recordBytes {
		t.Errorf("%d records, %d in the largest batch", len(d.records), got.most)
	}
}
