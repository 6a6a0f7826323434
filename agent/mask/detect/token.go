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
	wide   = chars.Alnum("_-.=")

	hexs      = chars.Of("0123456789abcdefABCDEF")
	dashedhex = chars.Of("0123456789abcdefABCDEF-")
	capitals  = chars.Of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	capdash   = chars.Of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
	digits    = chars.Of("0123456789")
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

// around is a secret with something fixed in its middle.
type around struct {
	fixed       []string // one of these, of three bytes or more
	before      *chars.Set
	least, most int // characters before
	behind      *chars.Set
	leastBehind int
}

func (a *around) literals() []string { return slices.Clone(a.fixed) }

func (a *around) find(dst []Span, text []byte, _ bool) []Span {
	for _, fixed := range a.fixed {
		for from := 0; ; {
			at := bytes.Index(text[from:], []byte(fixed))
			if at < 0 {
				break
			}
			at += from
			from = at + len(fixed)
			start := at
			for start > 0 && at-start < a.most && a.before[text[start-1]] {
				start--
			}
			end := a.behind.Run(text, from)
			if at-start >= a.least && end-from >= a.leastBehind && (start == 0 || !a.before[text[start-1]]) {
				dst = append(dst, Span{start, end})
				from = end
			}
		}
	}
	return dst
}

// each makes literals of a start and each byte of a set.
func each(start string, of *chars.Set) (out []string) {
	for c, in := range of {
		if in {
			out = append(out, start+string(rune(c)))
		}
	}
	return out
}

var (
	azureClient = around{fixed: eachBefore("Q~"), before: wide, least: 3, most: 3, behind: wide, leastBehind: 30}
	mailchimp   = around{fixed: each("-us", digits), before: hexs, least: 32, most: 32, behind: digits}
	maxmind     = around{fixed: []string{"_mmk"}, before: urls, least: 30, most: 40, behind: alnum}
	telegram    = around{fixed: []string{":AA"}, before: digits, least: 8, most: 10, behind: urls, leastBehind: 30}
	terraform   = around{fixed: []string{".atlasv1."}, before: alnum, least: 14, most: 14, behind: wide, leastBehind: 50}
)

// eachBefore makes literals of each digit and an end.
func eachBefore(end string) (out []string) {
	for d := '0'; d <= '9'; d++ {
		out = append(out, string(d)+end)
	}
	return out
}
