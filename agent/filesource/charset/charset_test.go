package charset

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// encode is text in an encoding.
func encode(t interface{ Fatal(...any) }, c *Charset, text string) []byte {
	if c.enc == nil {
		return []byte(text)
	}
	out, err := c.enc.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(c.name, err)
	}
	return out
}

func named(t testing.TB, name string) *Charset {
	t.Helper()
	c, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"utf-8": "utf-8", "UTF8": "utf-8", "UTF-16LE": "utf-16le", "utf-16": "utf-16le", "Unicode": "utf-16le", "utf-16be": "utf-16be",
		"utf-32": "utf-32le", "utf-32be": "utf-32be", "latin1": "windows-1252", "ISO-8859-1": "windows-1252", "Windows-1252": "windows-1252",
		"cp1252": "windows-1252", " gbk ": "gbk", "gb2312": "gbk", "cp936": "gbk", "GB18030": "gb18030", "big5": "big5",
		"shift_jis": "shift_jis", "euc-kr": "euc-kr", "koi8-r": "koi8-r", "cp850": "ibm850", "iso-8859-15": "iso-8859-15",
	} {
		if c, err := Lookup(name); err != nil || c.Name() != want {
			t.Errorf("%s: %v, %v; want %s", name, c, err, want)
		}
	}
	for _, name := range []string{"", "klingon", "iso-2022-jp", "hz-gb-2312", "replacement", "utf-7", "auto"} {
		if c, err := Lookup(name); err == nil {
			t.Errorf("%q is %s", name, c.Name())
		}
	}
}

const record = `{"id":"u0","event_time":"2026-11-28T10:00:00Z","resource_name":"Jürgen 运维 😀"}` + "\n"

func TestDetect(t *testing.T) {
	csv := "时间,操作者,事件,资源 ID\r\n2026-11-28 10:00:00,运维,添加服务,a1\r\n"
	for _, c := range []*Charset{UTF16LE, UTF16BE, UTF32LE, UTF32BE} {
		for text, what := range map[string]string{record: "JSON", csv: "CSV", "[" + record: "array", "\t{}": "short", "时间,操作": "cut"} {
			bytes := encode(t, c, text)
			if got, told := Detect(bytes, true); got != c || !told {
				t.Errorf("%s in %s: %s", what, c.name, got.Name())
			}
			if got, told := Detect(encode(t, c, "\ufeff"+text), false); got != c || !told {
				t.Errorf("%s in %s with a mark: %v", what, c.name, got)
			}
			for n := range min(len(bytes), 40) {
				if got, told := Detect(bytes[:n], false); told && got != c {
					t.Errorf("%s in %s: %s is told of %d bytes", what, c.name, got.Name(), n)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		head  string
		final bool
		told  bool
	}{
		"JSON":            {head: `{"id":1}`, told: true},
		"half of it":      {head: `{"`, told: true},
		"a byte":          {head: `{`},
		"it is all":       {head: `{`, final: true, told: true},
		"nothing":         {head: ""},
		"nothing, ever":   {head: "", final: true, told: true},
		"UTF-8 mark":      {head: "\xef\xbb\xbf{", told: true},
		"half of that":    {head: "\xef\xbb"},
		"Chinese":         {head: "时间", told: true},
		"GBK":             {head: "\xca\xb1\xbc\xe4,\xb2\xd9\xd7\xf7\xd5\xdf", final: true, told: true},
		"a hole":          {head: strings.Repeat("\x00", 4096), told: true},
		"a hole, then":    {head: "\x00\x00\x00" + record, told: true},
		"holes between":   {head: "{\x00\x02\x00i\x00d\x00", final: true, told: true},
		"a gzip file":     {head: "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", final: true, told: true},
		"an odd program":  {head: "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff", final: true, told: true},
		"letters and NUL": {head: "abcdefgh\x00\x00\x00\x00", final: true, told: true},
	} {
		if c, told := Detect([]byte(tt.head), tt.final); told != tt.told || told && c != UTF8 {
			t.Errorf("%s: %v, told %t", name, c, told)
		}
	}
}

// Wherever a stretch is cut, reading goes on at Taken and gives the same text; and
// every byte of the text comes from where decoding would give it again.
func TestTheTextAndItsPlacesDoNotDependOnTheCuts(t *testing.T) {
	alphabets := map[string]string{
		"utf-8": "az\"\n ü时😀", "utf-16le": "az\"\n ü时😀\ufffd", "utf-16be": "a\nü时😀\ufffd", "utf-32le": "a\nü时😀\ufffd", "utf-32be": "a\nü时😀",
		"windows-1252": "az\"\nüß€", "gbk": "az09\"\n运维时间，", "gb18030": "az09\n运维😀ü\ufffd", "big5": "a\n時間Ê̄", "shift_jis": "a\nｱ時間かな",
		"euc-kr": "a\n시간", "koi8-r": "a\nимя",
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := named(t, rapid.SampledFrom([]string{"utf-8", "utf-16le", "utf-16be", "utf-32le", "utf-32be", "windows-1252", "gbk", "gb18030", "big5", "shift_jis", "euc-kr", "koi8-r"}).Draw(rt, "encoding"))
		letters := []rune(alphabets[c.name])
		n := rapid.IntRange(0, 700).Draw(rt, "length")
		var want strings.Builder
		for range n {
			r := rapid.SampledFrom(letters).Draw(rt, "letter")
			if r == 0x304 { // stands behind another letter only
				r = 'a'
			}
			want.WriteRune(r)
		}
		src := encode(rt, c, want.String())
		var got []byte
		var text, again Text
		for pos := 0; pos < len(src); {
			end := min(len(src), pos+rapid.IntRange(1, 3000).Draw(rt, "stretch"))
			c.Decode(&text, src[pos:end], end == len(src))
			got = append(got, text.Bytes...)
			if len(text.Bytes) > 0 && c != UTF8 {
				at := rapid.IntRange(0, len(text.Bytes)-1).Draw(rt, "place")
				for !utf8.RuneStart(text.Bytes[at]) {
					at--
				}
				c.Decode(&again, src[pos+text.Source(at):pos+text.Taken], true)
				if !bytes.Equal(again.Bytes, text.Bytes[at:]) {
					rt.Fatalf("%s: from the place of %d on it reads %q, want %q", c.name, at, again.Bytes, text.Bytes[at:])
				}
			}
			if text.Source(len(text.Bytes)) != text.Taken {
				rt.Fatalf("the end is at %d of %d", text.Source(len(text.Bytes)), text.Taken)
			}
			pos += text.Taken
			if text.Taken == 0 && end == len(src) {
				rt.Fatalf("%s: nothing was taken of %x", c.name, src[pos:])
			}
			if text.Taken == 0 {
				continue // half a character; a longer stretch comes
			}
		}
		if string(got) != want.String() {
			rt.Fatalf("%s: %q, want %q", c.name, got, want.String())
		}
	})
}

func TestBrokenCharactersStayBroken(t *testing.T) {
	for name, tt := range map[string]struct {
		charset, in string
		want        string
	}{
		"half a pair":         {"utf-16le", "a\x00\x3d\xd8b\x00", "a\xffb"},
		"the other half":      {"utf-16le", "a\x00\x00\xdeb\x00", "a\xffb"},
		"an odd byte":         {"utf-16be", "\x00a\x00", "a\xff"},
		"beyond Unicode":      {"utf-32le", "a\x00\x00\x00\x00\x00\x11\x00b\x00\x00\x00", "a\xffb"},
		"GBK, no trail":       {"gbk", "a\xd4\n", "a\xff\n"},
		"GBK, end":            {"gbk", "a\xd4", "a\xff"},
		"a written U+FFFD":    {"utf-16le", "\xfd\xff", "\ufffd"},
		"GB18030's U+FFFD":    {"gb18030", "\x84\x31\xa4\x37", "\ufffd"},
		"not in windows-1253": {"windows-1253", "a\xaab", "a\xffb"},
	} {
		var text Text
		named(t, tt.charset).Decode(&text, []byte(tt.in), true)
		if string(text.Bytes) != tt.want || text.Taken != len(tt.in) {
			t.Errorf("%s: %q, want %q; %d of %d taken", name, text.Bytes, tt.want, text.Taken, len(tt.in))
		}
	}
}

func TestByMark(t *testing.T) {
	for _, tt := range []struct {
		named *Charset
		head  string
		want  *Charset
	}{
		{UTF16LE, "\xfe\xff\x00a", UTF16BE}, {UTF16BE, "\xff\xfea\x00", UTF16LE}, {UTF16LE, "a\x00", UTF16LE},
		{UTF32LE, "\x00\x00\xfe\xff", UTF32BE}, {UTF8, "\xff\xfe", UTF8},
	} {
		if got := tt.named.ByMark([]byte(tt.head)); got != tt.want {
			t.Errorf("%s, %q: %s, want %s", tt.named.name, tt.head, got.name, tt.want.name)
		}
	}
}

func TestGuess(t *testing.T) {
	for want, texts := range map[string][]string{
		"windows-1252": {"Jürgen", "Müller, Straße", "café déjà vu", "Ñandú"},
		"gbk":          {"运维", "添加服务,资源名称", "用户：管理员", "时间,操作者,事件"},
		"windows-1251": {"Администратор", "Создание сервиса"},
		"shift_jis":    {"サービスを追加しました"},
		"ibm850":       {"Jürgen Müller", "Ärger"},
	} {
		for _, text := range texts {
			if got := Guess(encode(t, named(t, want), text)); got != want {
				t.Errorf("%q in %s: %s", text, want, got)
			}
		}
	}
	if got := Guess(encode(t, named(t, "gb18030"), "运维😀")); got != "gb18030" {
		t.Errorf("gb18030: %s", got)
	}
	if got := Guess([]byte("运维管理员\xe6\x97")); got != "utf-8" {
		t.Errorf("damaged UTF-8: %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("a\x00\x3d\xd8b\x00"), byte(0), uint16(3))
	f.Add([]byte("a\xd4\xcb\xce\xac\x84\x31\xa4\x37"), byte(5), uint16(2))
	f.Add(append([]byte(strings.Repeat("a", 1023)), 0xd4, 0xcb), byte(4), uint16(1))
	var all []*Charset
	for _, name := range []string{"utf-16le", "utf-16be", "utf-32le", "utf-32be", "gbk", "gb18030", "big5", "shift_jis", "euc-kr", "windows-1253", "utf-8"} {
		all = append(all, named(f, name))
	}
	f.Fuzz(func(t *testing.T, src []byte, which byte, cut uint16) {
		c := all[int(which)%len(all)]
		var whole, part Text
		c.Decode(&whole, src, true)
		if whole.Taken != len(src) {
			t.Fatalf("%d of %d bytes were taken", whole.Taken, len(src))
		}
		if n := bytes.Count(whole.Bytes, []byte("\ufffd")); c.enc != nil && n > bytes.Count(src, []byte(c.replacement)) {
			t.Fatalf("%d characters became U+FFFD", n)
		}
		last := 0
		for i := 0; i < len(whole.Bytes); i += 1 + len(whole.Bytes)/16 {
			at := whole.Source(i)
			if at < last || at > len(src) {
				t.Fatalf("the text's byte %d comes from %d, that before from %d", i, at, last)
			}
			last = at
		}
		c.Decode(&part, src[:min(int(cut), len(src))], false)
		if c.enc != nil && !bytes.HasPrefix(whole.Bytes, part.Bytes) {
			t.Fatalf("%q does not begin with %q", whole.Bytes, part.Bytes)
		}
		taken := part.Taken
		begin := bytes.Clone(part.Bytes)
		c.Decode(&part, src[taken:], true)
		if !bytes.Equal(append(begin, part.Bytes...), whole.Bytes) {
			t.Fatalf("in two stretches it is %q, want %q", append(begin, part.Bytes...), whole.Bytes)
		}
		Detect(src, false)
		Guess(src)
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"utf-16le", "windows-1252", "gb18030"} {
		b.Run(name, func(b *testing.B) {
			c := named(b, name)
			src := encode(b, c, strings.Repeat(strings.ReplaceAll(record, " 运维 😀", ""), 6000))
			var text Text
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				c.Decode(&text, src, false)
			}
		})
	}
}
