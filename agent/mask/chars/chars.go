// Package chars tells the bytes of ASCII apart: sets of characters, and the
// stretches that are made of them. It knows nothing of Unicode: bytes of 0x80
// and more belong to a set only if that set names them.
package chars

import (
	"encoding/binary"
	"math/bits"
)

// Set is a set of bytes.
type Set [256]bool

// Alnum makes the set of ASCII letters, digits and more.
func Alnum(more string) *Set {
	c := Of(more)
	for i := range 256 {
		c[i] = c[i] || IsAlnum(byte(i))
	}
	return c
}

// Of makes the set of the bytes of a text.
func Of(bytes string) *Set {
	var c Set
	for i := range len(bytes) {
		c[bytes[i]] = true
	}
	return &c
}

// WithHigh adds all bytes of 0x80 and more, of which the letters of other
// alphabets are made.
func (c Set) WithHigh() *Set {
	for i := 0x80; i < len(c); i++ {
		c[i] = true
	}
	return &c
}

// Run is the end of the stretch of text that starts at i and is made of c.
func (c *Set) Run(text []byte, i int) int {
	for i < len(text) && c[text[i]] {
		i++
	}
	return i
}

// All says whether text is made of c.
func (c *Set) All(text []byte) bool { return c.Run(text, 0) == len(text) }

// IsAlnum says whether c is an ASCII letter or digit.
func IsAlnum(c byte) bool { return IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// IsDigit says whether c is an ASCII digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsUpper says whether c is an ASCII capital.
func IsUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// AllDigits says whether b has nothing but ASCII digits, or nothing.
func AllDigits(b []byte) bool {
	for _, c := range b {
		if !IsDigit(c) {
			return false
		}
	}
	return true
}

// HasPrefix says whether b starts with prefix.
func HasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// HasFolded says whether text starts with the lower-case word, in any case.
func HasFolded(text []byte, word string) bool {
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

// FoldedIndex is where the lower-case word stands in text, in any case, or -1.
func FoldedIndex(text []byte, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0] && HasFolded(text[i:], word) {
			return i
		}
	}
	return -1
}

// Hash mixes the length and both ends of a key.
func Hash(b []byte) uint32 {
	var lo, hi uint64
	switch n := len(b); {
	case n >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		lo, hi = uint64(b[0]), uint64(b[n/2])<<8|uint64(b[n-1])
	}
	x := (lo ^ bits.RotateLeft64(hi, 29) ^ uint64(len(b))) * 0x9e3779b97f4a7c15
	return uint32(x >> 40)
}
