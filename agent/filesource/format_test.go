package filesource

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/rs/zerolog"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// audited is the i-th record of the files of these tests.
func audited(i int) string {
	return fmt.Sprintf(`{"id":"f%d","event_time":"2026-11-28T10:00:00Z","event_type":"Add \"Route\"","resource_name":"ü%s"}`, i, strings.Repeat("x", i%7*40))
}

func auditedRange(n int) (records []string) {
	for i := range n {
		records = append(records, audited(i))
	}
	return records
}

func jsonString(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// split cuts a line into parts, the last one with its line feed.
func split(line string, size int) (parts []string) {
	for len(line) > size {
		at := size
		for line[at]&0xc0 == 0x80 { // as Docker does, between characters
			at--
		}
		parts, line = append(parts, line[:at]), line[at:]
	}
	return append(parts, line)
}

var wraps = map[string]func(string) string{
	"plain": func(line string) string { return line + "\n" },
	"docker": func(line string) string {
		return `{"log":` + jsonString(line+"\n") + `,"stream":"stdout","time":"2026-11-28T10:00:00.1Z"}` + "\n"
	},
	"docker in parts": func(line string) (all string) {
		for _, part := range split(line+"\n", 50) {
			all += `{"log":` + jsonString(part) + `,"stream":"stdout","time":"2026-11-28T10:00:00.1Z"}` + "\n" +
				`{"log":"\n","stream":"stderr","time":"2026-11-28T10:00:00.1Z"}` + "\n"
		}
		return all
	},
	"cri": func(line string) string { return "2026-11-28T10:00:00.1Z stdout F " + line + "\n" },
	"cri in parts": func(line string) (all string) {
		for _, part := range split(line, 70) {
			all += "2026-11-28T10:00:00.1Z stdout P " + part + "\n2026-11-28T10:00:00.1Z stderr F \n"
		}
		return all + "2026-11-28T10:00:00.1Z stdout F \n"
	},
	"syslog": func(line string) string {
		return `<14>1 2026-11-28T10:00:00Z gw-1 api7 1 - [a@1 b="]"] @cee: ` + line + "\n"
	},
	"old syslog": func(line string) string { return "<14>Nov 28 10:00:00 gw-1 api7[1]: " + line + "\n" },
	"journald": func(line string) string {
		return `{"__REALTIME_TIMESTAMP":"1795860000000000","_HOSTNAME":"gw-1","MESSAGE":` + jsonString(line) + "}\n"
	},
	"grep": func(line string) string { return "/var/log/audit.json:7:" + line + "\n" },
}

var encodings = map[string]encoding.Encoding{
	"utf-8": nil, "utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf-16 with mark": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32be with mark": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
	"windows-1252": charmap.Windows1252, "gb18030": simplifiedchinese.GB18030,
}

func encoded(t fataler, name, text string) []byte {
	if encodings[name] == nil {
		return []byte(text)
	}
	out, err := encodings[name].NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// encodingOf is what has to be configured for a file.
func encodingOf(t fataler, name string) *charset.Charset {
	if name != "windows-1252" && name != "gb18030" {
		return nil
	}
	c, err := charset.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var packings = map[string]func(*testing.T, []byte) []byte{
	"not packed": func(_ *testing.T, text []byte) []byte { return text },
	"gzip":       func(t *testing.T, text []byte) []byte { return gzipped(t, string(text)) },
	"zstd": func(t *testing.T, text []byte) []byte {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.EncodeAll(text, nil)
	},
	"xz": func(t *testing.T, text []byte) []byte {
		var b bytes.Buffer
		w, err := xz.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	},
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// wrapped is the text of a file of n records in a wrap. CSV has another content.
func wrapped(wrap string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(wraps[wrap](audited(i)))
	}
	return b.String()
}

// Every wrap in every encoding in every compression, as a file and as a pipe.
func TestEveryFormatGivesTheSameRecords(t *testing.T) {
	const n = 40
	want := auditedRange(n)
	for _, wrap := range sortedKeys(wraps) {
		text := wrapped(wrap, n)
		for _, name := range sortedKeys(encodings) {
			for _, packing := range sortedKeys(packings) {
				t.Run(wrap+", "+name+", "+packing, func(t *testing.T) {
					data := packings[packing](t, encoded(t, name, text))
					d := newDesk(t, t.TempDir(), "*")
					d.config.Encoding, d.config.BatchBytes = encodingOf(t, name), 1500
					d.must(os.WriteFile(d.path("a"), data, 0o600))
					d.once()
					d.expectOnce(slices.Clone(want)...)

					got, err := readReader(t, bytes.NewReader(data), d.config)
					for i := range got {
						_, got[i], _ = strings.Cut(got[i], " ")
					}
					if err != nil || len(got) != len(want) || !slices.Equal(got, want) {
						t.Errorf("as a pipe: %v, %d records, the last is %.300q", err, len(got), got[len(got)-1])
					}
				})
			}
		}
	}
}

// A file that grows by any number of bytes, and a reader that is stopped and killed
// at any place: every record comes, and once only where nothing was killed.
func TestFormatsGrowOverRestarts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		wrap := rapid.SampledFrom(sortedKeys(wraps)).Draw(rt, "wrap")
		name := rapid.SampledFrom(sortedKeys(encodings)).Draw(rt, "encoding")
		const n = 12
		data := encoded(rt, name, wrapped(wrap, n))
		d := newDesk(rt, dir, "*")
		d.config.Encoding, d.config.BatchBytes = encodingOf(rt, name), rapid.IntRange(300, 3000).Draw(rt, "batch")
		killed := false
		for len(data) > 0 {
			size := rapid.IntRange(1, len(data)).Draw(rt, "size")
			d.writeRaw("a", string(data[:size]))
			data = data[size:]
			d.start()
			for d.source.Stats().Files.Load() == 0 {
			}
			if rapid.Bool().Draw(rt, "kill") {
				d.kill()
				killed = true
			} else {
				d.stop()
			}
			d.save()
		}
		d.once()
		if want := auditedRange(n); killed {
			d.expect(want...)
		} else {
			d.expectOnce(slices.Clone(want)...)
		}
	})
}

// The offset of a record is the file's own: what stands there is the record, or the
// line around it.
func TestOffsetsAreThoseOfTheFile(t *testing.T) {
	for _, wrap := range sortedKeys(wraps) {
		for _, name := range sortedKeys(encodings) {
			data := encoded(t, name, wrapped(wrap, 9))
			got, err := readReader(t, bytes.NewReader(data), Config{Encoding: encodingOf(t, name), BatchBytes: 700})
			if err != nil || len(got) != 9 {
				t.Fatalf("%s, %s: %v, %q", wrap, name, err, got)
			}
			for i := range got {
				var at int
				if _, err := fmt.Sscan(got[i], &at); err != nil {
					t.Fatal(err)
				}
				line := encoded(t, strings.TrimSuffix(name, " with mark"), strings.SplitAfter(wraps[wrap](audited(i)), "\n")[0])
				if name == "utf-16 with mark" {
					line = encoded(t, "utf-16le", strings.SplitAfter(wraps[wrap](audited(i)), "\n")[0])
				}
				if name == "utf-32be with mark" {
					continue
				}
				if at > 0 && !bytes.HasPrefix(data[at:], line) {
					t.Errorf("%s, %s: record %d is said to be at %d", wrap, name, i, at)
				}
			}
		}
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		want  []string
		said  string
	}{
		"Latin-1": {[]string{`{"id":"1"}`, "{\"id\":\"2\",\"resource_name\":\"J\xfcrgen\"}", `{"id":"3"}`}, []string{`{"id":"1"}`, "not_utf8: ", `{"id":"3"}`}, `"guess":"windows-1252"`},
		"GBK":     {[]string{"{\"id\":\"2\",\"resource_name\":\"\xd4\xcb\xce\xac\"}", "{\"id\":\"3\",\"resource_name\":\"\xd4\xcb\xce\xac\"}"}, []string{"not_utf8: "}, `"guess":"gbk"`},
		"CSV":     {[]string{"id,event", "1,a", "2,J\xfcrgen", "3,c"}, []string{`{"id":"1","event_type":"a"}`, "not_utf8: ", `{"id":"3","event_type":"c"}`}, `"guess":"windows-1252"`},
		"header":  {[]string{"\xca\xb1\xbc\xe4,\xca\xc2\xbc\xfe", "2026-11-28,a"}, []string{"not_utf8: "}, `"guess":"gbk"`},
		"damaged": {[]string{`{"id":"1","resource_name":"运维运维"}`, "{\"id\":\"2\",\"resource_name\":\"运维\xe8\xbf\"}"}, []string{`{"id":"1","resource_name":"运维运维"}`, "{\"id\":\"2\",\"resource_name\":\"运维\xe8\xbf\"}"}, "U+FFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			d := newDesk(t, t.TempDir(), "*")
			d.config.Log = zerolog.New(&log).Level(zerolog.WarnLevel)
			d.write("a", tt.lines...)
			d.once()
			slices.Sort(tt.want)
			if got := d.got(); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), tt.said) || !strings.Contains(log.String(), d.path("a")) {
				t.Errorf("said %s", log.String())
			}
		})
	}
}

// What is found of a file is said once, also over restarts.
func TestTheFormatIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	d := newDesk(t, t.TempDir(), "*")
	d.config.Log = zerolog.New(&log)
	d.must(os.WriteFile(d.path("a"), gzipped(t, string(encoded(t, "utf-16le", wraps["cri"]("id;event")+wraps["cri"]("1;b")))), 0o600))
	d.write("plain", record(1))
	d.once()
	d.once()
	d.expectOnce(`{"id":"1","event_type":"b"}`, record(1))
	if n := strings.Count(log.String(), "file format found"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
	for _, part := range []string{`"compression":"gzip"`, `"encoding":"utf-16le"`, `"wrap":"cri"`, `"csv_separator":";"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%s is not said in %s", part, log.String())
		}
	}
}

// What a wrap knows goes with its record.
func TestRecordsKnowTheirWrap(t *testing.T) {
	var wraps []event.Wrap
	c := Config{Input: "in", Key: []byte("key"), Reader: strings.NewReader("2026-11-28T10:00:00.1Z stdout F {\"id\":1}{\"id\":2}\n{\"id\":3}\n")}
	err := New(c).Run(t.Context(), nil, func(_ context.Context, b event.Batch) error {
		for _, r := range b.Records {
			if r.Wrap == nil {
				r.Wrap = &event.Wrap{}
			}
			wraps = append(wraps, *r.Wrap)
		}
		return nil
	})
	cri := event.Wrap{Time: "2026-11-28T10:00:00.1Z", Stream: "stdout"}
	if err != nil || !slices.Equal(wraps, []event.Wrap{cri, cri, {}}) {
		t.Errorf("%v, %+v", err, wraps)
	}
}

// A record that is too large is passed over, whatever stands around it.
func TestARecordThatIsTooLargeInAnyFormat(t *testing.T) {
	large := `{"id":"large","note":"` + strings.Repeat("ü{", 3000) + `"}`
	for _, wrap := range sortedKeys(wraps) {
		for _, name := range sortedKeys(encodings) {
			t.Run(wrap+", "+name, func(t *testing.T) {
				d := newDesk(t, t.TempDir(), "*")
				d.config.MaxRecord, d.config.BatchBytes, d.config.Encoding = 2000, 1000, encodingOf(t, name)
				d.must(os.WriteFile(d.path("a"), encoded(t, name, wraps[wrap](audited(1))+wraps[wrap](large)+wraps[wrap](audited(2))), 0o600))
				d.once()
				if got, want := d.got(), []string{"too_large: ", audited(1), audited(2)}; !slices.Equal(got, want) {
					t.Errorf("got %.300q, want %q", got, want)
				}
			})
		}
	}
}

// Wraps can be named, and not be looked for.
func TestNamedWraps(t *testing.T) {
	docker := wraps["docker"](record(1))
	for kind, want := range map[unwrap.Kind]string{unwrap.None: strings.TrimSpace(docker), unwrap.Docker: record(1), "": record(1)} {
		d := newDesk(t, t.TempDir(), "*")
		d.config.Unwrap = kind
		d.writeRaw("a", docker)
		d.once()
		d.expectOnce(want)
	}
}
