package ecs

import (
	"slices"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// restKey is where an object of headers or unknown fields keeps what flattened
// cannot take under its own name: a string with the JSON text of it.
const restKey = "_json"

// appendHeaders appends the headers, as appendExtra does if they are an object
// that flattened does not take as it is. What is no object goes to restKey.
func (b *Builder) appendHeaders(dst []byte, headers event.Value) []byte {
	if len(headers) == 0 {
		return dst
	}
	dst = key(dst, `"headers":`)
	if b.flat.fits(headers, place{}) {
		return b.flat.write(dst)
	}
	if members := b.members(headers); members != nil {
		return b.appendLoose(dst, members)
	}
	dst = append(dst, `{"`+restKey+`":`...)
	if headers[0] == '{' || headers[0] == '[' {
		dst = jsonscan.AppendQuoted(dst, headers)
	} else {
		dst = b.quoter.token(dst, event.Token(headers))
	}
	return append(dst, '}')
}

// maxMembers is up to how many headers of odd shape are looked at one by one.
const maxMembers = 1000

// members lists the members of an object; nil for what is none, and for one with
// more than maxMembers.
func (b *Builder) members(object event.Value) []event.Extra {
	if object[0] != '{' {
		return nil
	}
	var members []event.Extra
	b.finder.Reset(object)
	b.finder.Next()
	for b.finder.Next() == jsonscan.Key {
		name := b.finder.Bytes()
		first := b.finder.Next()
		from := b.finder.Start()
		if !b.finder.Skip(first) || len(members) == maxMembers {
			return nil
		}
		members = append(members, event.Extra{Key: name, Value: object[from:b.finder.End()]})
	}
	return members
}

// appendExtra appends the unknown fields, each under the objects it stood in.
func (b *Builder) appendExtra(dst []byte, extra []event.Extra) []byte {
	if len(extra) == 0 {
		return dst
	}
	return b.appendLoose(key(dst, `"extra":`), extra)
}

// appendLoose appends members as one object that flattened takes. A value that
// it refuses becomes a string with its JSON text, so that one odd member harms
// itself only; members with a key that it refuses go to restKey.
func (b *Builder) appendLoose(dst []byte, members []event.Extra) []byte {
	b.loose = append(b.loose[:0], '{')
	b.loose = b.assemble(b.loose, members, false)
	if slices.ContainsFunc(members, b.refusesKey) {
		b.rest = b.assemble(append(b.rest[:0], '{'), members, true)
		b.rest = append(b.rest, '}')
		b.loose = jsonscan.AppendQuoted(key(b.loose, `"`+restKey+`":`), b.rest)
	}
	b.loose = append(b.loose, '}')

	record := b.quoter
	b.quoter.valid, b.quoter.escapes = true, true // of what was assembled
	if b.flat.fits(b.loose, place{}) {
		dst = b.flat.write(dst)
	} else { // together they have too many keys
		dst = append(jsonscan.AppendQuoted(append(dst, `{"`+restKey+`":`...), b.loose), '}')
	}
	b.quoter.valid, b.quoter.escapes = record.valid, record.escapes
	return dst
}

// assemble appends those members whose keys flattened refuses, or takes, with
// the objects they stood in. A key may be there more than once.
func (b *Builder) assemble(dst []byte, members []event.Extra, refused bool) []byte {
	var open []string
	for _, m := range members {
		if b.refusesKey(m) != refused {
			continue
		}
		dst = moveTo(dst, open, m.Under)
		open = m.Under
		dst = append(b.quoter.field(dst, "", m.Key), ':')
		switch {
		case refused:
			dst = append(dst, m.Value...)
		case b.flat.fits(m.Value, place{1 + len(m.Under), b.memberPath(m)}):
			dst = b.flat.write(dst)
		default:
			dst = jsonscan.AppendQuoted(dst, m.Value)
		}
	}
	return moveTo(dst, open, nil)
}

// refusesKey reports whether flattened refuses the key of a member.
func (b *Builder) refusesKey(m event.Extra) bool {
	b.keyText = keyText(b.keyText[:0], m.Key)
	return !safeKey(b.keyText) || b.memberPath(m) > maxPath || len(m.Under) == 0 && string(b.keyText) == restKey
}

// memberPath is at least the length of a member's path.
func (b *Builder) memberPath(m event.Extra) int {
	n := 3 * len(m.Key) // every byte may become U+FFFD
	for _, name := range m.Under {
		n += len(name) + 1
	}
	return n
}

// moveTo closes and opens objects on the way from one place to another.
func moveTo(dst []byte, from, to []string) []byte {
	same := 0
	for same < len(from) && same < len(to) && from[same] == to[same] {
		same++
	}
	for range from[same:] {
		dst = append(dst, '}')
	}
	for _, name := range to[same:] {
		dst = append(jsonscan.AppendQuoted(key(dst, ""), []byte(name)), `:{`...)
	}
	return dst
}
