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
	dst = b.appendChanges(dst, rec)
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

// appendBody appends a body.
func (b *Builder) appendBody(dst []byte, body event.Value) []byte {
	return b.appendWhole(dst, `"body":`, `"body_text":`, body)
}

// appendWhole appends a value to the field that takes it: flattened for an object
// or an array of objects within its limits, else text.
func (b *Builder) appendWhole(dst []byte, flattened, text string, v event.Value) []byte {
	switch {
	case len(v) == 0:
		return dst
	case v[0] != '{' && v[0] != '[':
		return b.quoter.field(dst, text, event.Token(v))
	case b.flat.fits(v, place{}):
		return b.flat.write(key(dst, flattened))
	}
	return jsonscan.AppendQuoted(key(dst, text), v)
}

// appendChanges appends what has changed, as the gateway says it or as the object before
// and after.
func (b *Builder) appendChanges(dst []byte, rec *event.Record) []byte {
	changes := rec.Changes
	if len(changes) == 0 && len(rec.Before)+len(rec.After) > 0 {
		b.changes = append(b.changes[:0], '{')
		for _, side := range [...]struct {
			name  string
			value event.Value
		}{{`"before":`, rec.Before}, {`"after":`, rec.After}} {
			if len(side.value) > 0 {
				b.changes = append(key(b.changes, side.name), side.value...)
			}
		}
		b.changes = append(b.changes, '}')
		changes = b.changes
	}
	return b.appendWhole(dst, `"changes":`, `"changes_text":`, changes)
}
