package report

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object is a JSON object whose members are looked for when a field is asked
// for, and once. Its text has passed encoding/json's check as a part of the
// answer, so this only has to find where members begin and end, which is several
// times faster than decoding them into a map. Of text that is no JSON it finds
// something or nothing.
type object struct {
	text    []byte
	scanned bool
	members []member
}

type member struct {
	key   []byte // its value, without quotes
	value json.RawMessage
	child *object // of a value that is an object, once it was asked for
}

// find gives the value at a dotted path, nil if it is not there or null. A
// document may write a.b as {"a":{"b":…}} or as {"a.b":…}.
func (o *object) find(path string) json.RawMessage {
	o.scan()
	for i := range o.members {
		m := &o.members[i]
		rest, ok := strings.CutPrefix(path, string(m.key))
		switch {
		case !ok || isNull(m.value):
		case rest == "":
			return m.value
		case rest[0] == '.' && m.value[0] == '{':
			if m.child == nil {
				m.child = &object{text: m.value}
			}
			if v := m.child.find(rest[1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// scan finds the members.
func (o *object) scan() {
	if o.scanned {
		return
	}
	o.scanned = true
	text := bytes.TrimLeft(o.text, blanks)
	if len(text) == 0 || text[0] != '{' {
		return // a scalar or an array has no members
	}
	o.members = make([]member, 0, 8)
	for text = text[1:]; ; {
		text = bytes.TrimLeft(text, blanks+",")
		if len(text) == 0 || text[0] != '"' {
			return
		}
		key := text[:stringEnd(text)]
		text = bytes.TrimLeft(text[len(key):], blanks+":")
		value := text[:valueEnd(text)]
		if len(value) == 0 {
			return
		}
		o.members = append(o.members, member{key: unquoted(key), value: value})
		text = text[len(value):]
	}
}

// blanks are JSON's white space.
const blanks = " \t\r\n"

// unquoted is the value of a JSON string.
func unquoted(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return bytes.Trim(s, `"`)
	}
	var value string
	if json.Unmarshal(s, &value) != nil {
		return nil
	}
	return []byte(value)
}

// stringEnd is where the string at the start of text ends.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// valueEnd is where the value at the start of text ends.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:])
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i // of the object around it
			}
			depth--
			i++
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return len(text)
}
