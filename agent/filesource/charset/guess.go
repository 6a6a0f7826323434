package charset

import "unicode/utf8"

// sample is how much of a text Guess looks at.
const sample = 64 << 10

// Guess names the encoding that a text which is not valid UTF-8 is likely in:
// "gbk", "gb18030", "shift_jis", "windows-1251", "ibm850" or "windows-1252"; "utf-8"
// for UTF-8 that is damaged. It is a guess, for a message; nothing is decoded by it.
func Guess(text []byte) string {
	t := count(text[:min(len(text), sample)])
	switch {
	case t.utf8 > 0 && t.utf8 >= t.other:
		return "utf-8"
	case t.four > 0 && t.four+t.hanzi >= t.odd:
		return "gb18030"
	case t.kana > 0 && t.kana*3 >= t.runs:
		return "shift_jis"
	case t.hanzi > 0 && t.odd == 0:
		return "gbk"
	case t.cyrillic*2 > t.high && t.long > 0:
		return "windows-1251"
	case t.c1*2 > t.high:
		return "ibm850"
	}
	return "windows-1252"
}

// tally is what stands in a text that is not UTF-8. A run is what stands between
// two ASCII characters.
type tally struct {
	high     int // bytes above 127
	utf8     int // characters of UTF-8 in more than one byte
	other    int // bytes above 127 that are none
	c1       int // bytes of 0x80 to 0x9f: rare in Windows-1252, letters in DOS
	cyrillic int // letters of Windows-1251
	runs     int
	long     int // runs of more than two bytes
	odd      int // runs that are not whole pairs of GBK
	hanzi    int // pairs that are common Chinese characters
	kana     int // pairs that are Japanese syllables in Shift-JIS
	four     int // characters of GB18030 in four bytes
}

func count(text []byte) tally {
	var t tally
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		if r, size := utf8.DecodeRune(text[i:]); r != utf8.RuneError {
			t.utf8++
			i += size
			continue
		}
		i += t.run(text[i:])
	}
	return t
}

// run counts the run that text begins with, and returns its length.
func (t *tally) run(text []byte) int {
	t.runs++
	n, pairs := 0, true
	for n < len(text) && text[n] >= utf8.RuneSelf {
		if size := t.pair(text[n:]); size > 0 {
			n += size
			continue
		}
		pairs = false
		t.single(text[n])
		n++
	}
	if !pairs {
		t.odd++
	}
	if n > 2 {
		t.long++
	}
	return n
}

func (t *tally) single(c byte) {
	t.high++
	t.other++
	if c < 0xa0 {
		t.c1++
	}
	if c >= 0xc0 {
		t.cyrillic++
	}
}

// pair counts a character of two bytes or, in GB18030, four, and returns its length;
// 0 for none.
func (t *tally) pair(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	lead, trail := text[0], text[1]
	switch {
	case len(text) >= 4 && isDigit(trail) && text[2] >= 0x81 && isDigit(text[3]):
		t.four++
		t.other += 2
		t.high += 2
		return 4
	case lead == 0x82 && trail >= 0x9f && trail <= 0xf1, lead == 0x83 && trail >= 0x40 && trail <= 0x96:
		t.kana++
	case lead >= 0xb0 && lead <= 0xf7 && trail >= 0xa1:
		t.hanzi++
		if trail >= 0xc0 && lead >= 0xc0 {
			t.cyrillic += 2
		}
	case lead >= 0xa1 && lead <= 0xa9 && trail >= 0xa1: // signs and full-width letters
	default:
		return 0
	}
	t.high += 2
	t.other += 2
	return 2
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
