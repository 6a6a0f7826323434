package mask

import (
	"bytes"
	"net/netip"
)

// findUserinfo finds user and password in URLs (://user:password@host) and in
// connection strings of Go's MySQL driver (user:password@tcp(host)).
func findUserinfo(dst []span, text []byte, _ bool) []span {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte("://"))
		if at < 0 {
			break
		}
		start := from + at + 3
		end := start + authorityEnd(text[start:])
		if last := bytes.LastIndexByte(text[start:end], '@'); last > 0 {
			dst = append(dst, span{start, start + last})
		}
		from = start
	}
	for _, host := range []string{"@tcp(", "@unix("} {
		if at := bytes.Index(text, []byte(host)); at > 0 {
			start := bytes.LastIndexAny(text[:at], " \t\r\n\"'`,;=/") + 1
			if bytes.IndexByte(text[start:at], ':') >= 0 {
				dst = append(dst, span{start, at})
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
	if _, port, ok := bytes.Cut(text[:at], []byte(":")); !ok || allDigits(port) {
		return at
	}
	for at < len(text) && !endsURL[text[at]] {
		at++
	}
	return at
}

// endsURL are the characters that no URL holds.
var endsURL = func() (c charset) {
	for _, b := range []byte(" \t\r\n\"'`<>\\") {
		c[b] = true
	}
	return c
}()

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// findPAN finds payment card numbers: 13 to 19 digits, in one piece or in
// groups, of a known issuer and with a valid check digit (ISO/IEC 7812-1).
func findPAN(dst []span, text []byte, _ bool) []span {
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		end := cardEnd(text, i)
		if end-i >= 13 && isPAN(text[i:end]) && !insideWord(text, i, end) {
			dst = append(dst, span{i, end})
		}
		i = end
	}
	return dst
}

// cardEnd is where the digits end that start at i, single blanks, dashes or dots
// between groups of three to six included.
func cardEnd(text []byte, i int) int {
	end := digitsEnd(text, i)
	for end-i >= 4 {
		start := end + gap(text[end:])
		next := digitsEnd(text, start)
		if n := next - start; start == end || n < 3 || n > 6 {
			break
		}
		end = next
	}
	return end
}

// gap is the length of what may stand between two groups of digits, 0 for
// nothing of the kind.
func gap(text []byte) int {
	for _, g := range []string{" ", "-", ".", "\u00a0", "\u202f"} {
		if hasPrefix(text, g) {
			return len(g)
		}
	}
	return 0
}

func digitsEnd(text []byte, i int) int {
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

// insideWord says whether a number is part of a longer word or number.
func insideWord(text []byte, start, end int) bool {
	before := start > 0 && (isAlnum(text[start-1]) ||
		start > 1 && (text[start-1] == '.' || text[start-1] == '-') && isAlnum(text[start-2]) && bytes.IndexByte(text[start:end], '-') >= 0 ||
		start > 1 && text[start-1] == '.' && isDigit(text[start-2]))
	after := end < len(text) && (isAlnum(text[end]) ||
		end+1 < len(text) && (text[end] == '.' || text[end] == '-') && isDigit(text[end+1]))
	return before || after
}

func isPAN(text []byte) bool {
	var digits [20]byte
	n := 0
	for _, c := range text {
		if !isDigit(c) {
			continue
		}
		if n == len(digits) {
			return false
		}
		digits[n] = c - '0'
		n++
	}
	return n >= 13 && n <= 19 && knownIssuer(digits[:n]) && luhn(digits[:n])
}

// knownIssuer looks a card number up in the table of issuers: prefix and
// length of Visa, Mastercard, American Express, Discover, Diners Club, JCB,
// UnionPay, Maestro and Mir
// (https://en.wikipedia.org/wiki/Payment_card_number).
func knownIssuer(digits []byte) bool {
	first := 0
	for _, d := range digits[:6] {
		first = first*10 + int(d)
	}
	for _, i := range issuers {
		if first >= i.from && first <= i.to && len(digits) >= i.least && len(digits) <= i.most {
			return true
		}
	}
	return false
}

var issuers = []struct{ from, to, least, most int }{
	{400000, 499999, 13, 13}, {400000, 499999, 16, 16}, {400000, 499999, 19, 19}, // Visa
	{510000, 559999, 16, 16}, {222100, 272099, 16, 16}, // Mastercard
	{340000, 349999, 15, 15}, {370000, 379999, 15, 15}, // American Express
	{601100, 601199, 16, 19}, {644000, 659999, 16, 19}, // Discover
	{300000, 305999, 14, 19}, {309500, 309599, 14, 19}, {360000, 369999, 14, 19}, {380000, 399999, 16, 19}, // Diners Club
	{352800, 358999, 16, 19}, // JCB
	{620000, 629999, 16, 19}, // UnionPay
	{501800, 501899, 13, 19}, {502000, 502099, 13, 19}, {503800, 503899, 13, 19}, {589300, 589399, 13, 19},
	{630400, 630499, 13, 19}, {675900, 675999, 13, 19}, {676100, 676399, 13, 19}, // Maestro
	{220000, 220499, 16, 19}, // Mir
}

// luhn checks the last digit (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// findIBAN finds international bank account numbers, in one piece or in groups
// of four (ISO 13616).
func findIBAN(dst []span, text []byte, _ bool) []span {
	for i := 0; i+15 <= len(text); i++ {
		if !isUpper(text[i]) || !isUpper(text[i+1]) || !isDigit(text[i+2]) || !isDigit(text[i+3]) || i > 0 && isAlnum(text[i-1]) {
			continue
		}
		if end := ibanEnd(text, i); end > 0 {
			dst = append(dst, span{i, end})
			i = end - 1
		}
	}
	return dst
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// ibanEnd is where the account number ends that starts at i, 0 if none does.
func ibanEnd(text []byte, i int) int {
	var compact [34]byte
	n, end := 0, i
	for ; end < len(text) && n < len(compact); end++ {
		c := text[end]
		if c == ' ' && n%4 == 0 && n > 0 {
			continue
		}
		if !isUpper(c) && !isDigit(c) {
			break
		}
		compact[n] = c
		n++
	}
	for end > i && text[end-1] == ' ' {
		end--
	}
	// a word in capitals may follow, so shorter readings count too
	for ; n >= 15; n, end = n-1, end-1 {
		for end > i && text[end-1] == ' ' {
			end--
		}
		if (end == len(text) || !isAlnum(text[end])) && mod97(compact[:n]) {
			return end
		}
	}
	return 0
}

// mod97 checks the two check digits (ISO/IEC 7064, MOD 97-10).
func mod97(iban []byte) bool {
	sum := 0
	for i := range iban {
		c := iban[(i+4)%len(iban)]
		if isDigit(c) {
			sum = (sum*10 + int(c-'0')) % 97
		} else {
			sum = (sum*100 + int(c-'A') + 10) % 97
		}
	}
	return sum == 1
}

var (
	localChars  = newCharset("._%+-")
	domainChars = newCharset(".-")
)

// findEmail finds e-mail addresses: a name, @ and a domain with a dot.
func findEmail(dst []span, text []byte, _ bool) []span {
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
		end := run(text, at+1, domainChars)
		for end > at+1 && !isAlnum(text[end-1]) {
			end-- // the dot of a sentence
		}
		dot := bytes.LastIndexByte(text[at:end], '.')
		if start < at && dot > 1 && at+dot+2 < end && !isDigit(text[end-1]) {
			dst = append(dst, span{start, end})
			from = end
		}
	}
}

// findPhone finds telephone numbers in international form: +, then 8 to 15
// digits, in groups or not (ITU-T E.164).
func findPhone(dst []span, text []byte, _ bool) []span {
	for i := 0; i < len(text); i++ {
		if text[i] != '+' || i > 0 && isAlnum(text[i-1]) {
			continue
		}
		digits, end := 0, i+1
		for j := i + 1; j < len(text) && digits <= 15; j++ {
			if isDigit(text[j]) {
				digits++
				end = j + 1
			} else if bytes.IndexByte([]byte(" -./()"), text[j]) < 0 || j-end > 1 {
				break
			}
		}
		if digits >= 8 && digits <= 15 && text[i+1] != '0' && (end == len(text) || !isAlnum(text[end])) {
			dst = append(dst, span{i, end})
			i = end - 1
		}
	}
	return dst
}

var (
	ipChars = newCharset(".:%")
)

// findIP finds addresses of both versions of IP.
func findIP(dst []span, text []byte, _ bool) []span {
	for i := 0; i < len(text); {
		if !ipChars[text[i]] {
			i++
			continue
		}
		end := run(text, i, ipChars)
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
func addressIn(text []byte, start, end int) (span, bool) {
	if end-start > maxAddress {
		return span{}, false
	}
	word := bytes.TrimRight(text[start:end], ".:")
	for len(word) > 6 || bytes.IndexByte(word, ':') >= 0 {
		if _, err := netip.ParseAddr(string(word)); err == nil {
			return span{start, start + len(word)}, true
		}
		at := bytes.LastIndexByte(word, ':')
		if at <= 0 {
			break
		}
		word = word[:at]
	}
	return span{}, false
}
