package filesource

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// skip moves over a record that is larger than max_record without keeping it:
// it counts braces outside strings until the record is closed, or until a raw
// newline shows that it is broken, and hashes what it passed. A row of a CSV file
// ends with a line outside quotes.
type skip struct {
	from     int64 // where the record starts in its file
	length   int64
	hash     hash.Hash
	depth    int
	inString bool
	escaped  bool
	newline  bool // the byte before was one
	layout   layout
}

func newSkip(key []byte, from int64, l layout) *skip {
	return &skip{from: from, hash: hmac.New(sha256.New, key), layout: l}
}

// feed takes more of the record. It returns how many bytes belong to it and
// whether the record ended there.
func (s *skip) feed(b []byte) (n int, done bool) {
	for n < len(b) && !done {
		if s.layout != csvRows && (s.newline && b[n] == '{' || s.inString && b[n] == '\n') {
			done = true // the next record, or a broken string: not ours
			break
		}
		done = s.step(b[n])
		n++
	}
	s.hash.Write(b[:n])
	s.length += int64(n)
	return n, done
}

// step takes one byte and reports whether it closes the record.
func (s *skip) step(c byte) bool {
	s.newline = c == '\n'
	switch {
	case s.layout == csvRows:
		s.inString = s.inString != (c == '"')
		return s.newline && !s.inString
	case s.escaped:
		s.escaped = false
	case s.inString:
		s.escaped = c == '\\'
		s.inString = c != '"'
	case c == '"':
		s.inString = true
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
		return s.depth <= 0
	}
	return false
}

// sum is the keyed hash of everything fed, in hex.
func (s *skip) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }
