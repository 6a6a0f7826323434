package ecs

import (
	"net/http"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// pasts are verbs of event types that say more than their action, in the past tense.
var pasts = map[string]string{
	"import": "imported", "invite": "invited", "generate": "generated", "register": "registered", "clone": "cloned", "copy": "copied",
	"upload": "uploaded", "reset": "reset", "replace": "replaced", "enable": "enabled", "disable": "disabled", "publish": "published",
	"unpublish": "unpublished", "rotate": "rotated", "regenerate": "regenerated", "assign": "assigned", "unassign": "unassigned",
	"bind": "bound", "unbind": "unbound", "attach": "attached", "detach": "detached", "connect": "connected", "disconnect": "disconnected",
	"grant": "granted", "revoke": "revoked", "approve": "approved", "reject": "rejected", "activate": "activated",
	"deactivate": "deactivated", "renew": "renewed", "lock": "locked", "unlock": "unlocked", "restore": "restored",
	"export": "exported", "download": "downloaded", "test": "tested",
}

// phrases say an action in its base form and in the past tense.
var phrases = [info + 1][2]string{
	access: {"read", "read"}, creation: {"create", "created"}, change: {"change", "changed"}, deletion: {"delete", "deleted"},
	start: {"log in", "logged in"}, finish: {"log out", "logged out"},
}

// appendMessage appends one line for a person: "Ops deleted service httpbin
// (dashboard, 203.0.113.7): 200".
func (b *Builder) appendMessage(dst []byte, rec *event.Record, f *facts) []byte {
	nobody := "The system" // as when it removes an instance that is gone
	if len(rec.Request.Method) > 0 || len(rec.IPAddress) > 0 {
		nobody = "Somebody"
	}
	m := b.messageText(b.message[:0], who(rec), nobody)
	thing := len(rec.ResourceID) > 0 || len(f.name) > 0
	phrase := b.phrase(f)
	switch {
	case phrase[0] != "" && (thing || f.category == authentication && f.action != info):
		if outcome(rec) == "failure" {
			m = append(append(m, " failed to "...), phrase[0]...)
		} else {
			m = append(append(m, ' '), phrase[1]...)
		}
		if f.category != authentication {
			m = b.appendThing(m, rec, f)
		}
	case len(f.eventName) > 0:
		b.reason = event.Token(f.eventName).AppendText(b.reason[:0])
		m = appendLine(append(m, ": "...), b.reason)
	case len(rec.EventType) > 0:
		m = b.messageText(append(m, ": "...), rec.EventType, "")
	case len(rec.Request.Method)+len(f.path) == 0:
		m = append(m, ": unknown event"...)
	default:
		m = appendLine(append(m, ": "...), b.quoter.read(&b.reason, rec.Request.Method))
		m = appendLine(append(m, ' '), f.path)
	}
	m = b.appendOrigin(m, rec)
	if rec.Response.StatusCode > 0 {
		m = strconv.AppendInt(append(m, ": "...), int64(rec.Response.StatusCode), 10)
	}
	b.message = m
	return jsonscan.AppendQuoted(append(dst, `,"message":`...), m)
}

// phrase is what was done, in its base form and in the past tense.
func (b *Builder) phrase(f *facts) [2]string {
	switch past, ok := pasts[f.verb]; {
	case ok && (f.category != iamUser || f.verb == "invite"):
		return [2]string{f.verb, past}
	case f.category == iamUser && len(f.changes.roles) > 0:
		return [2]string{"change the roles of", "changed the roles of"}
	}
	return phrases[f.action]
}

// who is the best name there is of who did it; nil where nobody did.
func who(rec *event.Record) event.Token {
	o := &rec.Operator
	for _, t := range [...]event.Token{o.Username, o.Email, o.ID, rec.TokenName} {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

// appendThing appends the kind and the name of the resource, or its id.
func (b *Builder) appendThing(m []byte, rec *event.Record, f *facts) []byte {
	if len(f.kind) > 0 && string(f.kind) != "invite" {
		from := len(m) + 1
		m = appendLine(append(m, ' '), f.kind)
		for i := from; i < len(m); i++ {
			if m[i] == '_' {
				m[i] = ' '
			}
		}
	}
	if len(f.name) > 0 {
		return appendLine(append(m, ' '), f.name)
	}
	return b.messageText(append(m, ' '), rec.ResourceID, "")
}

// appendOrigin appends the source and the address, in brackets.
func (b *Builder) appendOrigin(m []byte, rec *event.Record) []byte {
	before := len(m)
	for _, t := range [...]event.Token{rec.Source, rec.IPAddress} {
		switch {
		case len(t) == 0:
			continue
		case len(m) == before:
			m = append(m, " ("...)
		default:
			m = append(m, ", "...)
		}
		m = b.messageText(m, t, "")
	}
	if len(m) > before {
		m = append(m, ')')
	}
	return m
}

// messageText appends the text of a token, or other words where there is none.
func (b *Builder) messageText(m []byte, t event.Token, otherwise string) []byte {
	if len(t) == 0 {
		return append(m, otherwise...)
	}
	return appendLine(m, b.quoter.read(&b.reason, t))
}

// maxWord is how many bytes of one value a message shows.
const maxWord = 200

// appendLine appends a text without what would break the line, cut where it is long.
func appendLine(m, text []byte) []byte {
	if len(text) > maxWord {
		text = text[:maxWord]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		text = text[:max(0, len(text)-1)]
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		m = utf8.AppendRune(m, r)
		text = text[size:]
	}
	return m
}

// appendReason appends why something was refused: what the gateway says, else what its
// status says.
func (b *Builder) appendReason(dst []byte, rec *event.Record) []byte {
	switch {
	case outcome(rec) != "failure":
		return dst
	case len(rec.ErrorMessage) > 0:
		return b.quoter.field(dst, `"reason":`, rec.ErrorMessage)
	}
	if text := http.StatusText(rec.Response.StatusCode); text != "" {
		dst = append(append(key(dst, `"reason":"`), text...), '"')
	}
	return dst
}
