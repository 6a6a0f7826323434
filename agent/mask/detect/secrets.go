package detect

import (
	"bytes"
	"encoding/base64"

	"github.com/auditship/auditship/agent/mask/chars"
)

// findJWT finds tokens of three parts or more, of which the first is a JSON
// object in base64url.
func findJWT(dst []Span, text []byte, torn bool) []Span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte("eyJ"))
		if at < 0 {
			return dst
		}
		start := from + at
		if start > 0 && chars.IsAlnum(text[start-1]) {
			from = start + 1
			continue
		}
		end := dotted.Run(text, start)
		from = end
		dots := bytes.Count(text[start:end], []byte("."))
		if torn && end == len(text) || dots >= 2 && end-start >= 16 {
			dst = append(dst, Span{start, end})
		}
	}
}

// findPEM finds private keys, up to the end of the text where the last line is
// missing. The lines may be separated by anything.
func findPEM(dst []Span, text []byte, torn bool) []Span {
	begin, end := []byte("-----BEGIN "), []byte("-----END ")
	for from := 0; ; {
		at := bytes.Index(text[from:], begin)
		if at < 0 {
			return dst
		}
		start := from + at
		label := text[start+len(begin):]
		stop := bytes.Index(label, []byte("-----"))
		if stop < 0 && !torn || stop >= 0 && !bytes.Contains(label[:stop], []byte("PRIVATE KEY")) {
			from = start + len(begin)
			continue
		}
		from = len(text)
		if at := bytes.Index(text[start:], end); at >= 0 {
			last := start + at + len(end)
			if dashes := bytes.Index(text[last:], []byte("-----")); dashes >= 0 {
				from = last + dashes + 5
			}
		}
		dst = append(dst, Span{start, from})
	}
}

// findBearer finds the credentials after the word Bearer.
func findBearer(dst []Span, text []byte, torn bool) []Span {
	return findScheme(dst, text, "bearer", func(cred []byte, last bool) bool {
		return last && torn || len(cred) >= 8 && looksMade(cred)
	})
}

// findBasic finds the credentials after the word Basic: user and password in
// base64.
func findBasic(dst []Span, text []byte, torn bool) []Span {
	return findScheme(dst, text, "basic", func(cred []byte, last bool) bool {
		if last && torn {
			return true
		}
		cred = bytes.TrimRight(cred, "=")
		plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(cred)))
		n, err := base64.RawStdEncoding.Decode(plain, cred)
		return err == nil && bytes.IndexByte(plain[:n], ':') >= 0
	})
}

func findScheme(dst []Span, text []byte, scheme string, good func(cred []byte, last bool) bool) []Span {
	for i := 0; i+len(scheme) < len(text); i++ {
		if text[i]|0x20 != scheme[0] || !chars.HasFolded(text[i:], scheme) || i > 0 && chars.IsAlnum(text[i-1]) {
			continue
		}
		start := i + len(scheme)
		for start < len(text) && (text[start] == ' ' || text[start] == '\t') {
			start++
		}
		end := creds.Run(text, start)
		if start > i+len(scheme) && end > start && good(text[start:end], end == len(text)) {
			dst = append(dst, Span{start, end})
			i = end - 1
		}
	}
	return dst
}
