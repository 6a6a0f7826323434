package shape

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
)

// MinBase64 is the length from which a run of base64 is decoded: 24 characters,
// of which two may be padding that was left out.
const MinBase64 = 22

// Base64Chars are the characters of both alphabets of base64, without padding.
var Base64Chars = chars.Alnum("+/_-")

// Base64 looks into the runs of base64 in a text, and of hexadecimal digits: into
// those that are text, also in UTF-16, or text that was compressed. A run with a
// secret inside goes as a whole.
func Base64(text []byte, r *Reader) {
	for i := 0; i < len(text); {
		if !Base64Chars[text[i]] {
			i++
			continue
		}
		end := base64End(text, i)
		if end-i >= MinBase64 && !r.base64Run(text, span(i, end)) {
			r.base64Parts(text, span(i, end))
		}
		i = max(end, i+1) // what looks like padding may be the = of a pair
	}
}

// base64Run decodes one run. It returns false if the run is none.
func (r *Reader) base64Run(text []byte, at detect.Span) bool {
	run := text[at.Start:at.End]
	decoded, ok := r.decodeBase64(run)
	if '2' <= run[0] && run[0] <= '7' && len(run)%2 == 0 && hexChars.All(run) {
		decoded, ok = r.decodeHex(run)
	}
	if !ok {
		return false
	}
	plain, whole := plainText(decoded)
	switch {
	case !whole:
		r.Take(at, r.Limit)
	case plain == nil:
		return false
	default:
		r.Inside(text, at, plain)
	}
	return true
}

// base64Parts decodes what stands between the slashes of a run: a path is
// made of the characters of base64, too.
func (r *Reader) base64Parts(text []byte, at detect.Span) {
	start := at.Start
	for i := at.Start; i <= at.End; i++ {
		if i < at.End && text[i] != '/' {
			continue
		}
		if i-start >= MinBase64 && i-start < at.End-at.Start && promising(text[start:i]) {
			r.base64Run(text, span(start, i))
		}
		start = i + 1
	}
}

// minLine is the shortest line of base64 that goes on in the next one.
const minLine = 16

// base64End is where a run of base64 ends, with its padding. Lines of one length
// are joined, and a shorter last one.
func base64End(text []byte, i int) int {
	end := Base64Chars.Run(text, i)
	for width := end - i; width >= minLine && end < len(text) && (text[end] == '\n' || text[end] == '\r'); {
		next := nextLine(text, end)
		if next == end {
			break
		}
		stop := Base64Chars.Run(text, next)
		if n := stop - next; n == 0 || n > width || n < width && !endsRun(text, stop) {
			break
		}
		short := stop-next < width
		if end = stop; short {
			break
		}
	}
	for n := 0; n < 2 && end < len(text) && text[end] == '='; n++ {
		end++
	}
	return end
}

// nextLine is where the next line starts if the one before ends at end, or end.
func nextLine(text []byte, end int) int {
	next := end
	if next < len(text) && text[next] == '\r' {
		next++
	}
	if next < len(text) && text[next] == '\n' {
		return next + 1
	}
	return end
}

// endsRun says whether nothing of a run can follow: the line or the text ends, or
// padding does.
func endsRun(text []byte, i int) bool { return endsLine(text, i) || text[i] == '=' }

// decodeHex decodes a run of hexadecimal digits if it is text.
func (r *Reader) decodeHex(run []byte) ([]byte, bool) {
	r.buffer = slices.Grow(r.buffer[:0], len(run)/2)[:len(run)/2]
	if _, err := hex.Decode(r.buffer, run); err != nil || !isText(r.buffer) {
		return nil, false
	}
	return r.buffer, true
}

var hexChars = chars.Of("0123456789abcdefABCDEF")

// decodeBase64 decodes a run in either alphabet, with or without padding. What
// starts as neither text nor compressed data is refused after a few bytes.
func (r *Reader) decodeBase64(run []byte) ([]byte, bool) {
	if !promising(run) {
		return nil, false
	}
	for len(run) > 0 && run[len(run)-1] == '=' {
		run = run[:len(run)-1]
	}
	enc := base64.RawStdEncoding
	if bytes.IndexByte(run, '-') >= 0 || bytes.IndexByte(run, '_') >= 0 {
		enc = base64.RawURLEncoding
	}
	if n := len(run) - bytes.Count(run, []byte("\n")) - bytes.Count(run, []byte("\r")); n%4 == 1 {
		run = run[:len(run)-1] // torn off
	}
	r.buffer = slices.Grow(r.buffer[:0], enc.DecodedLen(len(run)))[:enc.DecodedLen(len(run))]
	n, err := enc.Decode(r.buffer, run)
	return r.buffer[:n], err == nil
}

// promising decodes the first eight characters only. Text in base64 starts with
// printable characters, ids and digests seldom do.
func promising(run []byte) bool {
	if len(run) < 8 {
		return false
	}
	first := base64Value[run[0]]<<2 | base64Value[run[1]]>>4
	second := base64Value[run[1]]<<4 | base64Value[run[2]]>>2
	if first < ' ' && first != '\t' && first != '\n' && first != '\r' && first != 0x1f && first != 0 || first == 0x7f ||
		first >= 0x80 && second < 0x80 {
		return false // neither text nor packed
	}
	v := uint64(0)
	for _, c := range run[:8] {
		v = v<<6 | uint64(base64Value[c])
	}
	b := [6]byte{first, second, byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	return textStart(b[:]) || isPacked(b[:]) || isWide(b[:])
}

// textStart says whether a text may start like this.
func textStart(b []byte) bool {
	for i, c := range b {
		switch {
		case c >= 0x80: // the first byte of a rune with its second one
			return i == len(b)-1 || c >= 0xc2 && c <= 0xf4 && b[i+1]&0xc0 == 0x80
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
			return false
		}
	}
	return true
}

// base64Value gives the six bits of a character, in both alphabets.
var base64Value = func() (t [256]byte) {
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// isPacked says whether data starts as gzip or zlib do (RFC 1952, RFC 1950).
func isPacked(b []byte) bool {
	gzipped := len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8
	zlibbed := len(b) > 1 && b[0] == 0x78 && (int(b[0])<<8|int(b[1]))%31 == 0 && b[1]&0x20 == 0
	return gzipped || zlibbed
}

// isWide says whether data starts as UTF-16 does: with its mark, or with Latin
// letters.
func isWide(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	marked := b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff
	little := b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0
	big := b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0
	return marked || little || big
}

// plainText is data as text, nil if it is none. It is not whole where unpacking
// would take too much time.
func plainText(data []byte) (text []byte, whole bool) {
	switch {
	case isPacked(data):
		unpacked, whole := unpack(data)
		if !whole || !isText(unpacked) {
			return nil, whole
		}
		return unpacked, true
	case isWide(data):
		return narrow(data), true
	case isText(data):
		return data, true
	}
	return nil, true
}

// mostUnpacked is how many times longer than packed a text may be, so that no
// input costs more than its length.
const mostUnpacked = 64

func unpack(data []byte) (text []byte, whole bool) {
	var r io.Reader
	var err error
	if data[0] == 0x78 {
		r, err = zlib.NewReader(bytes.NewReader(data))
	} else {
		r, err = gzip.NewReader(bytes.NewReader(data))
	}
	if err != nil {
		r = flate.NewReader(bytes.NewReader(nil))
	}
	limit := int64(mostUnpacked * len(data))
	text, _ = io.ReadAll(io.LimitReader(r, limit)) // what was torn off is missing
	return text, int64(len(text)) < limit
}

// narrow is UTF-16 as UTF-8, nil if it has no letters to speak of.
func narrow(data []byte) []byte {
	big := data[0] == 0 || data[0] == 0xfe
	units := make([]uint16, len(data)/2)
	for i := range units {
		lo, hi := data[2*i], data[2*i+1]
		if big {
			lo, hi = hi, lo
		}
		units[i] = uint16(hi)<<8 | uint16(lo)
	}
	text := []byte(string(utf16.Decode(units)))
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !isText(text) {
		return nil
	}
	return text
}

func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
			return false
		}
	}
	if utf8.Valid(b) {
		return true
	}
	// the last rune may be torn
	for n := 1; n < utf8.UTFMax && n < len(b); n++ {
		if utf8.Valid(b[:len(b)-n]) {
			return true
		}
	}
	return false
}
