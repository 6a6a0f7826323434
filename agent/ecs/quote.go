package ecs

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// quoter reads and writes the strings of one record; what it writes is valid
// UTF-8. The two facts about the whole record spare it a look at most strings.
type quoter struct {
	valid   bool // the record is valid UTF-8
	escapes bool // it has a backslash somewhere
	text    []byte
}

// reset begins a record.
func (q *quoter) reset(rec *event.Record) {
	q.valid, q.escapes = rec.ValidUTF8, bytes.IndexByte(rec.Raw, '\\') >= 0
}

// isPlain reports whether a part of the record is valid UTF-8 without escapes.
func (q *quoter) isPlain(part []byte) bool {
	return q.valid && (!q.escapes || bytes.IndexByte(part, '\\') < 0)
}

// token appends a scalar as a JSON string.
func (q *quoter) token(dst []byte, t event.Token) []byte {
	if t[0] != '"' {
		dst = append(dst, '"')
		dst = append(dst, t...)
		return append(dst, '"')
	}
	if q.isPlain(t) {
		return append(dst, t...)
	}
	q.text = jsonscan.AppendUnquoted(q.text[:0], t)
	return jsonscan.AppendQuoted(dst, q.text)
}

// read is the text of a token. It aliases the token or, where that has escapes,
// scratch.
func (q *quoter) read(scratch *[]byte, t event.Token) []byte {
	switch {
	case len(t) == 0:
		return nil
	case t[0] != '"':
		return t
	case !q.escapes:
		return t[1 : len(t)-1]
	}
	*scratch = t.AppendText((*scratch)[:0])
	return *scratch
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
