package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]struct{ line, text string }{
		"plain: 名前 é":           {"plain: 名前 é", "plain: 名前 é"},
		"red \x1b[31m":          {"red \uFFFD[31m", "red \uFFFD[31m"},
		"C1 \u009b31m":          {"C1 \uFFFD31m", "C1 \uFFFD31m"},
		"a\nb\r\nc\td":          {"a b  c d", "a\nb\uFFFD\nc\td"},
		"txt\u202egpj.exe":      {"txt\uFFFDgpj.exe", "txt\uFFFDgpj.exe"},
		"\u2066isolate\u2069":   {"\uFFFDisolate\uFFFD", "\uFFFDisolate\uFFFD"},
		"bell\a back\b del\x7f": {"bell\uFFFD back\uFFFD del\uFFFD", "bell\uFFFD back\uFFFD del\uFFFD"},
		"zero\u200bwidth\ufeff": {"zero\uFFFDwidth\uFFFD", "zero\uFFFDwidth\uFFFD"},
		"para\u2029graph":       {"para graph", "para\uFFFDgraph"},
		"bad \xff\x9b utf8":     {"bad \uFFFD\uFFFD utf8", "bad \uFFFD\uFFFD utf8"},
	} {
		if got := Line(in); got != want.line {
			t.Errorf("line of %q: %q, not %q", in, got, want.line)
		}
		if got := Text(in); got != want.text {
			t.Errorf("text of %q: %q, not %q", in, got, want.text)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;title\a\u202e\n")
	f.Fuzz(func(t *testing.T, s string) {
		line, text := Line(s), Text(s)
		if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) || !utf8.ValidString(line) {
			t.Errorf("line %q", line)
		}
		if Line(text) == "" != (s == "") || Line(line) != line || Text(text) != text {
			t.Errorf("%q: %q, %q", s, line, text)
		}
	})
}
