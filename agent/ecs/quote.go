package ecs

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/jsonscan"
)

// quoter writes strings of one record as JSON that is valid UTF-8.
type quoter struct {
	valid bool // the record is valid UTF-8
	text  []byte
}

// token appends a scalar as a JSON string.
func (q *quoter) token(dst []byte, t event.Token) []byte {
	if t[0] != '"' {
		dst = append(dst, '"')
		dst = append(dst, t...)
		return append(dst, '"')
	}
	if q.valid && bytes.IndexByte(t, '\\') < 0 {
		return append(dst, t...)
	}
	q.text = jsonscan.AppendUnquoted(q.text[:0], t)
	return jsonscan.AppendQuoted(dst, q.text)
}

// plain is the text of a token; it may alias the token or the quoter's scratch
// memory, which the next call overwrites.
func (q *quoter) plain(t event.Token) []byte {
	switch {
	case len(t) == 0:
		return nil
	case t[0] != '"':
		return t
	case bytes.IndexByte(t, '\\') < 0:
		return t[1 : len(t)-1]
	}
	q.text = jsonscan.AppendUnquoted(q.text[:0], t)
	return q.text
}

// object begins an object under a name, given as `"name":{`, and returns where
// to go back to should it stay empty.
func object(dst []byte, name string) (open []byte, mark int) {
	mark = len(dst)
	return key(dst, name), mark
}

// end closes the object that began at mark, or takes it out where it is empty.
func end(dst []byte, mark int) []byte {
	if dst[len(dst)-1] == '{' {
		return dst[:mark]
	}
	return append(dst, '}')
}

// key appends a name, given as `"name":`, to an object, after a comma if it is
// not the first. A '{' at the end can only be the object's own: strings end
// with a quote.
func key(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(dst, name...)
}

// field appends a member that is a string; nothing where there is no token.
func (q *quoter) field(dst []byte, name string, t event.Token) []byte {
	if len(t) == 0 {
		return dst
	}
	return q.token(key(dst, name), t)
}
