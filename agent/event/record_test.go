package event

import "testing"

func TestTokenText(t *testing.T) {
	for in, want := range map[string]string{
		`"text"`: "text", `"a\u0062\n\"\/"`: "ab\n\"/", `"\ud83d\ude00\ud800"`: "😀\ufffd", "\"\xff\"": "\xff",
		`42`: "42", `-1.50e3`: "-1.50e3", `true`: "true", ``: "",
	} {
		if got := Token(in).String(); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
		if got := string(Token(in).AppendText([]byte("before "))); got != "before "+want {
			t.Errorf("%s: appended it is %q", in, got)
		}
	}
}
