package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// defuse puts a quote before what a spreadsheet would run as a formula: at the start of
// a cell, and where a spreadsheet would see the start of one. In half of Europe that is
// after a semicolon, whatever the file's separator is, and where it reads quotes as text
// it is after a line break or a tab too. A cell
// that begins with one of those is taken for one.
// See https://owasp.org/www-community/attacks/CSV_Injection.
func defuse(cell string, separator rune) string {
	var b strings.Builder
	rest := cell
	for start := true; ; start = false {
		end := strings.IndexFunc(rest, func(r rune) bool { return splits(r, separator) })
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		if runs(part) || start && rest != "" && strings.ContainsRune("\t\r\n", rune(rest[0])) {
			b.WriteByte('\'')
		}
		if end < 0 {
			if b.Len() == 0 {
				return cell // most of the time
			}
			b.WriteString(rest)
			return b.String()
		}
		end += len(string([]rune(rest[end:])[:1]))
		b.WriteString(rest[:end])
		rest = rest[end:]
	}
}

// splits reports whether a spreadsheet may take r for the end of a cell. The separator of
// the file is quoted, so that those who take it for one read the quotes as well.
func splits(r, separator rune) bool {
	switch r {
	case ',', '，':
		return separator != ','
	case ';', '；', '\t', '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// runs reports whether text begins like a formula. What cannot be seen, and quotes, do
// not count.
func runs(text string) bool {
	for _, r := range text {
		if !unseen(r) {
			return isSign(r)
		}
	}
	return false
}

// unseen reports whether a letter takes no ink, or is a quote.
func unseen(r rune) bool {
	switch r {
	case '"', '＂', '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // fillers and the empty Braille cell
		return true
	}
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Zs)
}

// isSign reports whether a formula begins with r, in any of its forms: full-width, small,
// raised and lowered.
func isSign(r rune) bool {
	if r < unicode.MaxASCII {
		return strings.ContainsRune("=+-@", r)
	}
	plain := norm.NFKC.String(string(r))
	return len(plain) > 0 && (strings.ContainsRune("=+-@", rune(plain[0])) || plain == "\u2212")
}
