package detect

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
)

// findPAN finds payment card numbers: 13 to 19 digits, in one piece or in
// groups, of a known issuer and with a valid check digit (ISO/IEC 7812-1).
func findPAN(dst []Span, text []byte, _ bool) []Span {
	for i := 0; i < len(text); i++ {
		if !chars.IsDigit(text[i]) {
			continue
		}
		end := cardEnd(text, i)
		if end-i >= 13 && isPAN(text[i:end]) && !insideWord(text, i, end) {
			dst = append(dst, Span{i, end})
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
		if chars.HasPrefix(text, g) {
			return len(g)
		}
	}
	return 0
}

func digitsEnd(text []byte, i int) int {
	for i < len(text) && chars.IsDigit(text[i]) {
		i++
	}
	return i
}

// insideWord says whether a number is part of a longer word or number.
func insideWord(text []byte, start, end int) bool {
	before := start > 0 && (chars.IsAlnum(text[start-1]) ||
		start > 1 && (text[start-1] == '.' || text[start-1] == '-') && chars.IsAlnum(text[start-2]) && bytes.IndexByte(text[start:end], '-') >= 0 ||
		start > 1 && text[start-1] == '.' && chars.IsDigit(text[start-2]))
	after := end < len(text) && (chars.IsAlnum(text[end]) ||
		end+1 < len(text) && (text[end] == '.' || text[end] == '-') && chars.IsDigit(text[end+1]))
	return before || after
}

func isPAN(text []byte) bool {
	var digits [20]byte
	n := 0
	for _, c := range text {
		if !chars.IsDigit(c) {
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
func findIBAN(dst []Span, text []byte, _ bool) []Span {
	for i := 0; i+15 <= len(text); i++ {
		if !chars.IsUpper(text[i]) || !chars.IsUpper(text[i+1]) || !chars.IsDigit(text[i+2]) || !chars.IsDigit(text[i+3]) || i > 0 && chars.IsAlnum(text[i-1]) {
			continue
		}
		if end := ibanEnd(text, i); end > 0 {
			dst = append(dst, Span{i, end})
			i = end - 1
		}
	}
	return dst
}

// ibanEnd is where the account number ends that starts at i, 0 if none does.
func ibanEnd(text []byte, i int) int {
	var compact [34]byte
	n, end := 0, i
	for ; end < len(text) && n < len(compact); end++ {
		c := text[end]
		if c == ' ' && n%4 == 0 && n > 0 {
			continue
		}
		if !chars.IsUpper(c) && !chars.IsDigit(c) {
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
		if (end == len(text) || !chars.IsAlnum(text[end])) && mod97(compact[:n]) {
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
		if chars.IsDigit(c) {
			sum = (sum*10 + int(c-'0')) % 97
		} else {
			sum = (sum*100 + int(c-'A') + 10) % 97
		}
	}
	return sum == 1
}
