package ecs

import (
	"strconv"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// appendAudit appends what has no field in ECS.
func (b *Builder) appendAudit(dst []byte, rec *event.Record, facts *facts) []byte {
	dst = append(dst, `,"api7":{"audit":{`...)
	if facts.eventName != nil {
		dst = append(key(dst, `"event_name":`), facts.eventName...)
	} else {
		dst = b.quoter.field(dst, `"event_name":`, rec.EventType)
	}
	dst, mark := object(dst, `"resource":{`)
	dst = b.quoter.field(dst, `"id":`, rec.ResourceID)
	dst = b.recordedOr(dst, `"name":`, rec.ResourceName, facts.name)
	dst = b.recordedOr(dst, `"type":`, rec.ResourceType, facts.kind)
	dst = end(dst, mark)
	dst = b.quoter.field(dst, `"source":`, rec.Source)
	dst = b.quoter.field(dst, `"token_name":`, rec.TokenName)
	dst, mark = object(dst, `"request":{`)
	dst = b.appendBody(dst, rec.Request.Body)
	dst = b.appendHeaders(dst, rec.Request.Headers)
	dst = end(dst, mark)
	dst, mark = object(dst, `"response":{`)
	dst = b.appendBody(dst, rec.Response.Body)
	dst = end(dst, mark)
	dst, mark = object(dst, `"gateway_group":{`)
	dst = b.recordedOr(dst, `"id":`, rec.GatewayGroup, facts.group)
	dst = end(dst, mark)
	dst = b.appendExtra(dst, rec.Extra)
	dst = b.appendLocal(dst, rec.Time)
	return append(dst, `}}`...)
}

// recordedOr appends what was recorded or, without it, what was derived.
func (b *Builder) recordedOr(dst []byte, name string, recorded event.Token, derived []byte) []byte {
	if len(recorded) > 0 {
		return b.quoter.field(dst, name, recorded)
	}
	if len(derived) > 0 {
		return jsonscan.AppendQuoted(key(dst, name), derived)
	}
	return dst
}

// appendLocal appends the hour (0 to 23) and the weekday (1 is Monday, 7 is
// Sunday) where the team works.
func (b *Builder) appendLocal(dst []byte, t time.Time) []byte {
	local := t.In(b.config.Location)
	weekday := (int64(local.Weekday())+6)%7 + 1
	dst = strconv.AppendInt(key(dst, `"local":{"hour":`), int64(local.Hour()), 10)
	dst = strconv.AppendInt(append(dst, `,"weekday":`...), weekday, 10)
	return append(dst, '}')
}

// appendBody appends a body to the field that takes it: flattened for an object
// or an array of objects within its limits, else text.
func (b *Builder) appendBody(dst []byte, body event.Value) []byte {
	switch {
	case len(body) == 0:
		return dst
	case body[0] != '{' && body[0] != '[':
		return b.quoter.field(dst, `"body_text":`, event.Token(body))
	case b.flat.fits(body, place{}):
		return b.flat.write(key(dst, `"body":`))
	}
	return jsonscan.AppendQuoted(key(dst, `"body_text":`), body)
}
