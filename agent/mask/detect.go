package mask

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// detector is a kind of secret that is known by its looks.
type detector int

// The detectors, by the names rules call them.
const (
	detectA7EE detector = iota
	detectJWT
	detectPEM
	detectBearer
	detectBasic
	detectUserinfo
	detectAWS
	detectGCP
	detectGitHub
	detectGitLab
	detectSlack
	detectStripe
	detectOpenAI
	detectAnthropic
	detectVault
	detectNPM
	detectSendGrid
	detectDatabricks
	detectDigitalOcean
	detectPAN
	detectIBAN
	detectEmail
	detectPhone
	detectIP
	detectorCount
)

var detectorNames = [detectorCount]string{
	"a7ee", "jwt", "pem", "bearer", "basic", "userinfo", "aws", "gcp", "github",
	"gitlab", "slack", "stripe", "openai", "anthropic", "vault", "npm",
	"sendgrid", "databricks", "digitalocean", "pan", "iban", "email", "phone", "ip",
}

// minText is the length below which no detector finds anything: pin=1.
const minText = 5

// finder finds what a detector is after. cut says that the text was torn off
// at its end, so that the start of a secret is enough.
type finder struct {
	fragments []string // one of them stands in every text that has something
	digits    int      // or so many digits do
	find      func(dst []span, text []byte, cut bool) []span
}

// token is a secret with a fixed start.
type token struct {
	prefix string
	class  *charset
	min    int  // characters after the prefix
	digit  bool // at least one of them is a digit
}

type charset [256]bool

func newCharset(chars string) *charset {
	var c charset
	for i := range 256 {
		c[i] = isAlnum(byte(i))
	}
	for i := range len(chars) {
		c[chars[i]] = true
	}
	return &c
}

var (
	alnumChars = newCharset("")
	urlChars   = newCharset("_-")      // base64url
	dotChars   = newCharset("_-.")     // tokens of several parts
	credChars  = newCharset("._~+/=-") // RFC 6750, 2.1: b64token
	b64Chars   = newCharset("+/=")
)

// tokens lists the shapes of the detectors that need no more than a shape.
// Sources: the vendors' own descriptions of their token formats.
var tokens = map[detector][]token{
	detectA7EE: {{"a7ee-", urlChars, 16, false}, {"a7ee.", urlChars, 16, false}},
	detectAWS: {
		{"AKIA", alnumChars, 16, false}, {"ASIA", alnumChars, 16, false},
		{"ABIA", alnumChars, 16, false}, {"ACCA", alnumChars, 16, false},
	},
	detectGCP:    {{"AIza", urlChars, 35, false}, {"ya29.", dotChars, 20, false}, {"GOCSPX-", urlChars, 20, false}},
	detectGitHub: {{"ghp_", alnumChars, 30, false}, {"gho_", alnumChars, 30, false}, {"ghu_", alnumChars, 30, false}, {"ghs_", alnumChars, 30, false}, {"ghr_", alnumChars, 30, false}, {"github_pat_", urlChars, 22, false}},
	detectGitLab: {
		{"glpat-", dotChars, 20, false}, {"gldt-", dotChars, 20, false}, {"glrt-", dotChars, 20, false},
		{"glptt-", dotChars, 20, false}, {"glcbt-", dotChars, 20, false}, {"glsoat-", dotChars, 20, false},
	},
	detectSlack: {
		{"xoxb-", urlChars, 10, true}, {"xoxp-", urlChars, 10, true}, {"xoxa-", urlChars, 10, true},
		{"xoxr-", urlChars, 10, true}, {"xoxs-", urlChars, 10, true}, {"xoxe-", urlChars, 10, true},
		{"xoxe.", dotChars, 10, true}, {"xapp-", urlChars, 10, true}, {"hooks.slack.com/services/", credChars, 10, false},
	},
	detectStripe: {
		{"sk_live_", alnumChars, 10, false}, {"sk_test_", alnumChars, 10, false}, {"rk_live_", alnumChars, 10, false},
		{"rk_test_", alnumChars, 10, false}, {"whsec_", b64Chars, 20, false},
	},
	detectOpenAI:       {{"sk-", urlChars, 20, true}},
	detectAnthropic:    {{"sk-ant-", urlChars, 20, false}},
	detectVault:        {{"hvs.", urlChars, 20, false}, {"hvb.", urlChars, 20, false}, {"hvr.", urlChars, 20, false}},
	detectNPM:          {{"npm_", alnumChars, 36, false}},
	detectSendGrid:     {{"SG.", dotChars, 40, false}},
	detectDatabricks:   {{"dapi", alnumChars, 32, true}},
	detectDigitalOcean: {{"dop_v1_", alnumChars, 60, false}, {"doo_v1_", alnumChars, 60, false}, {"dor_v1_", alnumChars, 60, false}},
}

// anchors are the rarest stretches of prefixes, where the first three bytes
// would be found in ordinary words.
var anchors = map[string]string{
	"sk-": "sk-", "github_pat_": "b_p", "glpat-": "lpat-", "hooks.slack.com/services/": "ks.sl",
	"npm_": "pm_", "dop_v1_": "_v1_", "doo_v1_": "_v1_", "dor_v1_": "_v1_", "sk-ant-": "k-a",
	"sk_live_": "k_l", "sk_test_": "k_t", "rk_live_": "k_l", "rk_test_": "k_t", "whsec_": "ec_",
	"ghp_": "hp_", "gho_": "ho_", "ghu_": "hu_", "ghs_": "hs_", "ghr_": "hr_", "dapi": "dapi",
}

// newFinder makes the finder of a detector.
func newFinder(d detector) finder {
	if shapes, ok := tokens[d]; ok {
		f := finder{find: func(dst []span, text []byte, cut bool) []span {
			for i := range shapes {
				dst = shapes[i].find(dst, text, cut)
			}
			return dst
		}}
		for _, s := range shapes {
			anchor, ok := anchors[s.prefix]
			if !ok {
				anchor = s.prefix
			}
			f.fragments = append(f.fragments, anchor)
		}
		return f
	}
	switch d {
	case detectJWT:
		return finder{fragments: []string{"eyJ"}, find: findJWT}
	case detectPEM:
		return finder{fragments: []string{"--BEGIN"}, find: findPEM}
	case detectBearer:
		return finder{fragments: []string{"rer", "RER"}, find: findBearer}
	case detectBasic:
		return finder{fragments: []string{"asic", "ASIC"}, find: findBasic}
	case detectUserinfo:
		return finder{fragments: []string{"://", "@tcp(", "@unix("}, find: findUserinfo}
	case detectPAN:
		return finder{digits: 13, find: findPAN}
	case detectIBAN:
		return finder{digits: 8, find: findIBAN}
	case detectEmail:
		return finder{fragments: []string{"@"}, find: findEmail}
	case detectPhone:
		return finder{fragments: []string{"+"}, find: findPhone}
	case detectIP:
		return finder{fragments: []string{".", ":"}, find: findIP}
	}
	return finder{}
}

func (t *token) find(dst []span, text []byte, cut bool) []span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(t.prefix))
		if at < 0 {
			return dst
		}
		start := from + at
		if start > 0 && isAlnum(text[start-1]) {
			from = start + 1
			continue
		}
		end := run(text, start+len(t.prefix), t.class)
		from = end
		body := text[start+len(t.prefix) : end]
		if cut && end == len(text) || len(body) >= t.min && (!t.digit || slices.ContainsFunc(body, isDigit)) {
			dst = append(dst, span{start, end})
		}
	}
}

// run is the end of the stretch of class c that starts at i.
func run(text []byte, i int, c *charset) int {
	for i < len(text) && c[text[i]] {
		i++
	}
	return i
}

// findJWT finds tokens of three parts or more, of which the first is a JSON
// object in base64url.
func findJWT(dst []span, text []byte, cut bool) []span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte("eyJ"))
		if at < 0 {
			return dst
		}
		start := from + at
		if start > 0 && isAlnum(text[start-1]) {
			from = start + 1
			continue
		}
		end := run(text, start, dotChars)
		from = end
		dots := bytes.Count(text[start:end], []byte("."))
		if cut && end == len(text) || dots >= 2 && end-start >= 16 {
			dst = append(dst, span{start, end})
		}
	}
}

// findPEM finds private keys, up to the end of the text where the last line is
// missing. The lines may be separated by anything.
func findPEM(dst []span, text []byte, cut bool) []span {
	begin, end := []byte("-----BEGIN "), []byte("-----END ")
	for from := 0; ; {
		at := bytes.Index(text[from:], begin)
		if at < 0 {
			return dst
		}
		start := from + at
		label := text[start+len(begin):]
		stop := bytes.Index(label, []byte("-----"))
		if stop < 0 && !cut || stop >= 0 && !bytes.Contains(label[:stop], []byte("PRIVATE KEY")) {
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
		dst = append(dst, span{start, from})
	}
}

// findBearer finds the credentials after the word Bearer.
func findBearer(dst []span, text []byte, cut bool) []span {
	return findScheme(dst, text, "bearer", func(cred []byte, torn bool) bool {
		return torn && cut || len(cred) >= 8 && looksMade(cred)
	})
}

// findBasic finds the credentials after the word Basic: user and password in
// base64.
func findBasic(dst []span, text []byte, cut bool) []span {
	return findScheme(dst, text, "basic", func(cred []byte, torn bool) bool {
		if torn && cut {
			return true
		}
		cred = bytes.TrimRight(cred, "=")
		plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(cred)))
		n, err := base64.RawStdEncoding.Decode(plain, cred)
		return err == nil && bytes.IndexByte(plain[:n], ':') >= 0
	})
}

func findScheme(dst []span, text []byte, scheme string, good func(cred []byte, torn bool) bool) []span {
	for i := 0; i+len(scheme) < len(text); i++ {
		if text[i]|0x20 != scheme[0] || !foldedPrefix(text[i:], scheme) || i > 0 && isAlnum(text[i-1]) {
			continue
		}
		start := i + len(scheme)
		for start < len(text) && (text[start] == ' ' || text[start] == '\t') {
			start++
		}
		end := run(text, start, credChars)
		if start > i+len(scheme) && end > start && good(text[start:end], end == len(text)) {
			dst = append(dst, span{start, end})
			i = end - 1
		}
	}
	return dst
}

// foldedPrefix says whether text starts with the lower-case word, in any case.
func foldedPrefix(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if text[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// looksMade tells a generated value from a word: it holds a digit, a capital
// that does not open it, or is longer than words are.
func looksMade(b []byte) bool {
	if len(b) >= 20 {
		return true
	}
	return slices.ContainsFunc(b, isDigit) || slices.ContainsFunc(b[1:], func(c byte) bool { return 'A' <= c && c <= 'Z' })
}
