package shape

import (
	"bytes"
	"encoding/base64"
	"html"
	"slices"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
)

// Percent looks into the percent-encoded parts of a text. A part with a secret
// inside goes as a whole.
func Percent(text []byte, r *Reader) {
	for i := 0; i < len(text); {
		if !atomChars[text[i]] {
			i++
			continue
		}
		end := atomChars.Run(text, i)
		if bytes.IndexByte(text[i:end], '%') >= 0 {
			r.Inside(text, span(i, end), Unpercent(nil, text[i:end], true))
		}
		i = end
	}
}

// atomChars are the characters of one value in a URL or a form.
var atomChars = chars.Alnum("%+-._~!*'()$@/")

// Unpercent resolves %XX where XX is a number, and with plus also + for a
// blank.
func Unpercent(dst, text []byte, plus bool) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) && hexDigit(text[i+1]) >= 0 && hexDigit(text[i+2]) >= 0 {
			c = byte(hexDigit(text[i+1])<<4 | hexDigit(text[i+2]))
			i += 2
		} else if c == '+' && plus {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func hexDigit(c byte) int {
	switch {
	case chars.IsDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// Entities looks into the lines of a text that are HTML: &quot;password&quot;. A
// line with a secret inside goes as a whole.
func Entities(text []byte, r *Reader) {
	start := 0
	for line := range bytes.Lines(text) {
		body := bytes.TrimRight(line, "\r\n")
		if bytes.IndexByte(body, '&') >= 0 {
			r.Inside(text, span(start, start+len(body)), []byte(html.UnescapeString(string(body))))
		}
		start += len(line)
	}
}

// MinBase64 is the length from which a run of base64 is decoded: 24 characters,
// of which two may be padding that was left out.
const MinBase64 = 22

// Base64 looks into the base64 runs of a text. A run with a secret inside goes
// as a whole.
func Base64(text []byte, r *Reader) {
	for i := 0; i < len(text); {
		end := base64End(text, i)
		if end-i >= MinBase64 && !r.base64Run(text, span(i, end)) {
			r.base64Parts(text, span(i, end))
		}
		i = max(end, i+1) // what looks like padding may be the = of a pair
	}
}

// base64Run decodes one run. It returns false if the run is rule.None.
func (r *Reader) base64Run(text []byte, at detect.Span) bool {
	decoded, ok := r.decodeBase64(text[at.Start:at.End])
	if !ok {
		return false
	}
	r.Inside(text, at, decoded)
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
		if i-start >= MinBase64 && i-start < at.End-at.Start {
			r.base64Run(text, span(start, i))
		}
		start = i + 1
	}
}

// base64End is where a run of base64 ends, with its padding. Lines of 60
// characters or more are joined.
func base64End(text []byte, i int) int {
	end := i
	for {
		line := end
		end = Base64Chars.Run(text, end)
		if end-line < 60 || end >= len(text) {
			break
		}
		next := end
		if text[next] == '\r' {
			next++
		}
		if next+1 >= len(text) || text[next] != '\n' || !Base64Chars[text[next+1]] {
			break
		}
		end = next + 1
	}
	for n := 0; n < 2 && end < len(text) && text[end] == '='; n++ {
		end++
	}
	return end
}

// Base64Chars are the characters of both alphabets of base64, without padding.
var Base64Chars = chars.Alnum("+/_-")

// decodeBase64 decodes a run in either alphabet, with or without padding. Only
// text is of interest: what has control characters or is no UTF-8 is refused,
// most of the time after the first few bytes.
func (r *Reader) decodeBase64(run []byte) ([]byte, bool) {
	if !textStart(run) {
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
	if err != nil || !isText(r.buffer[:n]) {
		return nil, false
	}
	return r.buffer[:n], true
}

// textStart decodes the first eight characters only. Text in base64 starts
// with printable characters, ids and digests seldom do.
func textStart(run []byte) bool {
	if len(run) < 8 {
		return false
	}
	v := uint64(0)
	for _, c := range run[:8] {
		v = v<<6 | uint64(base64Value[c])
	}
	for shift := 40; shift >= 0; shift -= 8 {
		c := byte(v >> shift)
		switch {
		case c >= 0x80:
			// the first byte of a rune with its second one
			if shift == 0 {
				return true
			}
			if next := byte(v >> (shift - 8)); c < 0xc2 || c > 0xf4 || next&0xc0 != 0x80 {
				return false
			}
			return true
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
