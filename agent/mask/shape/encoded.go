package shape

import (
	"bytes"
	"html"

	"github.com/auditship/auditship/agent/mask/chars"
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
		if holdsEntity(body) {
			r.Inside(text, span(start, start+len(body)), []byte(html.UnescapeString(string(body))))
		}
		start += len(line)
	}
}

// holdsEntity says whether a line holds an entity, named or numeric: &quot; &#58;
func holdsEntity(line []byte) bool {
	const longest = 10
	for {
		at := bytes.IndexByte(line, '&')
		if at < 0 {
			return false
		}
		line = line[at+1:]
		end := entityChars.Run(line[:min(len(line), longest)], 0)
		if end > 1 && end < len(line) && line[end] == ';' {
			return true
		}
	}
}

var entityChars = chars.Alnum("#")

// Spaced looks into a text that has NULs in it, as one in UTF-16 has that was read
// as bytes: without them. It goes as a whole.
func Spaced(text []byte, r *Reader) {
	r.Inside(text, span(0, len(text)), bytes.ReplaceAll(text, []byte{0}, nil))
}
