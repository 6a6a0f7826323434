package charset

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

var marks = []struct {
	mark    string
	charset *Charset
}{
	{"\xff\xfe\x00\x00", UTF32LE}, // before UTF-16, whose mark it begins with
	{"\x00\x00\xfe\xff", UTF32BE},
	{"\xff\xfe", UTF16LE},
	{"\xfe\xff", UTF16BE},
	{"\xef\xbb\xbf", UTF8},
}

func byMark(head []byte) *Charset {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.charset
		}
	}
	return nil
}

// looked is how many bytes of a file without a mark are looked at. While more may
// come, least are needed to find it wide, and enough to find that it is not.
const (
	looked = 1024
	least  = 8
	enough = 32
)

// Detect tells whether a file that begins with head is UTF-16 or UTF-32; anything
// else is UTF8 to it. told is false while more bytes are needed to know; final says
// that no more will come.
func Detect(head []byte, final bool) (c *Charset, told bool) {
	if !final && len(head) < 4 && mayBecomeMark(head) {
		return nil, false
	}
	if c := byMark(head); c != nil {
		return c, true
	}
	head = head[:min(len(head), looked)]
	if bytes.IndexByte(head, 0) < 0 {
		return UTF8, final || beginsAsUTF8(head) || len(head) >= enough
	}
	if len(head) < least && !final {
		return nil, false
	}
	for _, c := range []*Charset{UTF32LE, UTF32BE, UTF16LE, UTF16BE} {
		if c.looksLike(head) {
			return c, true
		}
	}
	return UTF8, final || len(head) >= enough
}

// beginsAsUTF8 reports whether head begins with two letters of ASCII, or with a
// whole character of more bytes, and not with what may be half of a wide letter.
func beginsAsUTF8(head []byte) bool {
	r, size := utf8.DecodeRune(head)
	return size > 1 || len(head) >= 2 && r >= ' ' && r < utf8.RuneSelf && head[1] >= ' ' && head[1] < 0x7f
}

func mayBecomeMark(head []byte) bool {
	for _, m := range marks {
		if len(head) < len(m.mark) && bytes.HasPrefix([]byte(m.mark), head) {
			return true
		}
	}
	return false
}

// looksLike reports whether head is text in this encoding: whole characters that
// may stand in a text, at least one in eight of them ASCII, as commas, quotes and
// digits are in every record.
func (c *Charset) looksLike(head []byte) bool {
	head = head[:len(head)-len(head)%c.unit]
	var text Text
	text.decode(c, head, true)
	if len(text.Bytes) == 0 {
		return false
	}
	all, ascii := 0, 0
	for rest := text.Bytes; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && len(rest) <= size: // cut within a pair
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\t' && r != '\r' && r != '\n' && r != 0x1b && r != 0x1e:
			return false
		case r < utf8.RuneSelf:
			ascii++
		case !unicode.IsGraphic(r) && r != '\ufeff':
			return false
		}
		all++
		rest = rest[size:]
	}
	return ascii > 0 && ascii*8 >= all
}
