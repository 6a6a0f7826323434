package detect

import (
	"bytes"
	"net/netip"

	"github.com/auditship/auditship/agent/mask/chars"
)

var (
	localChars  = chars.Alnum("._%+-")
	domainChars = chars.Alnum(".-")
)

// findEmail finds e-mail addresses: a name, @ and a domain with a dot.
func findEmail(dst []Span, text []byte, _ bool) []Span {
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '@')
		if at < 0 {
			return dst
		}
		at += from
		from = at + 1
		start := at
		for start > 0 && (localChars[text[start-1]] || text[start-1] >= 0x80) {
			start--
		}
		end := domainChars.Run(text, at+1)
		for end > at+1 && !chars.IsAlnum(text[end-1]) {
			end-- // the dot of a sentence
		}
		dot := bytes.LastIndexByte(text[at:end], '.')
		if start < at && dot > 1 && at+dot+2 < end && !chars.IsDigit(text[end-1]) {
			dst = append(dst, Span{start, end})
			from = end
		}
	}
}

// findPhone finds telephone numbers in international form: +, then 8 to 15
// digits, in groups or not (ITU-T E.164).
func findPhone(dst []Span, text []byte, _ bool) []Span {
	for i := 0; i < len(text); i++ {
		if text[i] != '+' || i > 0 && chars.IsAlnum(text[i-1]) {
			continue
		}
		digits, end := 0, i+1
		for j := i + 1; j < len(text) && digits <= 15; j++ {
			if chars.IsDigit(text[j]) {
				digits++
				end = j + 1
			} else if bytes.IndexByte([]byte(" -./()"), text[j]) < 0 || j-end > 1 {
				break
			}
		}
		if digits >= 8 && digits <= 15 && text[i+1] != '0' && (end == len(text) || !chars.IsAlnum(text[end])) {
			dst = append(dst, Span{i, end})
			i = end - 1
		}
	}
	return dst
}

var (
	ipChars = chars.Alnum(".:%")
)

// findIP finds addresses of both versions of IP.
func findIP(dst []Span, text []byte, _ bool) []Span {
	for i := 0; i < len(text); {
		if !ipChars[text[i]] {
			i++
			continue
		}
		end := ipChars.Run(text, i)
		if at, ok := addressIn(text, i, end); ok {
			dst = append(dst, at)
		}
		i = end
	}
	return dst
}

// maxAddress is longer than any address with its zone and port, in bytes.
const maxAddress = 100

// addressIn finds the address in a word, which may end in a port or a dot.
func addressIn(text []byte, start, end int) (Span, bool) {
	if end-start > maxAddress {
		return Span{}, false
	}
	word := bytes.TrimRight(text[start:end], ".:")
	for len(word) > 6 || bytes.IndexByte(word, ':') >= 0 {
		if _, err := netip.ParseAddr(string(word)); err == nil {
			return Span{start, start + len(word)}, true
		}
		at := bytes.LastIndexByte(word, ':')
		if at <= 0 {
			break
		}
		word = word[:at]
	}
	return Span{}, false
}
