package unwrap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/event"
)

const record = `{"id":"u0","event_time":"2026-11-28T10:00:00Z","resource_name":"a\"b \u8fd0 < 运"}`

// quoted is a string as Docker and the journal write it.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func docker(stream, text string) string {
	return `{"log":` + quoted(text) + `,"stream":"` + stream + `","time":"2026-11-28T10:00:00.123456789Z"}` + "\n"
}

func unwrapped(k Kind, src string) *Text {
	var t Text
	t.Unwrap(k, []byte(src), true, 1<<20)
	return &t
}

// Each of these is one record and nothing else.
func TestOneRecord(t *testing.T) {
	stamped := event.Wrap{Time: "2026-11-28T10:00:00.123456789Z", Stream: "stdout"}
	for name, tt := range map[string]struct {
		in   string
		kind Kind
		wrap event.Wrap
	}{
		"docker":              {docker("stdout", record+"\n"), Docker, stamped},
		"docker, attrs first": {`{"attrs":{"tag":"x"},"log":` + quoted(record+"\n") + `,"stream":"stdout","time":"2026-11-28T10:00:00.123456789Z"}`, Docker, stamped},
		"docker, spaces":      {`{ "log" : ` + quoted(record+"\n") + ` , "stream":"stdout", "time":"2026-11-28T10:00:00.123456789Z" } ` + "\r\n", Docker, stamped},
		"docker, split":       {docker("stdout", record[:20]) + docker("stdout", record[20:30]) + docker("stdout", record[30:]+"\n"), Docker, stamped},
		"fluentd":             {`{"log":` + quoted(record+"\n") + `,"stream":"stdout","time":"2026-11-28T10:00:00.123456789Z","kubernetes":{"pod_name":"x"},"docker":{}}`, Docker, stamped},
		"cri":                 {"2026-11-28T10:00:00.123456789Z stdout F " + record + "\n", CRI, stamped},
		"cri, more tags":      {"2026-11-28T10:00:00.123456789Z stdout F:x " + record + "\n", CRI, stamped},
		"cri, local":          {"2026-11-28T18:00:00.123456789+08:00 stderr F " + record, CRI, event.Wrap{Time: "2026-11-28T18:00:00.123456789+08:00", Stream: "stderr"}},
		"cri, split":          {"2026-11-28T10:00:00.123456789Z stdout P " + record[:50] + "\n2026-11-28T10:00:00.2Z stdout F " + record[50:] + "\n", CRI, stamped},
		"cri, split at last":  {"2026-11-28T10:00:00.123456789Z stdout P " + record + "\n2026-11-28T10:00:00.2Z stdout F\n", CRI, stamped},
		"cri, cut short":      {"2026-11-28T10:00:00.123456789Z stdout P " + record + "\n", CRI, stamped},
		"syslog 5424":         {"<14>1 2026-11-28T10:00:00.003Z gw-1 api7 1234 AUDIT - " + record + "\n", Syslog, event.Wrap{Time: "2026-11-28T10:00:00.003Z", Host: "gw-1"}},
		"syslog 5424, data":   {`<14>1 2026-11-28T10:00:00Z gw-1 api7 - - [a@1 x="]\""][b@2] ` + "\xef\xbb\xbf" + record + "\n", Syslog, event.Wrap{Time: "2026-11-28T10:00:00Z", Host: "gw-1"}},
		"syslog 5424, dashes": {"<14>1 - - - - - - @cee:" + record + "\n", Syslog, event.Wrap{}},
		"syslog 3164":         {"<14>Nov 28 10:00:00 gw-1 api7[123]: " + record + "\n", Syslog, event.Wrap{Host: "gw-1"}},
		"syslog 3164, cee":    {"<14>Nov  8 10:00:00 gw-1 api7: @cee: " + record + "\n", Syslog, event.Wrap{Host: "gw-1"}},
		"syslog, no tag":      {"<14>Nov 28 10:00:00 gw-1 " + record + "\n", Syslog, event.Wrap{Host: "gw-1"}},
		"syslog, ISO":         {"<14>2026-11-28T18:00:00.123+08:00 gw-1 api7: " + record + "\n", Syslog, event.Wrap{Time: "2026-11-28T18:00:00.123+08:00", Host: "gw-1"}},
		"syslog, file":        {"Nov 28 10:00:00 gw-1 api7[1]: " + record + "\n", Syslog, event.Wrap{Host: "gw-1"}},
		"syslog, new file":    {"2026-11-28T18:00:00.123456+08:00 gw-1 api7: @cee: " + record + "\n", Syslog, event.Wrap{Time: "2026-11-28T18:00:00.123456+08:00", Host: "gw-1"}},
		"journald":            {`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795860000000000","_HOSTNAME":"gw-1","MESSAGE":` + quoted(record) + `}` + "\n", Journald, event.Wrap{Time: "1795860000000000", Host: "gw-1"}},
		"journald, sent at":   {`{"MESSAGE":` + quoted(record) + `,"__REALTIME_TIMESTAMP":"2","_SOURCE_REALTIME_TIMESTAMP":"1"}`, Journald, event.Wrap{Time: "1"}},
		"journald, bytes":     {`{"MESSAGE":` + strings.ReplaceAll(fmt.Sprintf("%d", []byte(record)), " ", ",") + `,"_PID":"1"}`, Journald, event.Wrap{}},
		"journald, split": {`{"MESSAGE":` + quoted(record[:9]) + `,"CONTAINER_PARTIAL_MESSAGE":"true","CONTAINER_PARTIAL_ID":"x","CONTAINER_PARTIAL_LAST":"false"}` + "\n" +
			`{"MESSAGE":` + quoted(record[9:]) + `,"CONTAINER_PARTIAL_MESSAGE":"true","CONTAINER_PARTIAL_ID":"x","CONTAINER_PARTIAL_LAST":"true"}`, Journald, event.Wrap{}},
		"grep":            {"audit.json:" + record + "\n", Prefix, event.Wrap{}},
		"grep -n":         {"/var/log/a b.json:12:" + record + "\n", Prefix, event.Wrap{}},
		"windows":         {`C:\logs\audit.json:` + record + "\r\n", Prefix, event.Wrap{}},
		"cat -n":          {"     1\t" + record + "\n", Prefix, event.Wrap{}},
		"a number":        {"1: " + record + "\n", Prefix, event.Wrap{}},
		"kubectl":         {"[pod/gw-1/dp] " + record + "\n", Prefix, event.Wrap{}},
		"compose":         {"gateway-1  | " + record + "\n", Prefix, event.Wrap{}},
		"a logger":        {"2026-11-28T10:00:00.5Z INFO [audit] - " + record + "\n", Prefix, event.Wrap{Time: "2026-11-28T10:00:00.5Z"}},
		"a level":         {"2026-11-28T10:00:00Z INFO " + record + "\n", Prefix, event.Wrap{Time: "2026-11-28T10:00:00Z"}},
		"grep --color":    {"\x1b[35m\x1b[Ka.json\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[K" + record + "\n", Prefix, event.Wrap{}},
		"jq -c -C":        {"\x1b[1;39m{\x1b[0m" + record[1:] + "\x1b[1;39m\x1b[0m\n", Prefix, event.Wrap{}},
		"kubectl, stamps": {"2026-11-28T10:00:00.123456789Z " + record + "\n", Prefix, event.Wrap{Time: "2026-11-28T10:00:00.123456789Z"}},
	} {
		kind, told := Detect([]byte(tt.in), false)
		if !told {
			kind, told = Detect([]byte(tt.in), true)
		}
		if kind != tt.kind || !told {
			t.Errorf("%s: taken for %s (%t)", name, kind, told)
			continue
		}
		text := unwrapped(kind, tt.in)
		if string(text.Bytes) != record+"\n" {
			t.Errorf("%s: %s", name, text.Bytes)
		}
		if got := text.Wrap(3); got != tt.wrap {
			t.Errorf("%s: %+v, want %+v", name, got, tt.wrap)
		}
	}
}

func TestWhatIsNotWrapped(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		told bool
	}{
		"a record":             {record, true},
		"its beginning":        {`{"id`, false},
		"less of it":           {`{`, false},
		"pretty":               {"{\n  \"id\": 1,\n", true},
		"array":                {"[\n" + record, true},
		"its beginning, too":   {"[", false},
		"list of the API":      {`{"total":1,"list":[`, true},
		"log and its time":     {`{"log":"x","time":"2026-11-28T10:00:00Z","id":"1"}` + "\n", true},
		"time first":           {`{"time":"2026-11-28T10:00:00Z","event":"AddRoute","id":"1"}` + "\n", true},
		"time first, half":     {`{"time":"2026-11-28T10:00:00Z","event":`, false},
		"keys in capitals":     {`{"TIME":"2026-11-28T10:00:00Z","EVENT":"AddRoute"}` + "\n", true},
		"CSV":                  {"id,event_time,http_request.body\nx,2026-11-28,{\"a\":1}\n", true},
		"CSV, one line":        {"id,event_time\n", true},
		"CSV, half a line":     {"id,event_time", false},
		"nothing":              {"\r\n", false},
		"record separators":    {"\x1e" + record + "\n\x1e" + record + "\n", true},
		"commas first":         {"[\n " + record + "\n,{\"id\":2}\n", true},
		"a list after garbage": {"garbage\n[" + record + "]\n", true},
		"comments":             {"# exported\nid,event_time\n", true},
	} {
		if k, told := Detect([]byte(tt.in), false); k != None || told != tt.told {
			t.Errorf("%s: %s, told %t", name, k, told)
		}
	}
}

func TestLinesThatAreNotWrappedStay(t *testing.T) {
	for kind, in := range map[Kind]string{
		Docker:   docker("stdout", "a\n") + record + "\n" + `{"log":5}` + "\n" + `{"log":"to` + "\n" + docker("stdout", "b\n"),
		CRI:      "2026-11-28T10:00:00Z stdout F a\n" + record + "\n" + `{"log":5}` + "\n" + `{"log":"to` + "\n" + "2026-11-28T10:00:00Z stdout F b\n",
		Syslog:   "<14>Nov 28 10:00:00 h t: a\n" + record + "\n" + `{"log":5}` + "\n" + `{"log":"to` + "\n" + "<14>Nov 28 10:00:00 h t: b\n",
		Journald: `{"MESSAGE":"a"}` + "\n" + record + "\n" + `{"log":5}` + "\n" + `{"log":"to` + "\n" + `{"MESSAGE":"b"}` + "\n",
	} {
		if got, want := string(unwrapped(kind, in).Bytes), "a\n"+record+"\n"+`{"log":5}`+"\n"+`{"log":"to`+"\nb\n"; got != want {
			t.Errorf("%s: %q", kind, got)
		}
	}
	if got := string(unwrapped(Prefix, "1:{\n2:  \"id\": 1\n3:}\nnone\n").Bytes); got != "{\n  \"id\": 1\n}\nnone\n" {
		t.Errorf("numbers: %q", got)
	}
}

// Lines of two streams are mixed and split anywhere; wherever reading stops and goes
// on, every line comes once, in the same order.
func TestGoingOnAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Docker, CRI}).Draw(t, "kind")
		var src bytes.Buffer
		open := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "lines") {
			stream := rapid.SampledFrom([]string{"stdout", "stderr"}).Draw(t, "stream")
			text := rapid.StringMatching(`[a-z{}",\\]{0,12}`).Draw(t, "text")
			more := rapid.IntRange(0, 3).Draw(t, "more") == 0
			open[stream] = more
			if kind == Docker {
				if !more {
					text += "\n"
				}
				src.WriteString(docker(stream, text))
			} else {
				fmt.Fprintf(&src, "2026-11-28T10:00:00Z %s %s %s\n", stream, map[bool]string{true: "P", false: "F"}[more], text)
			}
		}
		const limit = 400
		var whole, part Text
		whole.Unwrap(kind, src.Bytes(), true, limit)
		want := string(whole.Bytes)
		var got []byte
		at, skip := 0, 0
		for size := 0; ; {
			size = min(src.Len(), max(size, at)+rapid.IntRange(1, 300).Draw(t, "step"))
			final := size == src.Len()
			part.Unwrap(kind, src.Bytes()[at:size], final, limit)
			if len(part.Bytes) < skip {
				if final {
					t.Fatalf("%d bytes are to be left out of %q", skip, part.Bytes)
				}
				continue
			}
			rest := part.Bytes[skip:]
			n := len(rest)
			if !final {
				n = rapid.IntRange(0, len(rest)).Draw(t, "read")
			}
			got = append(got, rest[:n]...)
			source, left := part.Again(skip + n)
			at, skip = at+source, left
			if final {
				break
			}
		}
		if string(got) != want {
			t.Fatalf("%s\ngot  %q\nwant %q", src.String(), got, want)
		}
	})
}

func TestALineThatNeverEndsIsNotWaitedFor(t *testing.T) {
	part := docker("stdout", strings.Repeat("x", 100))
	var text Text
	text.Unwrap(Docker, []byte(strings.Repeat(part, 10)), false, 3*len(part))
	if n := bytes.Count(text.Bytes, []byte("\n")); n != 2 || !strings.HasPrefix(string(text.Bytes), strings.Repeat("x", 400)+"\n") {
		t.Errorf("%d lines: %q", n, text.Bytes)
	}
	text.Unwrap(Docker, []byte(strings.Repeat("x", 100)), false, 99)
	if len(text.Bytes) != 100 {
		t.Errorf("%d bytes of a line without an end", len(text.Bytes))
	}
}

// Whole files of both, with records that hold quotes and secrets.
func TestCases(t *testing.T) {
	for name, kind := range map[string]Kind{"docker.json": Docker, "cri.log": CRI} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Detect(data, true); got != kind {
			t.Errorf("%s: %s", name, got)
		}
		text := unwrapped(kind, string(data))
		for line := range bytes.Lines(text.Bytes) {
			if !json.Valid(line) || !bytes.Contains(line, []byte(`"event_time"`)) {
				t.Errorf("%s: %s", name, line)
			}
		}
		if len(text.Bytes) == 0 {
			t.Errorf("%s: nothing", name)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte(docker("stdout", "a")+docker("stderr", "b\n")+docker("stdout", "c\n")), 1, 40)
	f.Add([]byte("2026-11-28T10:00:00Z stdout P a\n2026-11-28T10:00:00Z stdout F b\n"), 2, 5)
	f.Add([]byte(`<14>1 2026-11-28T10:00:00Z h a - - [a x="]"] `+record), 3, 9)
	f.Add([]byte(`{"MESSAGE":[123,34],"CONTAINER_PARTIAL_MESSAGE":"true"}`), 4, 9)
	f.Add([]byte("\x1b[1m1:{\n a.json:{}\n"), 5, 9)
	f.Fuzz(func(t *testing.T, src []byte, which, cut int) {
		if k, told := Detect(src, true); !told || k == "" {
			t.Fatal("not told at the end")
		}
		kind := Kinds()[uint(which)%uint(len(Kinds()))]
		var whole, part Text
		whole.Unwrap(kind, src, true, 64)
		last := 0
		for i := range whole.Bytes {
			at := whole.Source(i)
			if at < 0 || at > len(src) {
				t.Fatalf("byte %d comes from %d of %d", i, at, len(src))
			}
			source, skip := whole.Again(i)
			if source < last || skip < 0 || skip > i {
				t.Fatalf("byte %d: again at %d and %d", i, source, skip)
			}
			last = source
			if len(src) > 200 {
				continue
			}
			part.Unwrap(kind, src[source:], true, 64)
			if !bytes.Equal(part.Bytes[min(skip, len(part.Bytes)):], whole.Bytes[i:]) {
				t.Fatalf("again at %d, without %d: %q, want %q", source, skip, part.Bytes, whole.Bytes[i:])
			}
		}
		part.Unwrap(kind, src[:uint(cut)%uint(len(src)+1)], false, 64)
		Detect(src, false)
	})
}

func BenchmarkUnwrap(b *testing.B) {
	for kind, line := range map[Kind]string{
		Docker: docker("stdout", record+"\n"),
		CRI:    "2026-11-28T10:00:00.123456789Z stdout F " + record + "\n",
		Syslog: "<14>1 2026-11-28T10:00:00.003Z gw-1 api7 1234 AUDIT - " + record + "\n",
	} {
		b.Run(string(kind), func(b *testing.B) {
			src := []byte(strings.Repeat(line, 2000))
			var text Text
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				text.Unwrap(kind, src, false, 1<<20)
			}
		})
	}
}
