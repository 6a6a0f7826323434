package ecs_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

var idKey = []byte("0123456789abcdef0123456789abcdef")

// These must never change: documents that were written keep their _id.
func TestIDsAreForEver(t *testing.T) {
	for name, tt := range map[string]struct {
		got  event.ID
		want string
	}{
		"a string":         {ecs.ID("api7", []byte("5eed0000-0000-4165-8c8e-3ec17b03eb1d")), "OlpFDI6WHWs3Ub4BC8PSUw"},
		"a number":         {ecs.ID("api7", []byte("42")), "enY_rjkprHR-uj05SWUYuA"},
		"no id":            {ecs.NewIdentity(idKey).OfRaw("api7", []byte(`{"a":1}`)).Finish(0), "f8qBotwboCSQXWP5MwdFzw"},
		"no id, once more": {ecs.NewIdentity(idKey).OfRaw("api7", []byte(`{"a":1}`)).Finish(1), "6TNO1Uk8qYUOJ9PiU4oS2Q"},
	} {
		if tt.got.String() != tt.want {
			t.Errorf("%s: %s, want %s", name, tt.got, tt.want)
		}
	}
}

func TestSameTextSameID(t *testing.T) {
	identity := ecs.NewIdentity(idKey)
	for text, tokens := range map[string][]string{
		"ab":  {`"ab"`, `"a\u0062"`, `"\u0061\u0062"`},
		"42":  {`"42"`, `42`, `"\u00342"`},
		"tru": {`"tru"`},
		"/é":  {`"/é"`, `"\/\u00e9"`},
	} {
		for _, token := range tokens {
			id, ok := identity.OfToken("prod", event.Token(token))
			if want := ecs.ID("prod", []byte(text)); !ok || id != want {
				t.Errorf("%s: %s, want %s", token, id, want)
			}
		}
	}
}

func TestDifferentIDs(t *testing.T) {
	identity, other := ecs.NewIdentity(idKey), ecs.NewIdentity([]byte("another key, also of 32 bytes..."))
	ofToken := func(gateway, token string) event.ID {
		id, ok := identity.OfToken(gateway, event.Token(token))
		if !ok {
			t.Fatalf("%s has no id", token)
		}
		return id
	}
	raw := []byte(`{"event_time":1795143841}`)
	seen := map[event.ID]string{}
	for name, id := range map[string]event.ID{
		"id":                         ofToken("prod", `"ab"`),
		"gateway":                    ofToken("dev", `"ab"`),
		"gateway takes from id":      ofToken("proda", `"b"`),
		"id takes from gateway":      ofToken("pro", `"dab"`),
		"lone surrogate":             ofToken("prod", `"\ud800"`),
		"another lone surrogate":     ofToken("prod", `"\ud801"`),
		"the replacement character":  ofToken("prod", `"\ufffd"`),
		"it, not escaped":            ofToken("prod", "\"\ufffd!\""),
		"raw bytes":                  ofToken("prod", "\"\xff\""),
		"other raw bytes":            ofToken("prod", "\"\xfe\""),
		"record":                     identity.OfRaw("prod", raw).Finish(0),
		"the same record again":      identity.OfRaw("prod", raw).Finish(1),
		"record of another gateway":  identity.OfRaw("dev", raw).Finish(0),
		"record, one byte differs":   identity.OfRaw("prod", []byte(`{"event_time":1795143842}`)).Finish(0),
		"record, one space more":     identity.OfRaw("prod", []byte(`{"event_time": 1795143841}`)).Finish(0),
		"record with another id_key": other.OfRaw("prod", raw).Finish(0),
		"record's text as an id":     ofToken("prod", `"{\"event_time\":1}"`),
	} {
		if before, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same _id", name, before)
		}
		seen[id] = name
	}
	for _, token := range []event.Token{nil, {}} {
		if _, ok := identity.OfToken("prod", token); ok {
			t.Errorf("%q is an id", token)
		}
	}
}

// The _id of a record does not depend on what masking does to the record, nor
// on who computes it, nor on how often; two records that differ in a byte have
// different ones.
func TestIDsOfMaskedRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z0-9-]{1,40}`).Filter(func(s string) bool { return event.Token(`"` + s + `"`).NamesRecord() })
		a, b, gateway := text.Draw(t, "a"), text.Draw(t, "b"), text.Draw(t, "gateway")
		m := newMaker(t, options{Gateway: gateway})
		id := func(raw string) event.ID {
			if err := m.decoder.Decode([]byte(raw), &m.record); err != nil {
				t.Fatal(err)
			}
			id, ok := ecs.NewIdentity(nil).OfToken(gateway, m.record.ID)
			if !ok {
				t.Fatal("no id")
			}
			return id
		}
		plain := id(fmt.Sprintf(`{"id":%q,"event_time":1795143841,"ip_address":"203.0.113.1"}`, a))
		masked := id(fmt.Sprintf(`{"id":%q,"event_time":1795143842,"ip_address":"203.0.113.0","extra":"[REDACTED:x]"}`, a))
		if plain != masked || plain != ecs.ID(gateway, []byte(a)) {
			t.Fatalf("%s, masked %s", plain, masked)
		}
		if (a == b) != (plain == id(fmt.Sprintf(`{"id":%q,"event_time":1795143841}`, b))) {
			t.Fatalf("%s and %s", a, b)
		}
	})
}
