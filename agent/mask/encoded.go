package mask

import (
	"bytes"
	"encoding/base64"
	"html"
	"slices"
	"unicode/utf8"
)

// percent looks into the percent-encoded parts of a text. A part with a secret
// inside goes as a whole.
func (w *walker) percent(text []byte, node int32) {
	for i := 0; i < len(text); {
		if !atomChars[text[i]] {
			i++
			continue
		}
		end := run(text, i, atomChars)
		if bytes.IndexByte(text[i:end], '%') >= 0 {
			w.layer(text, span{i, end}, unpercent(nil, text[i:end], true), node)
		}
		i = end
	}
}

// atomChars are the characters of one value in a URL or a form.
var atomChars = newCharset("%+-._~!*'()$@/")

// unpercent resolves %XX where XX is a number, and with plus also + for a
// blank.
func unpercent(dst, text []byte, plus bool) []byte {
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
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// entities looks into the lines of a text that are HTML: &quot;password&quot;. A
// line with a secret inside goes as a whole.
func (w *walker) entities(text []byte, node int32) {
	start := 0
	for line := range bytes.Lines(text) {
		body := bytes.TrimRight(line, "\r\n")
		if bytes.IndexByte(body, '&') >= 0 {
			w.layer(text, span{start, start + len(body)}, []byte(html.UnescapeString(string(body))), node)
		}
		start += len(line)
	}
}

// layer looks into what text[at] decodes to, and takes at as a whole if there
// is a secret inside, or if the layers go deeper than the limit.
func (w *walker) layer(text []byte, at span, decoded []byte, node int32) {
	if bytes.Equal(decoded, text[at.start:at.end]) {
		return
	}
	if w.depth >= w.m.rules.limits.decode {
		w.m.refuse(w.m.rules.limitRule)
		w.spans = append(w.spans, hitSpan{span: at, rule: w.m.rules.limitRule})
		return
	}
	if rule := w.inner().probe(decoded, node); rule != none {
		w.spans = append(w.spans, hitSpan{span: at, rule: rule})
	}
}

// probe says which rule is the strongest that hits something in text, or none.
// It counts nothing.
func (w *walker) probe(text []byte, node int32) int32 {
	m := w.m
	defer m.quiet(m.probed)
	m.probed = &probe{rule: none}
	w.frames = w.frames[:0]
	if _, changed := w.inspect(text, node, m.rules.prefilter.look(text)); !changed {
		return none
	}
	return m.probed.rule
}

// probe collects the rules that hit while nothing is counted.
type probe struct{ rule int32 }

// quiet ends a probe.
func (m *Masker) quiet(before *probe) { m.probed = before }

// minBase64 is the length from which a run of base64 is decoded: 24 characters,
// of which two may be padding that was left out.
const minBase64 = 22

// base64 looks into the base64 runs of a text. A run with a secret inside goes
// as a whole.
func (w *walker) base64(text []byte, node int32) {
	for i := 0; i < len(text); {
		end := base64End(text, i)
		if end-i >= minBase64 && !w.base64Run(text, span{i, end}, node) {
			w.base64Parts(text, span{i, end}, node)
		}
		i = max(end, i+1) // what looks like padding may be the = of a pair
	}
}

// base64Run decodes one run. It returns false if the run is none.
func (w *walker) base64Run(text []byte, at span, node int32) bool {
	decoded, ok := w.decodeBase64(text[at.start:at.end])
	if !ok {
		return false
	}
	w.layer(text, at, decoded, node)
	return true
}

// base64Parts decodes what stands between the slashes of a run: a path is
// made of the characters of base64, too.
func (w *walker) base64Parts(text []byte, at span, node int32) {
	start := at.start
	for i := at.start; i <= at.end; i++ {
		if i < at.end && text[i] != '/' {
			continue
		}
		if i-start >= minBase64 && i-start < at.end-at.start {
			w.base64Run(text, span{start, i}, node)
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
		end = run(text, end, base64Chars)
		if end-line < 60 || end >= len(text) {
			break
		}
		next := end
		if text[next] == '\r' {
			next++
		}
		if next+1 >= len(text) || text[next] != '\n' || !base64Chars[text[next+1]] {
			break
		}
		end = next + 1
	}
	for n := 0; n < 2 && end < len(text) && text[end] == '='; n++ {
		end++
	}
	return end
}

var base64Chars = newCharset("+/_-")

// decodeBase64 decodes a run in either alphabet, with or without padding. Only
// text is of interest: what has control characters or is no UTF-8 is refused,
// most of the time after the first few bytes.
func (w *walker) decodeBase64(run []byte) ([]byte, bool) {
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
	w.decoded = slices.Grow(w.decoded[:0], enc.DecodedLen(len(run)))[:enc.DecodedLen(len(run))]
	n, err := enc.Decode(w.decoded, run)
	if err != nil || !isText(w.decoded[:n]) {
		return nil, false
	}
	return w.decoded[:n], true
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
