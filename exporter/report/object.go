package report

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/auditship/auditship/exporter/jsonscan"
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
	var s jsonscan.Scanner
	s.Reset(o.text)
	if s.Next() != jsonscan.BeginObject {
		return // a scalar or an array has no members
	}
	o.members = make([]member, 0, 8)
	s.Members(func(quoted []byte, first jsonscan.Kind) bool {
		key := quoted[1 : len(quoted)-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			key = jsonscan.AppendUnquoted(nil, quoted)
		}
		start := s.Start()
		if !s.SkipKnown(first) {
			return false
		}
		o.members = append(o.members, member{key: key, value: o.text[start:s.End()]})
		return true
	})
}
