package jsonscan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// MaxDepth is how many containers may be open at once. Elasticsearch refuses
// more than 1,000 levels; what lies between is for the stages to judge.
const MaxDepth = 10_000

// Kind is the kind of a token.
type Kind byte

// The kinds of tokens. EOF ends a complete text; Invalid says that Err is set.
const (
	Invalid Kind = iota
	EOF
	BeginObject
	EndObject
	BeginArray
	EndArray
	Key // a member's name; its colon is consumed with it
	String
	Number
	True
	False
	Null
)

// IsScalar reports whether the token is a whole value by itself.
func (k Kind) IsScalar() bool { return k >= String }

// SyntaxError says where a text stops being JSON. It never quotes the text. Where the
// text merely ends too early, Offset is its length.
type SyntaxError struct {
	Offset  int    // of the first byte that does not fit
	Problem string // a constant text
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("offset %d: %s", e.Offset, e.Problem)
}

// state says what the grammar allows next.
type state byte

const (
	wantValue state = iota
	wantFirstElement
	wantFirstKey
	wantCommaOrEnd
	wantEOF
	afterError
)

// Scanner is a cursor over the tokens of one JSON text.
//
// Call Reset, then Next until it returns EOF or Invalid. Between calls, Start
// and End delimit the token just returned.
type Scanner struct {
	data    []byte
	pos     int
	start   int
	end     int
	state   state
	escaped bool
	stack   []byte // '{' or '[' for every open container
	err     SyntaxError
}

// Reset puts the cursor before the first token of data. The scanner keeps a
// reference to data and never writes to it.
func (s *Scanner) Reset(data []byte) {
	*s = Scanner{data: data, stack: s.stack[:0]}
}

// Start is the offset of the first byte of the current token, a string's or a
// key's opening quote included.
func (s *Scanner) Start() int { return s.start }

// End is the offset after the last byte of the current token.
func (s *Scanner) End() int { return s.end }

// Bytes is the current token as it stands in the text, quotes included. It
// aliases the text.
func (s *Scanner) Bytes() []byte { return s.data[s.start:s.end] }

// Escaped reports whether the current key or string holds a backslash; without
// one, the bytes between its quotes are its value.
func (s *Scanner) Escaped() bool { return s.escaped }

// Depth is the number of containers open after the current token.
func (s *Scanner) Depth() int { return len(s.stack) }

// Err is the *SyntaxError that made Next return Invalid, or nil.
func (s *Scanner) Err() error {
	if s.err.Problem == "" {
		return nil
	}
	return &s.err
}

// Next moves to the next token. After EOF or Invalid it keeps returning the same.
func (s *Scanner) Next() Kind {
	if s.state == afterError {
		return Invalid
	}
	c, ok := s.skipSpace()
	if !ok {
		return s.atEnd()
	}
	switch s.state {
	case wantCommaOrEnd:
		if c != ',' {
			return s.endOf(c)
		}
		s.pos++
		if c, ok = s.skipSpace(); !ok {
			return s.fail(s.pos, "unexpected end")
		}
		if s.stack[len(s.stack)-1] == '{' {
			return s.key(c)
		}
		return s.value(c)
	case wantValue:
		return s.value(c)
	case wantFirstKey:
		if c == '}' {
			return s.closeContainer(EndObject)
		}
		return s.key(c)
	case wantFirstElement:
		if c == ']' {
			return s.closeContainer(EndArray)
		}
		return s.value(c)
	default:
		return s.fail(s.pos, "data after the value")
	}
}

// Skip moves past the rest of the value whose first token is the current one,
// so that the current token is its last. It does nothing for a scalar and
// returns false if the text is broken.
func (s *Scanner) Skip(first Kind) bool {
	if first != BeginObject && first != BeginArray {
		return first != Invalid
	}
	for depth := s.Depth() - 1; s.Depth() > depth; {
		if k := s.Next(); k == Invalid || k == EOF {
			return false
		}
	}
	return true
}

// Value is Skip that returns the whole value. It aliases the text.
func (s *Scanner) Value(first Kind) ([]byte, bool) {
	start := s.start
	ok := s.Skip(first)
	return s.data[start:s.end], ok
}

// Members goes through the object whose BeginObject is the current token, so that its
// EndObject is. member is told the text of each key, quotes included, and the first
// token of its value, which is the current one, and moves to the value's last. Members
// ends early and returns false where member does or the text is broken.
func (s *Scanner) Members(member func(key []byte, first Kind) bool) bool {
	for {
		switch s.Next() {
		case EndObject:
			return true
		case Key:
			key := s.Bytes()
			if first := s.Next(); first == Invalid || !member(key, first) {
				return false
			}
		default:
			return false
		}
	}
}

// SkipKnown is Skip for a text that was scanned to its end before: it looks for the
// end of the value alone. Where the text is broken all the same, it may stop at the
// wrong place, but never outside of the text.
func (s *Scanner) SkipKnown(first Kind) bool {
	if first != BeginObject && first != BeginArray {
		return first != Invalid
	}
	b := s.data
	depth := 1
	for i := s.pos; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i = plainEnd(b, i+1); i < len(b) && b[i] != '"'; i = plainEnd(b, i) {
				if i++; b[i-1] == '\\' {
					i++ // whatever is escaped
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.start, s.end, s.pos = i, i+1, i+1
				s.stack = s.stack[:len(s.stack)-1]
				s.afterValue()
				return true
			}
		}
	}
	s.fail(len(b), "unexpected end")
	return false
}

// skipSpace moves to the next byte that is no white space and returns it.
func (s *Scanner) skipSpace() (byte, bool) {
	if s.pos < len(s.data) {
		if c := s.data[s.pos]; c > ' ' {
			return c, true // most of the time
		}
	}
	return s.skipMore()
}

func (s *Scanner) skipMore() (byte, bool) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c, true
		}
		s.pos++
	}
	return 0, false
}

func (s *Scanner) atEnd() Kind {
	if s.state == wantEOF {
		s.start, s.end = s.pos, s.pos
		return EOF
	}
	return s.fail(s.pos, "unexpected end")
}

// endOf closes the innermost container with c.
func (s *Scanner) endOf(c byte) Kind {
	switch inObject := s.stack[len(s.stack)-1] == '{'; {
	case inObject && c == '}':
		return s.closeContainer(EndObject)
	case !inObject && c == ']':
		return s.closeContainer(EndArray)
	}
	return s.fail(s.pos, "expected a comma or the end of the container")
}

func (s *Scanner) closeContainer(k Kind) Kind {
	s.start, s.end = s.pos, s.pos+1
	s.pos++
	s.stack = s.stack[:len(s.stack)-1]
	s.afterValue()
	return k
}

func (s *Scanner) afterValue() {
	if len(s.stack) == 0 {
		s.state = wantEOF
	} else {
		s.state = wantCommaOrEnd
	}
}

func (s *Scanner) key(c byte) Kind {
	if c != '"' {
		return s.fail(s.pos, "expected a key")
	}
	if !s.quoted() {
		return Invalid
	}
	if s.pos >= len(s.data) || s.data[s.pos] != ':' {
		if c, ok := s.skipSpace(); !ok || c != ':' {
			return s.fail(s.pos, "expected a colon")
		}
	}
	s.pos++
	s.state = wantValue
	return Key
}

func (s *Scanner) value(c byte) Kind {
	switch {
	case c == '"':
		if !s.quoted() {
			return Invalid
		}
		s.afterValue()
		return String
	case c == '{':
		return s.open(BeginObject, wantFirstKey)
	case c == '[':
		return s.open(BeginArray, wantFirstElement)
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true", True)
	case c == 'f':
		return s.literal("false", False)
	case c == 'n':
		return s.literal("null", Null)
	}
	return s.fail(s.pos, "expected a value")
}

func (s *Scanner) open(k Kind, next state) Kind {
	if len(s.stack) >= MaxDepth {
		return s.fail(s.pos, "nested too deeply")
	}
	s.stack = append(s.stack, s.data[s.pos])
	s.start, s.end = s.pos, s.pos+1
	s.pos++
	s.state = next
	return k
}

func (s *Scanner) literal(word string, k Kind) Kind {
	end := s.pos + len(word)
	if rest := s.data[s.pos:]; len(rest) < len(word) && string(rest) == word[:len(rest)] {
		return s.fail(len(s.data), "unexpected end")
	} else if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return s.fail(s.pos, "expected a value")
	}
	s.start, s.end, s.pos = s.pos, end, end
	s.afterValue()
	return k
}

// number follows RFC 8259: -? int frac? exp?
func (s *Scanner) number() Kind {
	i := s.pos
	if s.data[i] == '-' {
		i++
	}
	if i < len(s.data) && s.data[i] == '0' {
		i++
	} else if n := digits(s.data, i); n > i {
		i = n
	} else {
		return s.fail(i, "expected a digit")
	}
	if i < len(s.data) && s.data[i] == '.' {
		n := digits(s.data, i+1)
		if n == i+1 {
			return s.fail(n, "expected a digit")
		}
		i = n
	}
	if i < len(s.data) && s.data[i]|0x20 == 'e' {
		i++
		if i < len(s.data) && (s.data[i] == '+' || s.data[i] == '-') {
			i++
		}
		n := digits(s.data, i)
		if n == i {
			return s.fail(n, "expected a digit")
		}
		i = n
	}
	s.start, s.end, s.pos = s.pos, i, i
	s.afterValue()
	return Number
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// quoted moves over the string that starts at pos and sets start, end, escaped.
func (s *Scanner) quoted() bool {
	s.escaped = false
	if i := plainEnd(s.data, s.pos+1); i < len(s.data) && s.data[i] == '"' {
		s.start, s.end, s.pos = s.pos, i+1, i+1
		return true // most of the time
	} else {
		return s.quotedFrom(i)
	}
}

// quotedFrom is quoted where something else comes before the closing quote, at i.
func (s *Scanner) quotedFrom(i int) bool {
	b := s.data
	for ; ; i = plainEnd(b, i) {
		if i >= len(b) {
			s.fail(len(b), "unterminated string")
			return false
		}
		switch b[i] {
		case '"':
			s.start, s.end, s.pos = s.pos, i+1, i+1
			return true
		case '\\':
			s.escaped = true
			n := escapeLength(b[i:])
			if i+n > len(b) {
				s.fail(len(b), "unterminated string")
				return false
			}
			if n == 0 {
				s.fail(i, "bad escape in a string")
				return false
			}
			i += n
		default:
			s.fail(i, "control character in a string")
			return false
		}
	}
}

// escapeLength is the length of the escape that b begins with, 0 if it is none. It is
// more than len(b) where b ends inside it.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		for _, c := range b[2:min(6, len(b))] {
			if unhex(c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainEnd is the offset of the first quote, backslash or control character at
// or after i, eight bytes a step (the zero-byte test of Hacker's Delight 6-1).
func plainEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote := x ^ '"'*lowBits
		slash := x ^ '\\'*lowBits
		hit := ((quote - lowBits) & ^quote) | ((slash - lowBits) & ^slash) | ((x - ' '*lowBits) & ^x)
		if hit &= highBits; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

func (s *Scanner) fail(offset int, problem string) Kind {
	s.start, s.end = offset, offset
	s.err = SyntaxError{Offset: offset, Problem: problem}
	s.state = afterError
	return Invalid
}
