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
	for from := 0; ; { // of MySQL's drivers, and of Oracle's: user/password@//host
		at := bytes.IndexByte(text[from:], '@')
		if at < 0 {
			return dst
		}
		at += from
		start := at
		for start > from && at-start < maxAuthority && !endsURL[text[start-1]] && bytes.IndexByte([]byte(",;="), text[start-1]) < 0 {
			start--
		}
		from = at + 1
		user := text[start:at]
		switch behind := text[at:]; {
		case chars.HasPrefix(behind, "@tcp(") || chars.HasPrefix(behind, "@unix(") || chars.HasPrefix(behind, "@/") && !chars.HasPrefix(behind, "@//"):
			if slash := bytes.LastIndexByte(user, '/'); slash >= 0 {
				start += slash + 1
			}
			if bytes.IndexByte(text[start:at], ':') > 0 {
				dst = append(dst, Span{start, at})
			}
		case chars.HasPrefix(user, "jdbc:oracle:"):
			if colon := bytes.LastIndexByte(user, ':'); bytes.IndexByte(user[colon:], '/') > 1 {
				dst = append(dst, Span{start + colon + 1, at})
			}
		}
	}
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
