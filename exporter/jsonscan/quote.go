package jsonscan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// AppendUnquoted appends the value of a Key or String token (quotes included,
// as Bytes returns it) to dst. An escaped surrogate without its partner becomes
// U+FFFD; other bytes are passed through.
func AppendUnquoted(dst, token []byte) []byte {
	b := token[1 : len(token)-1]
	for i := 0; i < len(b); {
		n := plainEnd(b, i)
		dst = append(dst, b[i:n]...)
		if n == len(b) {
			break
		}
		if b[n] != '\\' {
			dst = append(dst, b[n])
			i = n + 1
			continue
		}
		var size int
		dst, size = appendEscape(dst, b[n:])
		i = n + size
	}
	return dst
}

func appendEscape(dst, b []byte) ([]byte, int) {
	switch b[1] {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r := rune4(b)
		if utf16.IsSurrogate(r) {
			if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
				if full := utf16.DecodeRune(r, rune4(b[6:])); full != utf8.RuneError {
					return utf8.AppendRune(dst, full), 12
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(dst, r), 6
	}
	return append(dst, b[1]), 2
}

// rune4 reads the four digits of the \uXXXX at the start of b.
func rune4(b []byte) rune {
	var r rune
	for _, c := range b[2:6] {
		r = r<<4 | rune(unhex(c))
	}
	return r
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// AppendQuoted appends s to dst as a JSON string, quotes included. Bytes that
// are not UTF-8 become U+FFFD, so the result is always a valid JSON string.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	valid := utf8.Valid(s)
	for i := 0; i < len(s); {
		n := plainEnd(s, i)
		dst = appendText(dst, s[i:n], valid)
		if n == len(s) {
			break
		}
		dst = escape(dst, s[n])
		i = n + 1
	}
	return append(dst, '"')
}

func appendText(dst, s []byte, valid bool) []byte {
	if valid {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[size:]
	}
	return dst
}

func escape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
