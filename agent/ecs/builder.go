package ecs

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strconv"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// Version is the version of the Elastic Common Schema the documents follow.
const Version = "9.4.0"

// Dataset is the data stream's dataset; its type is logs.
const Dataset = "api7.audit"

// Config is what documents say beside what their records say.
type Config struct {
	// Namespace of the data stream; "" is default.
	Namespace string
	// AgentID, AgentName (the host's, usually) and AgentVersion go to agent.*.
	AgentID, AgentName, AgentVersion string
	// Tags go to tags, before the id of the input.
	Tags []string
	// Location is where local.hour and local.weekday are told; nil is UTC.
	Location *time.Location
	// EventNames is the gateway's display name of an event type, "" where it has
	// none and the usual one counts; nil knows none. It is called for every record and must be fast and safe
	// for use by several goroutines.
	EventNames func(eventType string) string
	// KeepOriginal adds the masked record as event.original.
	KeepOriginal bool
	// Names remembers resources; nil remembers none. Builders share it.
	Names *Names
}

// Meta is what the agent knows about one record.
type Meta struct {
	// Gateway is the name of the gateway; "" leaves observer.name out.
	Gateway string
	// Input is the id of the input, which becomes a tag; "" adds none.
	Input string
	// Path is the file, "" where there is none.
	Path string
	// Offset of the record in it; negative where it has none.
	Offset int64
	// Created is when the agent read the record; the zero time leaves
	// event.created out. When it was sent, event.ingested, is for the sender to say.
	Created time.Time
}

// Builder makes documents.
type Builder struct {
	config    Config
	fragments *fragments
	head      []byte // the constant members of a document
	vendor    []byte // the constant members of observer
	tags      []byte // the configured tags, as an array without its end
	types     map[string]*eventType

	// Members of the record that came last; most records have the same.
	gateway, input, path remembered
	eventTime, created   minute

	eventAt int // where the members of "event" begin in the document appended last

	quoter quoter
	flat   flattener
	finder jsonscan.Scanner
	scratch
}

// scratch is memory that is used again for the next record.
type scratch struct {
	uri     []byte // the unescaped URI
	id      []byte // the unescaped id of the resource
	kind    []byte // the resource's type
	name    []byte // the resource's name
	names   []byte // what Names answered
	address []byte // the IP address
	message []byte // the readable line
	changes []byte // the object before and after
	reason  []byte // the text of an error message
	keyText []byte // an unescaped key
	loose   []byte // an object put together
	rest    []byte // what such an object cannot hold
}

// remembered is a text and what was made of it.
type remembered struct {
	text string
	json []byte
}

// eventType is what is known about an event type.
type eventType struct {
	text    string
	meaning meaning
	usual   string     // the display name that it has unless the gateway has another
	name    remembered // its display name
}

// maxScratch is from what size on a record's memory is not kept.
const maxScratch = 256 << 10

// maxEventTypes bounds what is remembered of event types; the gateway has some
// two hundred.
const maxEventTypes = 1024

// maxEventType is how many bytes of text are taken for an event type's words.
const maxEventType = 256

// NewBuilder returns a Builder for one goroutine.
func NewBuilder(c Config) *Builder {
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	b := &Builder{config: c, fragments: newFragments(), types: map[string]*eventType{}}
	b.flat = flattener{quoter: &b.quoter, seed: maphash.MakeSeed()}
	b.head = constantHead(c)
	b.vendor = []byte(`"vendor":"API7","product":"API7 Enterprise","type":"gateway"`)
	b.tags = []byte(`"tags":[`)
	for i, tag := range c.Tags {
		if i > 0 {
			b.tags = append(b.tags, ',')
		}
		b.tags = jsonscan.AppendQuoted(b.tags, []byte(tag))
	}
	return b
}

// constantHead is what follows @timestamp in every document.
func constantHead(c Config) []byte {
	dst := []byte(`,"ecs":{"version":"` + Version + `"},"data_stream":{"type":"logs","dataset":"` + Dataset + `","namespace":`)
	dst = jsonscan.AppendQuoted(dst, []byte(c.Namespace))
	dst = append(dst, `},"agent":{"type":"auditship"`...)
	for _, f := range []struct{ name, text string }{
		{`"id":`, c.AgentID}, {`"name":`, c.AgentName}, {`"version":`, c.AgentVersion},
	} {
		if f.text != "" {
			dst = jsonscan.AppendQuoted(key(dst, f.name), []byte(f.text))
		}
	}
	return append(dst, '}')
}

// Append appends the document of rec to dst: one JSON object in one line,
// without a line break at its end. rec must come from package decode and have a
// Time.
func (b *Builder) Append(dst []byte, rec *event.Record, meta Meta) []byte {
	b.quoter.reset(rec)
	facts := b.derive(rec, meta)
	from := len(dst)
	dst = b.eventTime.appendTime(append(dst, `{"@timestamp":"`...), rec.Time)
	dst = append(append(dst, '"'), b.head...)
	dst = b.appendTags(dst, meta.Input)
	b.eventAt = len(dst) - from + len(`,"event":{`)
	dst = b.appendEvent(dst, rec, meta, &facts)
	dst = b.appendUser(dst, &rec.Operator, &facts)
	dst = b.appendSource(dst, rec.IPAddress)
	dst = b.appendMessage(dst, rec, &facts)
	dst = b.appendRequest(dst, rec, &facts)
	dst = b.appendRelated(dst, rec, &facts)
	dst = b.appendObserver(dst, meta.Gateway)
	dst = b.appendLog(dst, meta)
	dst = b.appendAudit(dst, rec, &facts)
	if len(rec.Raw) > maxScratch {
		b.scratch, b.quoter.text = scratch{}, nil
		b.flat.release()
	}
	return append(dst, '}')
}

// EventAt is the offset in the document appended last at which the sender may put a
// member of "event" with a comma behind it, as it does with event.ingested.
func (b *Builder) EventAt() int { return b.eventAt }

func (b *Builder) appendTags(dst []byte, input string) []byte {
	if input == "" && len(b.config.Tags) == 0 {
		return dst
	}
	dst = append(append(dst, ','), b.tags...)
	if input != "" {
		if len(b.config.Tags) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, b.input.quoted(input)...)
	}
	return append(dst, ']')
}

// quoted is text as a JSON string.
func (r *remembered) quoted(text string) []byte {
	if r.json == nil || r.text != text {
		r.text = text
		r.json = jsonscan.AppendQuoted(r.json[:0], []byte(text))
	}
	return r.json
}

func (b *Builder) appendEvent(dst []byte, rec *event.Record, meta Meta, facts *facts) []byte {
	dst = append(dst, `,"event":{"kind":"event","module":"api7","dataset":"`+Dataset+`",`...)
	dst = append(dst, b.fragments[facts.category][facts.action]...)
	dst = append(dst, `"outcome":"`...)
	dst = append(append(dst, outcome(rec)...), '"')
	dst = b.quoter.field(dst, `"id":`, rec.ID)
	dst = b.quoter.field(dst, `"action":`, rec.EventType)
	dst = b.appendReason(dst, rec)
	if !meta.Created.IsZero() {
		dst = b.created.appendTime(append(dst, `,"created":"`...), meta.Created)
		dst = append(dst, '"')
	}
	if b.config.KeepOriginal {
		dst = jsonscan.AppendQuoted(append(dst, `,"original":`...), rec.Raw)
	}
	return append(dst, '}')
}

func (b *Builder) appendUser(dst []byte, o *event.Operator, facts *facts) []byte {
	dst, mark := object(dst, `"user":{`)
	dst = b.quoter.field(dst, `"id":`, o.ID)
	dst = b.quoter.field(dst, `"name":`, o.Username)
	dst = b.quoter.field(dst, `"email":`, o.Email)
	switch {
	case len(o.FirstName) > 0 && len(o.LastName) > 0:
		dst = b.quoter.token(key(dst, `"full_name":`), o.FirstName)
		dst[len(dst)-1] = ' '
		from := len(dst)
		dst = b.quoter.token(dst, o.LastName)
		dst = append(dst[:from], dst[from+1:]...) // the quote between the two
	case len(o.FirstName) > 0:
		dst = b.quoter.field(dst, `"full_name":`, o.FirstName)
	default:
		dst = b.quoter.field(dst, `"full_name":`, o.LastName)
	}
	dst = b.appendPerson(dst, `"target":{`, &facts.target)
	dst = b.appendPerson(dst, `"changes":{`, &facts.changes)
	return end(dst, mark)
}

// appendSource also leaves the IP address in b.address, for related.ip.
func (b *Builder) appendSource(dst []byte, recorded event.Token) []byte {
	b.address = b.address[:0]
	if len(recorded) == 0 {
		return dst
	}
	b.address = appendIP(b.address, b.quoter.read(&b.quoter.text, recorded))
	dst, mark := object(dst, `"source":{`)
	dst = b.quoter.field(dst, `"address":`, recorded)
	if len(b.address) > 0 {
		dst = append(dst, `,"ip":"`...)
		dst = append(append(dst, b.address...), '"')
	}
	return end(dst, mark)
}

func (b *Builder) appendRequest(dst []byte, rec *event.Record, facts *facts) []byte {
	dst, http := object(dst, `"http":{`)
	dst, mark := object(dst, `"request":{`)
	dst = b.quoter.field(dst, `"method":`, rec.Request.Method)
	dst = end(dst, mark)
	if rec.Response.StatusCode != 0 {
		dst = key(dst, `"response":{"status_code":`)
		dst = append(strconv.AppendInt(dst, int64(rec.Response.StatusCode), 10), '}')
	}
	dst = end(dst, http)
	if len(rec.Request.URI) > 0 {
		dst = b.quoter.token(append(dst, `,"url":{"original":`...), rec.Request.URI)
		if len(facts.path) > 0 {
			dst = jsonscan.AppendQuoted(append(dst, `,"path":`...), facts.path)
		}
		if len(facts.query) > 0 {
			dst = jsonscan.AppendQuoted(append(dst, `,"query":`...), facts.query)
		}
		dst = append(dst, '}')
	}
	if len(rec.Request.UserAgent) > 0 {
		dst = append(b.quoter.field(append(dst, `,"user_agent":{`...), `"original":`, rec.Request.UserAgent), '}')
	}
	if len(rec.ErrorMessage) > 0 {
		dst = append(b.quoter.field(append(dst, `,"error":{`...), `"message":`, rec.ErrorMessage), '}')
	}
	return dst
}

// appendRelated collects the names of the operator, of whom it was done to, and the
// address, under which other data knows them.
func (b *Builder) appendRelated(dst []byte, rec *event.Record, facts *facts) []byte {
	dst, mark := object(dst, `"related":{`)
	t := &facts.target
	users := [...]event.Token{rec.Operator.Username, rec.Operator.ID, rec.Operator.Email, t.name, t.id, t.email}
	begun := false
	for i, u := range users {
		if len(u) == 0 || slices.ContainsFunc(users[:i], func(before event.Token) bool { return bytes.Equal(u, before) }) {
			continue
		}
		if !begun {
			dst = append(key(dst, `"user":`), '[')
		} else {
			dst = append(dst, ',')
		}
		begun = true
		dst = b.quoter.token(dst, u)
	}
	if begun {
		dst = append(dst, ']')
	}
	if len(b.address) > 0 {
		dst = append(key(dst, `"ip":["`), b.address...)
		dst = append(dst, `"]`...)
	}
	return end(dst, mark)
}

func (b *Builder) appendObserver(dst []byte, gateway string) []byte {
	dst = append(dst, `,"observer":{`...)
	dst = append(dst, b.vendor...)
	if gateway != "" {
		dst = append(append(dst, `,"name":`...), b.gateway.quoted(gateway)...)
	}
	return append(dst, '}')
}

func (b *Builder) appendLog(dst []byte, meta Meta) []byte {
	if meta.Path == "" {
		return dst
	}
	dst = append(dst, `,"log":{"file":{"path":`...)
	dst = append(append(dst, b.path.quoted(meta.Path)...), '}')
	if meta.Offset >= 0 {
		dst = strconv.AppendInt(append(dst, `,"offset":`...), meta.Offset, 10)
	}
	return append(dst, '}')
}

// outcome is the event.outcome of a record.
func outcome(rec *event.Record) string {
	switch {
	case rec.Response.StatusCode >= 400 || len(rec.ErrorMessage) > 0:
		return "failure"
	case rec.Response.StatusCode > 0:
		return "success"
	}
	return "unknown"
}
