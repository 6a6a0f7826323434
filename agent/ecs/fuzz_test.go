package ecs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/decode"
)

// seeds are the records of the golden files.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	var out [][]byte
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile("testdata/" + e.Name())
		if err != nil && !e.IsDir() {
			f.Fatal(err)
		}
		for _, p := range strings.Split(string(data), "-- record --\n")[1:] {
			record, _, _ := strings.Cut(p, "\n-- document --")
			out = append(out, []byte(record))
		}
	}
	return out
}

// Whatever bytes are a record, its document is one that Elasticsearch takes.
func FuzzAppend(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Add([]byte("{\"event_time\":1,\"\xff\":1,\"\xfe\":2,\"http_request\":{\"body\":{\"\xc3\":1,\"\xc3\x28\":2},\"uri\":\"\xff?gateway_group_id=\xfe\"}}"))
	m := newMaker(f, options{Gateway: "prod", KeepOriginal: true, Whole: true, Rename: map[string]string{"a.b": "operator"}})
	f.Fuzz(func(t *testing.T, data []byte) {
		err := m.decoder.Decode(data, &m.record)
		if err != nil && !errors.Is(err, decode.ErrNoTime) {
			return
		}
		doc := m.builder.Append(nil, &m.record, m.meta())
		checkDocument(t, doc)
		again := m.builder.Append([]byte("before"), &m.record, m.meta())
		if string(again) != "before"+string(doc) {
			t.Fatalf("the second time it is %s, the first time %s", again, doc)
		}
	})
}

// Bodies, headers and unknown fields of any shape are in the document, whole.
func TestAnyShape(t *testing.T) {
	m := newMaker(t, options{Gateway: "prod", Whole: true})
	rapid.Check(t, func(t *rapid.T) {
		body := anyJSON(t, 6)
		record := `{"event_time":1795143841,"unknown":` + body + `,"http_request":{"headers":` + body + `,"body":` + body + `},"http_response":{"body":` + body + `}}`
		f := m.fields(t, record)
		request, _ := f["api7"].(map[string]any)["audit"].(map[string]any)["request"].(map[string]any)
		_, flattened := request["body"]
		_, text := request["body_text"]
		if empty := body == `null` || body == `""`; flattened && text || !flattened && !text && !empty {
			t.Fatalf("%s became %v", body, request)
		}
		var want any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		if _, isString := want.(string); text && !isString {
			var got any
			if err := json.Unmarshal([]byte(request["body_text"].(string)), &got); err != nil || !equal(got, want) {
				t.Fatalf("%s became %v", body, got)
			}
		}
		if flattened && !equal(request["body"], want) {
			t.Fatalf("%s became %v", body, request["body"])
		}
	})
}

func equal(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// anyJSON is a JSON text with odd keys, duplicates and odd white space.
func anyJSON(t *rapid.T, depth int) string {
	kinds := []string{"null", "string", "number", "object", "object", "array"}
	if depth == 0 {
		kinds = kinds[:3]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "string":
		text, err := json.Marshal(rapid.String().Draw(t, "string"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	case "number":
		return rapid.SampledFrom([]string{"0", "-1.5e3", "9007199254740993", "true", "false"}).Draw(t, "number")
	case "object":
		var members []string
		for range rapid.IntRange(0, 20).Draw(t, "members") {
			name, err := json.Marshal(rapid.SampledFrom([]string{"a", "b", "c.d", "é", "", " ", ".", "a..b", ".a", "a.", "\x00", "_json", "\u2003"}).Draw(t, "key"))
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, string(name)+":"+anyJSON(t, depth-1))
		}
		return "{" + strings.Join(members, " ,\n") + "}"
	case "array":
		var elements []string
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			elements = append(elements, anyJSON(t, depth-1))
		}
		return "[ " + strings.Join(elements, ",") + "\r]"
	}
	return "null"
}

func TestHugeRecords(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	nested := strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)
	digits := strings.Repeat("9", 1001)
	var members []string
	for i := range 20_000 {
		members = append(members, `"k`+strings.Repeat("0", i%7)+`":`+digits[:i%20+1])
	}
	wide := "{" + strings.Join(members, ",") + "}"
	m := newMaker(t, options{Gateway: "prod", Whole: true})
	for name, value := range map[string]string{
		"a long string": `"` + long + `"`, "a long string inside": `{"a":"` + long + `"}`,
		"a long key": `{"` + long + `":1}`, "long keys inside each other": `{"` + long[:5000] + `":{"` + long[:5000] + `":1}}`,
		"1,000 levels": nested, "1,000 arrays": strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		"1,000 arrays inside": `{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		"a long number":       digits, "a long number inside": `{"a":[` + digits + `,-` + digits[1:] + `]}`,
		"many members, most of them twice": wide,
	} {
		t.Run(name, func(t *testing.T) {
			for _, record := range []string{
				`"unknown":V`, `"http_request":{"body":V}`, `"http_request":{"headers":V}`, `"http_response":{"body":V}`,
				`"id":V`, `"operator":{"x":V}`, `"error_message":V`, `"ip_address":V`, `"event_type":V`,
			} {
				doc := m.fields(t, `{"event_time":1795143841,`+strings.Replace(record, "V", value, 1)+`}`)
				if doc.get("@timestamp") == "" {
					t.Errorf("%s: no time", record)
				}
			}
		})
	}
}

// What has too many members to be looked at one by one is kept as text.
func TestManyMembers(t *testing.T) {
	m := newMaker(t, options{Gateway: "prod", Whole: true})
	many := func(n int, first string) string {
		var b strings.Builder
		b.WriteString("{" + first)
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		return b.String() + "}"
	}
	few := m.fields(t, `{"event_time":1795143841,"http_request":{"body":`+many(9_999, `"a":1`)+`,"headers":`+many(999, `"":1`)+`},"http_response":{"body":`+many(10_000, `"a":1`)+`}}`)
	if few.get("api7", "audit", "request", "body", "k9998") != "9998" || few.get("api7", "audit", "response", "body_text") != many(10_000, `"a":1`) {
		t.Error("10,000 keys are not flattened, or more are")
	}
	if few.get("api7", "audit", "request", "headers", "k998") != "998" || few.get("api7", "audit", "request", "headers", "_json") != `{"":1}` {
		t.Error("1,000 headers are not looked at one by one")
	}
	headers := many(1000, `"":1`)
	if got := m.fields(t, `{"event_time":1795143841,"http_request":{"headers":`+headers+`}}`).get("api7", "audit", "request", "headers", "_json"); got != headers {
		t.Errorf("1,001 odd headers became %.40s", got)
	}
	half := many(6000, `"a":1`)
	if got := m.fields(t, `{"event_time":1795143841,"x":`+half+`,"y":`+half+`}`).get("api7", "audit", "extra", "_json"); got != `{"x":`+half+`,"y":`+half+`}` {
		t.Errorf("two times 6,000 keys became %.40s", got)
	}
	record := many(5000, `"event_time":1795143841`)
	if got := m.fields(t, record).get("api7", "audit", "extra", "_json"); got != `{"_json":`+record+`}` {
		t.Errorf("5,000 unknown members became %.40s", got)
	}
}
