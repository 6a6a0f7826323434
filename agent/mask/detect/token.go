package detect

import (
	"bytes"
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
)

// Token is a secret with a fixed start.
type Token struct {
	Prefix string
	// Of are the characters behind the prefix, at least Min of them.
	Of  *chars.Set
	Min int
	// Digit: at least one of them is a digit.
	Digit bool
}

// What tokens are made of.
var (
	alnum  = chars.Alnum("")
	urls   = chars.Alnum("_-")      // base64url
	dotted = chars.Alnum("_-.")     // tokens of several parts
	creds  = chars.Alnum("._~+/=-") // RFC 6750, 2.1: b64token
	padded = chars.Alnum("+/=")
)

func (t *Token) find(dst []Span, text []byte, torn bool) []Span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(t.Prefix))
		if at < 0 {
			return dst
		}
		start := from + at
		if start > 0 && chars.IsAlnum(text[start-1]) {
			from = start + 1
			continue
		}
		end := t.Of.Run(text, start+len(t.Prefix))
		from = end
		body := text[start+len(t.Prefix) : end]
		if torn && end == len(text) || len(body) >= t.Min && (!t.Digit || slices.ContainsFunc(body, chars.IsDigit)) {
			dst = append(dst, Span{start, end})
		}
	}
}
