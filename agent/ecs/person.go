package ecs

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// person is somebody to whom something was done, or what it made of them.
type person struct {
	id, name, email event.Token
	roles           event.Value // an array
}

// findPerson notes whose account an event is about: user.target, and for a change
// user.changes. The request's body says what they are called afterwards.
func (b *Builder) findPerson(f *facts, rec *event.Record) {
	if f.category != iamUser {
		return
	}
	said := b.personIn(rec.Request.Body)
	f.target.name = rec.ResourceName
	if f.action == change {
		f.changes = said
	} else if f.target.email = said.email; len(f.target.name) == 0 {
		f.target.name = said.name
	}
	if !bytes.EqualFold(f.kind, []byte("invite")) {
		f.target.id = rec.ResourceID
	}
}

// personIn is whom a body describes.
func (b *Builder) personIn(body event.Value) (p person) {
	if len(body) == 0 || body[0] != '{' {
		return p
	}
	b.finder.Reset(body)
	b.finder.Next()
	var name, username event.Token
	for b.finder.Next() == jsonscan.Key {
		key := b.finder.Bytes()
		first := b.finder.Next()
		from, value := b.finder.Start(), event.Token(b.finder.Bytes())
		if !b.finder.Skip(first) {
			return person{}
		}
		text := first == jsonscan.String && len(value) > len(`""`)
		switch {
		case text && string(key) == `"username"`:
			username = value
		case text && string(key) == `"name"`:
			name = value
		case text && string(key) == `"email"`:
			p.email = value
		case first == jsonscan.BeginArray && string(key) == `"roles"`:
			p.roles = event.Value(body[from:b.finder.End()])
		}
	}
	if p.name = username; len(username) == 0 {
		p.name = name
	}
	return p
}

// appendPerson appends a person under a name, nothing where nothing is known.
func (b *Builder) appendPerson(dst []byte, name string, p *person) []byte {
	dst, mark := object(dst, name)
	dst = b.quoter.field(dst, `"id":`, p.id)
	dst = b.quoter.field(dst, `"name":`, p.name)
	dst = b.quoter.field(dst, `"email":`, p.email)
	dst = b.appendRoles(dst, p.roles)
	return end(dst, mark)
}

// maxRoles bounds the roles that a document names.
const maxRoles = 100

// appendRoles appends the roles of an array that are texts.
func (b *Builder) appendRoles(dst []byte, roles event.Value) []byte {
	if len(roles) == 0 {
		return dst
	}
	before := len(dst)
	dst = append(key(dst, `"roles":`), '[')
	b.finder.Reset(roles)
	b.finder.Next()
	n := 0
	for n < maxRoles {
		kind := b.finder.Next()
		token := event.Token(b.finder.Bytes())
		if kind <= jsonscan.EOF || kind == jsonscan.EndArray || !b.finder.Skip(kind) {
			break
		}
		if kind != jsonscan.String {
			continue
		}
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = b.quoter.token(dst, token)
	}
	if n == 0 {
		return dst[:before]
	}
	return append(dst, ']')
}
