package mask

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// everything is a set of rules that uses each selector and each action.
const everything = `
masking:
  version: 1
  keys:
    k1: {file: key.txt}
    k2: {env: MASK_KEY}
  allow:
    - {path: "http_request.body.allowed", reason: "test"}
    - {value: "^free-", reason: "test"}
  rules:
    - {id: ip, select: {path: [ip_address, "**.addr"]}, action: {truncate_ip: {v4: 24, v6: 48}}}
    - {id: email, select: {detect: email}, action: {hmac: {key: k1, chars: 16}}}
    - {id: my-card, select: {detect: pan}, override: card, reason: "last four digits are asked for", action: {partial: {first: 6, last: 4}}}
    - {id: phone, select: {detect: [phone, iban], in: ["http_request.**"]}, action: redact}
    - {id: custom, select: {match: '\bacme_[A-Za-z0-9]{8,}\b', literal: acme_}, action: redact}
    - {id: any-digit, select: {match: 'Z[0-9]+'}, action: {partial: {first: 2}}}
    - {id: user, select: {key: username}, action: {hmac: {key: k2, chars: 20, domain: people}}}
    - {id: short, select: {path: "**.desc"}, action: {truncate: 24}}
    - {id: gone, select: {key: [gone, away]}, action: drop_field}
    - {id: gone-text, select: {match: 'vanish-[0-9]'}, action: drop_field}
    - {id: logins, when: {event_type: [Login, "Reset*"], not: {source: adc}}, select: {path: "**.note"}, action: redact}
`

// pieces are what random texts are made of.
var pieces = []string{
	"password", "secret", "token", "user", "key", "api_key", "Authorization", "note", "desc", "gone",
	"=", ":", ": ", "&", ";", "; ", ",", " ", "\n", "\r\n", "\"", "'", "\\\"", "{", "}", "[", "]", "?", "/", "://", "@", "%3D", "%22", "+",
	"hunter2", "a7ee-0123456789abcdef0123", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Bearer abc123def456", "Basic b3BzOmh1bnRlcjI=",
	"4111 1111 1111 1111", "5500000000000004", "AKIAIOSFODNN7EXAMPLE", "ops@example.com", "+49 30 123456789", "DE89370400440532013000",
	"acme_0123456789", "Z12345678", "vanish-1", "-----BEGIN PRIVATE KEY-----", "MIIE", "-----END PRIVATE KEY-----",
	"https://u:p@h/x?token=abc&y=1", "free-text", "$secret://vault/1", "[REDACTED:names]", "[REDACTED:nobody]", "[REDACTED:", "hmac:k1:0123456789abcdef", "hmac:k1:01234567",
	"<password>", "</password>", "<a:secret x='1'>", "&quot;", "&lt;password&gt;", " --token ", "(", ")", "“", "”", "\n  ", "\n- ", "|", "name=", "value=", " is ", "x9f3a21",
	"field [password]", "form-data; name=token", "4.242424242424242e15", "{\"a\":\"b\"}", "true", "YES",
	"10.1.2.3", "10.1.2.3:80", "2001:db8::1", "x", "42", "é", "№", "property \"key\" ", "invalid token ", "form-data; name=\"password\"\r\n\r\n",
}

func textOf(pieces []string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		switch rapid.IntRange(0, 11).Draw(t, "layer") {
		case 0:
			return base64.StdEncoding.EncodeToString([]byte(text))
		case 1:
			return "/x?q=" + url.QueryEscape(text)
		case 2:
			return `{"a":` + string(jsonscan.AppendQuoted(nil, []byte(text))) + `}`
		}
		return text
	})
}

var memberNames = []string{
	"a", "password", "token_name", "name", "value", "key", "type", "config", "path", "headers", "username", "gone", "away",
	"desc", "note", "addr", "key-auth", "p\\u0061ssword", "id", "event_time", "data", "secret", "allowed", "a7ee-0123456789abcdef0", "cookie",
}

// jsonValue draws a JSON text.
func jsonValue(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		most := 9
		if depth == 0 {
			most = 5
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false", "1", "4111111111111111", "1e400", "-0.5", "1795143845002"}).Draw(t, "scalar")
		case 1, 2, 3, 4, 5:
			return string(jsonscan.AppendQuoted(nil, []byte(textOf(pieces).Draw(t, "text"))))
		case 6:
			items := rapid.SliceOfN(jsonValue(depth-1), 0, 4).Draw(t, "items")
			return "[" + strings.Join(items, ",") + "]"
		default:
			return jsonObject(depth-1).Draw(t, "object")
		}
	})
}

func jsonObject(depth int) *rapid.Generator[string] {
	member := rapid.Custom(func(t *rapid.T) string {
		return `"` + rapid.SampledFrom(memberNames).Draw(t, "name") + `": ` + jsonValue(depth).Draw(t, "value")
	})
	return rapid.Custom(func(t *rapid.T) string {
		return "{" + strings.Join(rapid.SliceOfN(member, 0, 5).Draw(t, "members"), ", ") + "}"
	})
}

// record draws a record of the gateway.
func record() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		fields := []string{
			`"id":"1"`, `"event_type":"` + rapid.SampledFrom([]string{"Login", "ResetPassword", "AddService"}).Draw(t, "event") + `"`,
			`"source":"` + rapid.SampledFrom([]string{"adc", "api"}).Draw(t, "source") + `"`,
			`"ip_address":` + jsonValue(0).Draw(t, "ip"),
			`"http_request":{"uri":` + jsonValue(0).Draw(t, "uri") + `,"body":` + jsonValue(4).Draw(t, "body") + `}`,
			`"http_response":{"body":` + jsonValue(3).Draw(t, "answer") + `}`,
			`"gone":1`, `"error_message":` + jsonValue(0).Draw(t, "error"),
		}
		return "{" + strings.Join(rapid.Permutation(fields).Draw(t, "order"), ",") + "}"
	})
}

// Masking a masked record changes nothing, and leaves JSON.
func TestMaskingTwiceIsMaskingOnce(t *testing.T) {
	for name, rules := range map[string]*Rules{"built-in": Builtin(), "every action": loadText(t, everything)} {
		t.Run(name, func(t *testing.T) {
			m := rules.NewMasker()
			rapid.Check(t, func(t *rapid.T) {
				in := []byte(record().Draw(t, "record"))
				once := m.Mask(in)
				out := bytes.Clone(once.Bytes)
				if once.Outcome != Kept || !validJSON(out) || m.tally.hits[rules.errorRule] > 0 {
					t.Fatalf("outcome %d\nin  %s\nout %s", once.Outcome, in, out)
				}
				if again := m.Mask(out); !bytes.Equal(again.Bytes, out) {
					t.Fatalf("in    %s\nout   %s\nagain %s", in, out, again.Bytes)
				}
			})
		})
	}
}

// A masker carries nothing over from one record to the next.
func TestMaskersForget(t *testing.T) {
	rules := loadText(t, everything)
	old := rules.NewMasker()
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(record().Draw(t, "record"))
		want := rules.NewMasker().Mask(in)
		got := old.Mask(in)
		if !bytes.Equal(got.Bytes, want.Bytes) || got.Hits != want.Hits {
			t.Fatalf("in   %s\ngot  %d %s\nwant %d %s", in, got.Hits, got.Bytes, want.Hits, want.Bytes)
		}
	})
}
