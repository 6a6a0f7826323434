package ecs

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/eventname"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// facts is what is derived from a record. The slices alias the builder's
// scratch memory and are valid until the next record.
type facts struct {
	category  category
	action    action
	eventName []byte // the display name as a JSON string; nil: as recorded
	path      []byte // of the request's URI
	query     []byte // of that URI
	group     []byte // the gateway group of the request
	verb      string // of the event type, in its base form; "" for none
	target    person // to whom it was done
	changes   person // what it made of that person
	kind      []byte // the resource's type, recorded or derived
	name      []byte // the resource's name, recorded or derived
}

// derive looks at the event type first, which says it in the gateway's own
// words, then at the request.
func (b *Builder) derive(rec *event.Record, meta Meta) facts {
	var f facts
	if len(rec.EventType) > 0 {
		t := b.eventType(rec.EventType)
		f.category, f.action, f.verb = t.meaning.category, t.meaning.action, t.meaning.verb
		f.eventName = b.displayName(t)
	}
	path, query := splitURI(b.quoter.read(&b.uri, rec.Request.URI))
	f.path, f.query, f.group = path, query, queryGroup(query)
	f.kind = b.quoter.read(&b.kind, rec.ResourceType)

	var op operation
	if f.category == unknownCategory || f.action == unknownAction || len(f.kind) == 0 || len(f.group) == 0 {
		op = parsePath(path)
	}
	if len(f.group) == 0 {
		f.group = op.group
	}
	if len(f.kind) == 0 {
		b.kind = append(b.kind[:0], op.kind...)
		f.kind = b.kind
	}
	b.classify(&f, op, rec)
	b.findName(&f, rec, meta.Gateway)
	b.findPerson(&f, rec)
	return f
}

// classify completes category and action.
func (b *Builder) classify(f *facts, op operation, rec *event.Record) {
	if f.category == unknownCategory || op.category == authentication && f.action == unknownAction {
		f.category = op.category
	}
	if f.category == unknownCategory && len(rec.ResourceType) > 0 {
		f.category = readEventType(string(f.kind)).category
	}
	if f.action == unknownAction {
		f.action = op.action
	}
	if f.action == unknownAction {
		f.action = methodAction(b.quoter.read(&b.quoter.text, rec.Request.Method), rec.Response.StatusCode)
	}
	if f.category == unknownCategory && bytes.HasPrefix(f.path, adminAPI) {
		f.category = configuration // the rest of what an operator does to a gateway
	}
}

// adminAPI begins the paths of requests that configure a gateway.
var adminAPI = []byte("/apisix/admin/")

// findName completes the resource's name, and what is remembered of it.
func (b *Builder) findName(f *facts, rec *event.Record, gateway string) {
	f.name = b.quoter.read(&b.name, rec.ResourceName)
	if len(f.name) == 0 && f.category != authentication {
		f.name = b.quoter.read(&b.name, b.nameIn(rec.Request.Body))
	}
	if len(f.name) == 0 && f.category != authentication {
		f.name = b.quoter.read(&b.name, b.nameIn(rec.Response.Body))
	}
	if len(rec.ResourceID) == 0 || b.config.Names == nil {
		return
	}
	id := b.quoter.read(&b.id, rec.ResourceID)
	b.config.Names.put(gateway, id, f.kind, f.name)
	if len(f.kind) > 0 && len(f.name) > 0 {
		return
	}
	var kind, name []byte
	b.names, kind, name = b.config.Names.get(b.names[:0], gateway, id)
	if len(f.kind) == 0 {
		f.kind = kind
	}
	if len(f.name) == 0 {
		f.name = name
	}
}

// nameIn is the name of the resource that a body describes: its "name", else
// its "username"; in an answer they stand inside of "value".
func (b *Builder) nameIn(body event.Value) event.Token {
	if len(body) == 0 || body[0] != '{' {
		return nil
	}
	b.finder.Reset(body)
	b.finder.Next()
	return b.nameInObject(true)
}

// nameInObject goes through the object that the finder has just opened.
func (b *Builder) nameInObject(outermost bool) event.Token {
	var name, username, inner event.Token
	for b.finder.Next() == jsonscan.Key {
		key := b.finder.Bytes()
		first := b.finder.Next()
		value := event.Token(b.finder.Bytes())
		if first != jsonscan.String || len(value) == len(`""`) {
			value = nil
		}
		switch string(key) {
		case `"name"`:
			name = value
		case `"username"`:
			username = value
		case `"value"`:
			if outermost && first == jsonscan.BeginObject {
				inner = b.nameInObject(false)
				continue
			}
		}
		if !b.finder.Skip(first) {
			return nil
		}
	}
	switch {
	case inner != nil:
		return inner
	case name != nil:
		return name
	}
	return username
}

// eventType is what is known about the event type of a record.
func (b *Builder) eventType(token event.Token) *eventType {
	text := b.quoter.read(&b.quoter.text, token)
	if t, ok := b.types[string(text)]; ok {
		return t
	}
	t := &eventType{text: string(text), usual: string(text)}
	if len(text) > maxEventType {
		return t
	}
	t.meaning, t.usual = readEventType(t.text), eventname.Display(t.text)
	if len(b.types) < maxEventTypes {
		b.types[t.text] = t
	}
	return t
}

// displayName is the name of an event type as a JSON string, nil where it is the type
// itself: the gateway's own name, else the usual one.
func (b *Builder) displayName(t *eventType) []byte {
	name := ""
	if b.config.EventNames != nil {
		name = b.config.EventNames(t.text)
	}
	if name == "" {
		name = t.usual
	}
	if name == t.text {
		return nil
	}
	return t.name.quoted(name)
}
