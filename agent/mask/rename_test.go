package mask

import (
	"bytes"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// renames are names that say nothing, for every field of the record.
var renames = map[string]string{
	"id": "rid", "event_time": "ts", "operator.id": "who.nr", "operator.username": "who.login", "operator.first_name": "who.given",
	"operator.last_name": "who.family", "operator.email": "who.mail", "source": "src", "token_name": "label", "event_type": "verb",
	"resource_id": "object.nr", "resource_name": "object.name", "resource_type": "object.kind", "ip_address": "addr", "error_message": "msg",
	"http_request.method": "req.m", "http_request.uri": "req.path", "http_request.user_agent": "req.ua", "http_request.headers": "req.hh",
	"http_request.body": "req.data", "http_response.status_code": "res.code", "http_response.body": "res.data",
}

func renamed() map[string][]string {
	places := map[string][]string{}
	for field, to := range renames {
		places[field] = []string{field, to}
	}
	return places
}

// rename writes a record with other names, nested or flat.
func rename(record []byte, flat bool) []byte {
	var out bytes.Buffer
	groups := map[string][]string{}
	var order []string
	add := func(to string, value []byte) {
		head, last, nested := strings.Cut(to, ".")
		if !nested || flat {
			head, last = to, ""
		}
		if groups[head] == nil {
			order = append(order, head)
		}
		groups[head] = append(groups[head], last, string(value))
	}
	members(record, func(key string, value []byte) {
		if to, ok := renames[key]; ok {
			add(to, value)
			return
		}
		members(value, func(inner string, value []byte) { add(renames[key+"."+inner], value) })
	})
	out.WriteByte('{')
	for i, head := range order {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(quote(head) + ":")
		parts := groups[head]
		if parts[0] == "" {
			out.WriteString(parts[1])
			continue
		}
		for j := 0; j < len(parts); j += 2 {
			out.WriteString(map[bool]string{true: "{", false: ","}[j == 0] + quote(parts[j]) + ":" + parts[j+1])
		}
		out.WriteByte('}')
	}
	out.WriteByte('}')
	return out.Bytes()
}

// members lists the members of an object.
func members(object []byte, yield func(key string, value []byte)) {
	var s jsonscan.Scanner
	s.Reset(object)
	s.Next()
	for s.Next() == jsonscan.Key {
		key := string(jsonscan.AppendUnquoted(nil, s.Bytes()))
		kind := s.Next()
		start := s.Start()
		s.Skip(kind)
		yield(key, object[start:s.End()])
	}
}

// An input's names change nothing: what is masked in a record is masked in the
// record with every field renamed, and nothing else is.
func TestRenamedRecordsAreMaskedAlike(t *testing.T) {
	rules := loadText(t, `
masking:
  rules:
    - {id: people, select: {key: username}, action: redact}
    - {id: agents, when: {source: dashboard}, select: {path: http_request.user_agent}, action: redact}
    - {id: mail, select: {detect: email, in: [operator]}, action: redact}
`)
	plain, through := rules.NewMasker(), rules.Through(renamed()).NewMasker()
	make := newMaker(t, 11)
	for i := range 500 {
		record := make.event(i).record
		want := rename(bytes.Clone(plain.Mask(record).Bytes), false)
		if got := through.Mask(rename(record, false)).Bytes; !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		want = rename(bytes.Clone(plain.Mask(record).Bytes), true)
		if got := through.Mask(rename(record, true)).Bytes; !bytes.Equal(got, want) {
			t.Fatalf("flat: got  %s\nwant %s", got, want)
		}
		if got := bytes.Clone(through.Mask(record).Bytes); !bytes.Equal(got, plain.Mask(record).Bytes) {
			t.Fatalf("under its own names: %s", got)
		}
	}
}

func TestRenamedFieldsKeepTheirMeaning(t *testing.T) {
	m := Builtin().Through(renamed()).NewMasker()
	for in, want := range map[string]string{
		`{"req":{"path":"/cb?code=abc123&state=1"}}`:                                   `{"req":{"path":"/cb?code=[REDACTED:login-codes]&state=1"}}`,
		`{"req.path":"/cb?code=abc123&state=1"}`:                                       `{"req.path":"/cb?code=[REDACTED:login-codes]&state=1"}`,
		`{"http_request.uri":"/cb?code=abc123"}`:                                       `{"http_request.uri":"/cb?code=[REDACTED:login-codes]"}`,
		`{"msg":"invalid token x9f3a21"}`:                                              `{"msg":"invalid token [REDACTED:names]"}`,
		`{"rid":"4111111111111111","object":{"nr":"a7ee-0123456789abcdef0123456789"}}`: `{"rid":"4111111111111111","object":{"nr":"a7ee-0123456789abcdef0123456789"}}`,
		`{"req":{"path":"/apisix/admin/ssls/1","data":{"key":"x"}}}`:                   `{"req":{"path":"/apisix/admin/ssls/1","data":{"key":"[REDACTED:resources]"}}}`,
		`{"label":"my \"secret\" token 'abc'"}`:                                        `{"label":"my \"secret\" token 'abc'"}`,
	} {
		if got := string(m.Mask([]byte(in)).Bytes); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if Builtin().Through(renamed()).MasksField("rid") {
		t.Error("the renamed id may be changed")
	}
}
