package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

var formats = []Format{Gzip, Zstd, Bzip2, Xz}

// packed are the files of testdata: 300 records each, made with the formats' own
// programs; those named "two" are two such files one behind the other, as appending
// to a compressed file or compressing in parallel makes them.
func packed(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string][]byte{}
	for _, path := range files {
		if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func records(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":\"r%03d\",\"event_time\":\"2026-11-28T10:00:00Z\",\"event_type\":\"AddRoute\"}\n", i)
	}
	return b.String()
}

func TestFilesOfOtherPrograms(t *testing.T) {
	for name, data := range packed(t) {
		format := Detect(data)
		if !strings.HasPrefix(name, string(format)+"-") {
			t.Errorf("%s: taken for %q", name, format)
			continue
		}
		want := records(300)
		if strings.Contains(name, "two") {
			want += want
		}
		r, err := NewReader(format, bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
}

// A file that is still being copied ends anywhere; what is there can be read.
func TestAFileThatIsCutAnywhere(t *testing.T) {
	whole := records(300)
	for _, format := range formats {
		data := packed(t)[string(format)+"-one."+string(format)]
		for n := Magic; n < len(data); n++ {
			r, err := NewReader(format, bytes.NewReader(data[:n]))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				r.Close()
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s, the first %d of %d bytes: %v", format, n, len(data), err)
			}
			if !strings.HasPrefix(whole, string(got)) {
				t.Fatalf("%s, the first %d of %d bytes: something else", format, n, len(data))
			}
		}
	}
}

func TestADamagedFileIsNoShortOne(t *testing.T) {
	for _, format := range formats {
		data := bytes.Clone(packed(t)[string(format)+"-one."+string(format)])
		data[len(data)/2] ^= 0xff
		r, err := NewReader(format, bytes.NewReader(data))
		if err == nil {
			_, err = io.ReadAll(r)
			r.Close()
		}
		if err == nil {
			t.Errorf("%s: nothing was noticed", format)
		}
	}
}

func TestWindowsThatAreTooLarge(t *testing.T) {
	var small, large bytes.Buffer
	for out, dictionary := range map[*bytes.Buffer]int{&small: 64 << 20, &large: 96 << 20} {
		w, err := xz.WriterConfig{DictCap: dictionary}.NewWriter(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, records(1)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewReader(Xz, &small); err != nil {
		t.Errorf("xz with 64 MiB: %v", err)
	}
	if _, err := NewReader(Xz, &large); !errors.Is(err, ErrWindow) {
		t.Errorf("xz with 96 MiB: %v", err)
	}
	var frame bytes.Buffer
	w, err := zstd.NewWriter(&frame, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.Write([]byte(records(300))); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil { // its size is not known then
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(Zstd, &frame)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	if !errors.Is(err, ErrWindow) {
		t.Errorf("zstd with 128 MiB: %v", err)
	}
}

func TestDetect(t *testing.T) {
	for head, want := range map[string]Format{
		"": None, "{": None, "\x1f": None, "\x1f\x8b\x08": Gzip, "BZh": None, "BZh9": Bzip2, "BZh0": None,
		"\x28\xb5\x2f\xfd": Zstd, "\x50\x2a\x4d\x18\x04": Zstd, "\x5f\x2a\x4d\x18": Zstd, "\xfd7zXZ\x00": Xz, "\xfd7zX": None,
	} {
		if got := Detect([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestForeign(t *testing.T) {
	tar := append(bytes.Repeat([]byte{0}, 257), "ustar\x0000"...)
	copy(tar, "audit.json")
	for head, want := range map[string]string{
		"PK\x03\x04\x14": "zip archive (or a spreadsheet)", string(tar): "tar archive", "7z\xbc\xaf\x27\x1c\x00": "7z archive",
		"\x04\x22\x4d\x18": "lz4 file", "SQLite format 3\x00": "SQLite database",
		"": "", `{"id":1}`: "", "id,event_time\n": "", "\x1f\x8b\x08": "", "\xff\xfe{\x00": "", "Time,Operator": "",
	} {
		if got := Foreign([]byte(head)); got != want {
			t.Errorf("%.12q: %q, want %q", head, got, want)
		}
	}
}

func FuzzNewReader(f *testing.F) {
	for name, data := range packed(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
		if strings.HasPrefix(name, "gzip") {
			f.Add(append(bytes.Clone(data), "PK\x03\x04"...))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Foreign(data)
		format := Detect(data)
		if format == None {
			return
		}
		r, err := NewReader(format, bytes.NewReader(data))
		if err != nil {
			return
		}
		defer r.Close()
		if n, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); err == nil && n == 0 && len(data) == 0 {
			t.Fatal("something of nothing")
		}
	})
}

func BenchmarkGzip(b *testing.B) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	text := records(50_000)
	if _, err := io.WriteString(w, text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := NewReader(Gzip, bytes.NewReader(packed.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
