package charset

import (
	"errors"
	"sort"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// Text is a stretch of a file as UTF-8. Its memory is used again by the next Decode.
type Text struct {
	// Bytes is the text.
	Bytes []byte
	// Taken is how many bytes of the stretch became Bytes: all but half a
	// character at its end.
	Taken int

	charset *Charset
	decoder *encoding.Decoder
	src     []byte
	places  []place
}

// place says where a byte of the text came from.
type place struct{ text, source int }

// step is how many bytes of a file are decoded between two known places.
const step = 1024

// Decode makes t the text of src, which begins at the start of a character. final
// says that nothing follows src: half a character at its end is then broken.
// t keeps a reference to src until the next call.
func (c *Charset) Decode(t *Text, src []byte, final bool) { t.decode(c, src, final) }

func (t *Text) decode(c *Charset, src []byte, final bool) {
	t.src, t.Taken, t.Bytes, t.places = src, 0, t.Bytes[:0], t.places[:0]
	if t.charset != c {
		t.charset, t.decoder = c, nil
	}
	if c.enc == nil {
		t.Bytes, t.Taken = append(t.Bytes, src...), len(src)
		return
	}
	if t.decoder == nil {
		t.decoder = c.enc.NewDecoder()
	}
	for t.Taken < len(src) {
		t.places = append(t.places, place{len(t.Bytes), t.Taken})
		end := min(len(src), t.Taken+step)
		n := t.chunk(src[t.Taken:end], final && end == len(src))
		if n == 0 {
			return // half a character
		}
		t.Taken += n
	}
}

// chunk decodes src and returns how much of it was taken: all whole characters.
func (t *Text) chunk(src []byte, final bool) int {
	before := len(t.Bytes)
	if cap(t.Bytes)-before < utf8.UTFMax*len(src) { // no character needs more of them a byte
		t.Bytes = append(make([]byte, 0, 2*cap(t.Bytes)+utf8.UTFMax*step), t.Bytes...)
	}
	t.decoder.Reset()
	written, n, err := t.decoder.Transform(t.Bytes[before:cap(t.Bytes)], src, final)
	out := t.Bytes[before : before+written]
	if err == nil && !holdsReplacement(out) || errors.Is(err, transform.ErrShortSrc) && !holdsReplacement(out) {
		t.Bytes = t.Bytes[:before+written]
		return n
	}
	return t.oneByOne(src, final)
}

func holdsReplacement(text []byte) bool {
	for i := 0; i+2 < len(text); i++ {
		if text[i] == 0xef && text[i+1] == 0xbf && text[i+2] == 0xbd {
			return true
		}
	}
	return false
}

// oneByOne decodes src a character at a time, so that it is known which were broken.
func (t *Text) oneByOne(src []byte, final bool) int {
	taken := 0
	for taken < len(src) {
		char, n := t.character(src[taken:], final)
		if n == 0 {
			break
		}
		t.Bytes = append(t.Bytes, char...)
		taken += n
	}
	return taken
}

// longest is how many bytes a character has at most, in any encoding.
const longest = 4

// broken stands for what is no character.
const broken = "\xff"

// character decodes the first character of src. It takes nothing where src ends
// inside of it.
func (t *Text) character(src []byte, final bool) (char []byte, n int) {
	var buf [16]byte
	for size := t.charset.unit; size <= min(len(src), longest); size++ {
		t.decoder.Reset()
		atEnd := final && size == len(src) || size == longest
		written, n, _ := t.decoder.Transform(buf[:], src[:size], atEnd)
		if n == 0 {
			continue
		}
		if r, _ := utf8.DecodeRune(buf[:written]); r != utf8.RuneError || string(src[:n]) == t.charset.replacement {
			return buf[:written:written], n
		}
		t.decoder.Reset()
		_, n, _ = t.decoder.Transform(buf[:len(string(utf8.RuneError))], src[:size], atEnd) // the first one alone
		return []byte(broken), max(n, 1)
	}
	if len(src) < longest && !final {
		return nil, 0
	}
	return []byte(broken), min(len(src), t.charset.unit)
}

// Source is the place in the stretch that the byte of the text at offset came from;
// for one inside of a character that character's start. The end of the text stands
// at Taken.
func (t *Text) Source(offset int) int {
	if t.charset == nil || t.charset.enc == nil || len(t.places) == 0 {
		return min(offset, t.Taken)
	}
	if offset >= len(t.Bytes) {
		return t.Taken
	}
	at := t.places[sort.Search(len(t.places), func(i int) bool { return t.places[i].text > offset })-1]
	for at.source < t.Taken {
		char, n := t.character(t.src[at.source:t.Taken], true)
		if n == 0 || at.text+len(char) > offset {
			break
		}
		at.text, at.source = at.text+len(char), at.source+n
	}
	return at.source
}
