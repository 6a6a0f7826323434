package detect

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
)

// findUserinfo finds user and password in URLs (://user:password@host) and in
// connection strings of Go's MySQL driver (user:password@tcp(host)).
func findUserinfo(dst []Span, text []byte, _ bool) []Span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte("://"))
		if at < 0 {
			break
		}
		start := from + at + 3
		end := start + authorityEnd(text[start:])
		if last := bytes.LastIndexByte(text[start:end], '@'); last > 0 {
			dst = append(dst, Span{start, start + last})
		}
		from = start
	}
	for _, host := range []string{"@tcp(", "@unix("} {
		if at := bytes.Index(text, []byte(host)); at > 0 {
			start := bytes.LastIndexAny(text[:at], " \t\r\n\"'`,;=/") + 1
			if bytes.IndexByte(text[start:at], ':') >= 0 {
				dst = append(dst, Span{start, at})
			}
		}
	}
	return dst
}

// maxAuthority bounds user, password, host and port of a URL, in bytes.
const maxAuthority = 4096

// authorityEnd is where user, host and port of a URL end. A password may hold
// an unescaped slash: what looks like a port then is none.
func authorityEnd(text []byte) int {
	text = text[:min(len(text), maxAuthority)]
	at := 0
	for at < len(text) && !endsURL[text[at]] && text[at] != '/' && text[at] != '?' && text[at] != '#' {
		at++
	}
	if at == len(text) || endsURL[text[at]] {
		return at
	}
	if _, port, ok := bytes.Cut(text[:at], []byte(":")); !ok || chars.AllDigits(port) {
		return at
	}
	for at < len(text) && !endsURL[text[at]] {
		at++
	}
	return at
}

// endsURL are the characters that no URL holds.
var endsURL = chars.Of(" \t\r\n\"'`<>\\")
