package decode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/eventtime"
	"github.com/auditship/auditship/exporter/jsonscan"
)

func newDecoder(t testing.TB, o decode.Options) *decode.Decoder {
	t.Helper()
	d, err := decode.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// values lists what a record says, field by field, for comparison.
func values(rec *event.Record) map[string]string {
	m := map[string]string{}
	put := func(name, text string) {
		if text != "" {
			m[name] = text
		}
	}
	for _, f := range event.Fields() {
		switch {
		case f.Token != nil:
			put(f.Name, f.Token(rec).String())
		case f.Value != nil:
			put(f.Name, string(*f.Value(rec)))
		}
	}
	if rec.Response.StatusCode != 0 {
		put("http_response.status_code", fmt.Sprint(rec.Response.StatusCode))
	}
	for _, e := range rec.Extra {
		put("extra "+strings.Join(append(slices.Clone(e.Under), e.Key.String()), "/"), string(e.Value))
	}
	return m
}

func TestDecode(t *testing.T) {
	for name, tt := range map[string]struct {
		in   string
		want map[string]string
	}{
		"every field": {
			`{"id":"a","operator":{"id":"b","username":"c","first_name":"d","last_name":"e","email":"f"},"source":"g","token_name":"h",` +
				`"event_type":"i","resource_id":"j","resource_name":"k","resource_type":"l","ip_address":"m","error_message":"n",` +
				`"http_request":{"method":"o","uri":"p","user_agent":"q","headers":{"r":1},"body":{"s":2}},` +
				`"http_response":{"status_code":200,"body":[3]},"gateway_group_id":"t"}`,
			map[string]string{
				"id": "a", "operator.id": "b", "operator.username": "c", "operator.first_name": "d", "operator.last_name": "e",
				"operator.email": "f", "source": "g", "token_name": "h", "event_type": "i", "resource_id": "j",
				"resource_name": "k", "resource_type": "l", "ip_address": "m", "error_message": "n",
				"http_request.method": "o", "http_request.uri": "p", "http_request.user_agent": "q",
				"http_request.headers": `{"r":1}`, "http_request.body": `{"s":2}`,
				"http_response.status_code": "200", "http_response.body": "[3]", "gateway_group_id": "t",
			},
		},
		"other scalars are taken as their text": {
			`{"id":9007199254740993,"source":true,"resource_id":-1.5e3,"http_response":{"status_code":"404"}}`,
			map[string]string{"id": "9007199254740993", "source": "true", "resource_id": "-1.5e3", "http_response.status_code": "404"},
		},
		"null and the empty string are nothing": {
			`{"id":null,"source":"","operator":null,"http_request":{"body":null,"headers":""},"http_response":{"status_code":null}}`,
			map[string]string{},
		},
		"escaped keys are known": {
			`{"\u0069\u0064":"x","oper\u0061tor":{"i\u0064":"y"}}`,
			map[string]string{"id": "x", "operator.id": "y"},
		},
		"another kind than expected": {
			`{"id":{"a":1},"operator":"Ops","http_request":["GET"],"http_response":7,"source":[]}`,
			map[string]string{"extra id": `{"a":1}`, "extra operator": `"Ops"`, "extra http_request": `["GET"]`, "extra http_response": "7", "extra source": "[]"},
		},
		"unknown names": {
			`{"a":1,"b":null,"operator":{"role":"x","id":"y"},"":{},"a":2}`,
			map[string]string{"extra a": "2", "extra b": "null", "extra operator/role": `"x"`, "operator.id": "y", "extra ": "{}"},
		},
		"the last of equal names": {
			`{"id":"a","id":"b","operator":{"id":"c","role":"d"},"operator":{"username":"e"},"source":"f","source":null,"token_name":{},"token_name":"g"}`,
			map[string]string{"id": "b", "operator.username": "e", "token_name": "g"},
		},
		"the last of equal names is of another kind": {
			`{"id":"a","id":[1],"operator":{"id":"c","role":"d"},"operator":5,"http_response":{"status_code":200,"body":1},"http_response":{}}`,
			map[string]string{"extra id": "[1]", "extra operator": "5"},
		},
		"flat names": {
			`{"operator.username":"a","http_response.status_code":201,"gateway_group.id":"g","http_request.body":{"x":1}}`,
			map[string]string{"operator.username": "a", "http_response.status_code": "201", "gateway_group_id": "g", "http_request.body": `{"x":1}`},
		},
		"no status code": {
			`{"http_response":{"status_code":0}}`,
			map[string]string{"extra http_response/status_code": "0"},
		},
		"status codes of other forms": {
			`{"http_response":{"status_code":4.04e2}}`,
			map[string]string{"http_response.status_code": "404"},
		},
		"group by object": {
			`{"gateway_group":{"id":"g","name":"n"}}`,
			map[string]string{"gateway_group_id": "g", "extra gateway_group/name": `"n"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var rec event.Record
			in := `{"event_time":1795143841,` + strings.TrimPrefix(tt.in, "{")
			if err := newDecoder(t, decode.Options{}).Decode([]byte(in), &rec); err != nil {
				t.Fatal(err)
			}
			if got := values(&rec); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

// What forms a time may have is tested where they are read, in eventtime.
func TestTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder(t, decode.Options{Location: berlin, Now: func() time.Time { return time.Unix(1795143845, 0) }})
	wrap := &event.Wrap{Time: "2026-11-20T03:04:06Z"}
	for in, want := range map[string]string{
		`1795143845002`:          "2026-11-20T03:04:05.002Z",
		`"2026-11-20 04:04:05"`:  "2026-11-20T03:04:05Z",
		`null`:                   "2026-11-20T03:04:06Z", // of the wrap
		`""`:                     "2026-11-20T03:04:06Z",
		`0`:                      "",
		`1`:                      "",
		`1795243846`:             "", // more than a day ahead
		`"11/10/2026 10:00"`:     "",
		`"yesterday"`:            "",
		`true`:                   "",
		`{"seconds":1795143845}`: "2026-11-20T03:04:06Z",
	} {
		var rec event.Record
		err := d.DecodeWrapped([]byte(`{"id":"kept","event_time":`+in+`}`), wrap, &rec)
		if want != "" {
			if err != nil || rec.Time.Format(time.RFC3339Nano) != want || rec.Time.Location() != time.UTC {
				t.Errorf("%s: %s (%v), want %s", in, rec.Time.Format(time.RFC3339Nano), err, want)
			}
			continue
		}
		var fault *eventtime.Fault
		if !errors.Is(err, decode.ErrNoTime) || !errors.As(err, &fault) || rec.ID.String() != "kept" {
			t.Errorf("%s: read as %s, error %v", in, rec.Time, err)
		}
	}
}

func TestWhatIsNoRecord(t *testing.T) {
	d := newDecoder(t, decode.Options{})
	var rec event.Record
	for _, in := range []string{`1`, `"x"`, `null`, `[{"event_time":1795143841}]`, ` [] `} {
		if err := d.Decode([]byte(in), &rec); !errors.Is(err, decode.ErrNotObject) {
			t.Errorf("%s: %v", in, err)
		}
	}
	for in, offset := range map[string]int{
		``: 0, `{`: 1, `{"secret`: 8, `{"a":1} {}`: 8, `{"a":}`: 5, `{"a":[1,{"b":}]}`: 13, `[1,]`: 3,
		strings.Repeat(`{"a":`, jsonscan.MaxDepth+1): 5 * jsonscan.MaxDepth,
	} {
		err := d.Decode([]byte(in), &rec)
		var broken *jsonscan.SyntaxError
		if !errors.As(err, &broken) || broken.Offset != offset || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20s: %v, want an error at %d", in, err, offset)
		}
		if len(values(&rec)) != 0 {
			t.Errorf("%.20s: still says %v", in, values(&rec))
		}
	}
	// The error must outlive the next record.
	first := d.Decode([]byte(`{"a":1`), &rec)
	before := first.Error()
	if err := d.Decode([]byte(`{`), &rec); err == nil || first.Error() != before {
		t.Errorf("the first error became %q after %v", first, err)
	}
}

func TestRename(t *testing.T) {
	for name, tt := range map[string]struct {
		rename map[string]string
		in     string
		want   map[string]string
	}{
		"a field": {
			map[string]string{"uuid": "id"},
			`{"uuid":"a"}`, map[string]string{"id": "a"},
		},
		"from inside": {
			map[string]string{"meta.request.id": "id"},
			`{"meta":{"request":{"id":"a","x":1},"y":2},"z":3}`,
			map[string]string{"id": "a", "extra meta/request/x": "1", "extra meta/y": "2", "extra z": "3"},
		},
		"into an object": {
			map[string]string{"user": "operator.username"},
			`{"user":"a","operator":{"id":"b"}}`, map[string]string{"operator.username": "a", "operator.id": "b"},
		},
		"an object": {
			map[string]string{"actor": "operator"},
			`{"actor":{"username":"a","x":1}}`, map[string]string{"operator.username": "a", "extra actor/x": "1"},
		},
		"a scalar where the gateway has an object": {
			map[string]string{"operator": "operator.username"},
			`{"operator":"Ops"}`, map[string]string{"operator.username": "Ops"},
		},
		"an own name with another meaning": {
			map[string]string{"id": "resource_id", "event_id": "id"},
			`{"id":"r","event_id":"e"}`, map[string]string{"id": "e", "resource_id": "r"},
		},
		"both names, the last counts": {
			map[string]string{"uuid": "id"},
			`{"id":"a","uuid":"b"}`, map[string]string{"id": "b"},
		},
		"flat": {
			map[string]string{"who.login": "operator.username"},
			`{"who.login":"a"}`, map[string]string{"operator.username": "a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var rec event.Record
			in := `{"event_time":1795143841,` + strings.TrimPrefix(tt.in, "{")
			if err := newDecoder(t, decode.Options{Rename: tt.rename}).Decode([]byte(in), &rec); err != nil {
				t.Fatal(err)
			}
			if got := values(&rec); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

func TestRenameThatCannotWork(t *testing.T) {
	for name, rename := range map[string]map[string]string{
		"no such field":         {"a": "operator.name"},
		"half a name":           {"a": "opera"},
		"nothing":               {"a": ""},
		"from nothing":          {"": "id"},
		"an empty part":         {"a..b": "id"},
		"a blank part":          {"a. .b": "id"},
		"inside a body":         {"http_request.body.id": "id"},
		"a body from an object": {"operator": "http_request.body"},
		"too deep":              {strings.Repeat("a.", 20) + "a": "id"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode.New(decode.Options{Rename: rename})
			var e *decode.RenameError
			if !errors.As(err, &e) || rename[e.From] != e.To || e.Problem == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIDPaths(t *testing.T) {
	d := newDecoder(t, decode.Options{Rename: map[string]string{"uuid": "id", "meta.id": "id", "id": "resource_id"}})
	if got, want := d.IDPaths(), []string{"meta.id", "uuid"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	d = newDecoder(t, decode.Options{Rename: map[string]string{"actor": "operator", "login": "operator.username"}})
	if got, want := d.Paths("operator.username"), []string{"actor.username", "login", "operator.username"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A record with more unknown members than anyone sends is kept as a whole.
func TestManyUnknownMembers(t *testing.T) {
	var rec event.Record
	for n, want := range map[int]int{1000: 1000, 1001: 1, 200_000: 1} {
		in := []byte(`{"id":"a","event_time":1795143841` + strings.Repeat(`,"x":1`, n) + `}`)
		if err := newDecoder(t, decode.Options{}).Decode(in, &rec); err != nil {
			t.Fatal(err)
		}
		if len(rec.Extra) != want || rec.ID.String() != "a" {
			t.Errorf("%d members: %d in extra", n, len(rec.Extra))
		}
		if whole := rec.Extra[0]; want == 1 && (whole.Key.String() != "_json" || string(whole.Value) != string(in)) {
			t.Errorf("%d members: extra is %.40s", n, whole.Value)
		}
	}
}

func TestCloneAndFindID(t *testing.T) {
	d := newDecoder(t, decode.Options{Rename: map[string]string{"uuid": "id"}}).Clone()
	for in, want := range map[string]string{
		`{"uuid":"a\u0062","event_time":"unreadable"}`: "ab",
		`{"id":1,"id":2}`:      "2",
		`{"id":"a","id":null}`: "",
		`{"id":""}`:            "",
		`{"id":"a"`:            "",
		`{"id":{"id":"a"}}`:    "",
		`{"other":"a"}`:        "",
		"\xff":                 "",
	} {
		id, ok := d.FindID([]byte(in))
		if ok != (want != "") || id.String() != want {
			t.Errorf("%s: %s %v, want %q", in, id, ok, want)
		}
	}
}

// Whatever the kinds of values, every member of a record is where it belongs:
// in its field, or under extra.
func TestEveryMemberIsSomewhere(t *testing.T) {
	var names []string
	for _, f := range event.Fields() {
		if f.Name != event.EventTimeName {
			names = append(names, f.Name) // not those of Also: two names of one field
		}
	}
	d := newDecoder(t, decode.Options{})
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{"event_time": 1795143841}
		want := map[string]string{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(append(names, "x", "operator.x")), rapid.ID).Draw(t, "names") {
			value := rapid.SampledFrom([]string{`null`, `""`, `"text"`, `true`, `404`, `{"a":[1.5,"b"]}`, `[]`}).Draw(t, "value")
			put(object, name, json.RawMessage(value))
			field := "extra " + strings.ReplaceAll(name, ".", "/")
			if text, ok := kept(name, value); ok {
				field, value = name, text
			}
			if value != "" {
				want[field] = value
			}
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		var rec event.Record
		if err := d.Decode(text, &rec); err != nil {
			t.Fatal(err)
		}
		if got := values(&rec); !maps.Equal(got, want) {
			t.Fatalf("%s\ngot  %v\nwant %v", text, got, want)
		}
	})
}

// put enters a value under a path of one or two names.
func put(object map[string]any, path string, value json.RawMessage) {
	head, tail, nested := strings.Cut(path, ".")
	if !nested {
		object[head] = value
		return
	}
	if object[head] == nil {
		object[head] = map[string]any{}
	}
	object[head].(map[string]any)[tail] = value
}

// kept is what the field of that name holds of a value, "" for nothing; false
// if the field does not take the value.
func kept(name, value string) (string, bool) {
	scalar := value[0] != '{' && value[0] != '['
	switch {
	case name == "x" || name == "operator.x":
		return "", false
	case value == `null` || value == `""`:
		return "", true
	case slices.ContainsFunc(event.Fields(), func(f event.Field) bool { return f.Name == name && f.Value != nil }):
		return value, true
	case name == "http_response.status_code":
		return value, value == "404"
	}
	return strings.Trim(value, `"`), scalar
}

func TestDecodeKeepsNothingOfTheRecordBefore(t *testing.T) {
	d := newDecoder(t, decode.Options{})
	var rec, fresh event.Record
	full := []byte(`{"id":"a","event_time":1795143841,"operator":{"id":"b","x":1},"y":2,"http_response":{"status_code":200,"body":{}}}`)
	for range 3 {
		if err := d.Decode(full, &rec); err != nil {
			t.Fatal(err)
		}
		if err := d.Decode([]byte(`{"event_time":1795143842}`), &rec); err != nil {
			t.Fatal(err)
		}
		if err := newDecoder(t, decode.Options{}).Decode([]byte(`{"event_time":1795143842}`), &fresh); err != nil {
			t.Fatal(err)
		}
		rec.Extra = nil
		if !reflect.DeepEqual(rec, fresh) {
			t.Fatalf("got %+v, want %+v", rec, fresh)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","event_time":1795143845002,"operator":{"id":"u"},"http_response":{"status_code":200}}`,
		`{"id":"1","id":[2],"operator":{"x":1},"operator":7,"event_time":"2026-11-20T03:04:05Z"}`,
		`{"operator.id":1,"\u0069d":2,"event_time":1.795143845e9}`, `[1]`, `{"a":`, "{\"\xff\":\"\xfe\"}",
	} {
		f.Add([]byte(seed))
	}
	rename := map[string]string{"a.b": "id", "c": "operator"}
	d, known := newDecoder(f, decode.Options{Rename: rename}), newDecoder(f, decode.Options{Rename: rename, Known: true})
	f.Fuzz(func(t *testing.T, data []byte) {
		var rec event.Record
		err := d.Decode(data, &rec)
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(data, &object) == nil && object != nil
		tooDeep := strings.Count(string(data), "[")+strings.Count(string(data), "{") > 9000
		if readable := err == nil || errors.Is(err, decode.ErrNoTime); readable != isObject && !tooDeep {
			t.Fatalf("encoding/json: %v, the decoder: %v", isObject, err)
		}
		var same event.Record
		_ = known.Decode(data, &same) // d said whether it can be read
		if isObject && !tooDeep && !reflect.DeepEqual(rec, same) {
			t.Fatalf("read as known it says %+v, otherwise %+v", same, rec)
		}
		if id, ok := d.FindID(data); ok && id.String() != rec.ID.String() || ok != (rec.ID != nil) {
			t.Fatalf("FindID %s, Decode %s", id, rec.ID)
		}
		if err == nil && (rec.Time.Unix() < 0 || rec.Time.Year() > 9999) {
			t.Fatalf("time %s", rec.Time)
		}
		for _, e := range rec.Extra {
			if !json.Valid(e.Value) || !json.Valid(e.Key) {
				t.Fatalf("extra %q: %q", e.Key, e.Value)
			}
		}
	})
}
