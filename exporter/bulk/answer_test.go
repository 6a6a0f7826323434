package bulk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
)

// In the order and shape of 8.19.9, with and without filter_path.
const (
	itemCreated  = `{"create":{"_index":".ds-x-000001","status":201}}`
	itemFull     = `{"create":{"_index":".ds-x-000001","_id":"a","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}`
	itemConflict = `{"create":{"_index":".ds-x-000001","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[a]: version conflict, document already exists (current version [1])","index_uuid":"VpO56iDCQBmknbogrU98eA","shard":"0","index":".ds-x-000001"}}}`
	itemRefused  = `{"create":{"_index":".ds-x-000001","status":400,"error":{"type":"document_parsing_exception","reason":"[1:21] failed to parse field [n] of type [long] in document with id 'b'. Preview of field's value: 'a \"quoted\\\\\" }]'","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\""}}}}`
	itemFailure  = `{"create":{"_index":".fs-x-000002","status":201,"failure_store":"used"}}`
)

func answerOf(items ...string) []byte {
	return []byte(`{"errors":true,"took":5,"items":[` + strings.Join(items, ",") + `]}`)
}

func TestAnswersOfElasticsearch(t *testing.T) {
	var a answer
	body := answerOf(itemCreated, itemCreated, itemFull, itemConflict, itemRefused, itemFailure, itemCreated)
	if err := a.parse(body, 7); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		index, errorType, field string
		status                  int
		failureStored           bool
	}{
		{".ds-x-000001", "", "", 201, false},
		{".ds-x-000001", "", "", 201, false},
		{".ds-x-000001", "", "", 201, false},
		{".ds-x-000001", "version_conflict_engine_exception", "", 409, false},
		{".ds-x-000001", "document_parsing_exception", "n", 400, false},
		{".fs-x-000002", "", "", 201, true},
		{".ds-x-000001", "", "", 201, false},
	}
	for i, w := range want {
		it := a.kinds[a.of[i]]
		e := exporter.NewError(it.status, it.cause)
		if string(it.index) != w.index || it.status != w.status || it.failureStored != w.failureStored || e.Type != w.errorType || e.Field != w.field {
			t.Errorf("item %d is %s %+v of %s, want %+v", i, it.index, it, e, w)
		}
	}
	if a.of[0] != a.of[1] {
		t.Error("items that read the same were parsed twice")
	}
}

func TestOtherSpellingsOfAnAnswer(t *testing.T) {
	tests := map[string]string{
		"spaces everywhere":   " { \"errors\" : false , \"items\" : [ { \"create\" : { \"status\" : 201 , \"_index\" : \"x\" } } , \n { \"create\" : { \"status\" : 201 , \"_index\" : \"x\" } } ] } \n",
		"items first":         `{"items":[{"create":{"status":201,"_index":"x"}},{"create":{"status":201,"_index":"x"}}],"took":1}`,
		"more than was asked": `{"took":1,"ingest_took":{"a":[1,{}]},"items":[{"create":{"status":201,"x":[],"y":{"z":"]}"},"_index":"x"}},{"index":{"_index":"x","status":201}}]}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			var a answer
			if err := a.parse([]byte(body), 2); err != nil {
				t.Fatal(err)
			}
			for _, k := range a.of {
				if it := a.kinds[k]; it.status != 201 || string(it.index) != "x" {
					t.Errorf("got %+v", it)
				}
			}
		})
	}
}

func TestBrokenAnswersAreNotBelieved(t *testing.T) {
	whole := string(answerOf(itemCreated, itemCreated))
	tests := map[string]string{
		"empty":                   "",
		"null":                    "null",
		"a page":                  "<html>",
		"an array":                "[]",
		"no items":                `{"errors":false}`,
		"items is no array":       `{"items":{"create":1}}`,
		"one item":                string(answerOf(itemCreated)),
		"three items":             string(answerOf(itemCreated, itemCreated, itemCreated)),
		"an item without status":  string(answerOf(itemCreated, `{"create":{"_index":"x"}}`)),
		"a status of two digits":  string(answerOf(itemCreated, `{"create":{"status":20}}`)),
		"a status of text":        string(answerOf(itemCreated, `{"create":{"status":"201"}}`)),
		"an item of two":          string(answerOf(itemCreated, `{"create":{"status":201},"index":{"status":201}}`)),
		"an item of none":         string(answerOf(itemCreated, `{}`)),
		"an item that is text":    string(answerOf(itemCreated, `"create"`)),
		"items twice":             `{"items":[` + itemCreated + "," + itemCreated + `],"items":[]}`,
		"something behind it":     whole + "x",
		"two answers":             whole + whole,
		"a missing comma":         strings.Replace(whole, "}},", "}}", 1),
		"a comma too many":        strings.Replace(whole, "}},", "}},,", 1),
		"a comma at the end":      strings.Replace(whole, "]}", ",]}", 1),
		"an error that is broken": string(answerOf(itemCreated, `{"create":{"status":409,"error":"x"}}`)),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if err := new(answer).parse([]byte(body), 2); err == nil {
				t.Errorf("%s was taken for an answer to two documents", body)
			}
		})
	}
	for n := range len(whole) {
		if new(answer).parse([]byte(whole[:n]), 2) == nil {
			t.Errorf("the first %d bytes were taken for the whole answer", n)
		}
	}
}

// FuzzAnswer: never a panic, and of every answer that is JSON the same is read
// as a full decoder reads.
func FuzzAnswer(f *testing.F) {
	for _, s := range [][]byte{
		answerOf(), answerOf(itemCreated), answerOf(itemFull, itemConflict), answerOf(itemRefused, itemFailure), []byte(`{"items":[]}`),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var full struct {
			Items []map[string]struct {
				Status int `json:"status"`
			} `json:"items"`
		}
		err := json.Unmarshal(body, &full)
		var a answer
		for n := range 4 {
			if a.parse(body, n) != nil {
				continue
			}
			if err != nil || strings.Contains(strings.ToLower(string(body)), `\u`) || repeats(body) {
				continue // only the shape is checked, or the decoders differ by right
			}
			if len(full.Items) != n {
				t.Fatalf("read %d items of %d in %s", n, len(full.Items), body)
			}
			for i, it := range full.Items {
				for _, op := range it {
					if got := a.kinds[a.of[i]].status; got != op.Status {
						t.Errorf("item %d has status %d, want %d in %s", i, got, op.Status, body)
					}
				}
			}
		}
	})
}

// repeats reports whether an answer has keys that differ in case or come twice:
// encoding/json merges what such keys hold.
func repeats(body []byte) bool {
	low := strings.ToLower(string(body))
	return strings.Count(low, "items") > 1 || strings.Count(low, "status") > strings.Count(string(body), `{"status"`)+strings.Count(string(body), `,"status"`) ||
		strings.Count(low, "create") > 1 || strings.Count(low, "status") > 1
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{}],"c":"\"}"}`))
	f.Add([]byte(`{"a":{"b":{"c":null}}}x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want map[string]json.RawMessage
		got := map[string]string{}
		rest, ok := object(b, func(key, b []byte) ([]byte, bool) {
			rest, ok := skip(b)
			got[string(key)] = string(b[:len(b)-len(rest)])
			return rest, ok
		})
		if json.Unmarshal(b, &want) != nil || want == nil {
			return
		}
		if !ok || len(strings.TrimSpace(string(rest))) > 0 {
			t.Fatalf("%s was not read", b)
		}
		for k, v := range got {
			if w, has := want[k]; has && string(w) != v && strings.Count(string(b), k) == 1 {
				t.Errorf("%q is %s, want %s in %s", k, v, w, b)
			}
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	const n = 5000
	tests := []struct {
		name string
		item func(i int) string
	}{
		{"created", func(int) string { return itemCreated }},
		{"unfiltered", func(i int) string { return strings.Replace(itemFull, `"_seq_no":0`, fmt.Sprintf(`"_seq_no":%d`, i), 1) }},
		{"conflicts", func(i int) string { return strings.Replace(itemConflict, "[a]", fmt.Sprintf("[%d]", i), 1) }},
		{"one in 100 refused", func(i int) string {
			if i%100 == 0 {
				return itemRefused
			}
			return itemCreated
		}},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			items := make([]string, n)
			for i := range items {
				items[i] = tt.item(i)
			}
			body := answerOf(items...)
			var a answer
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := a.parse(body, n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/document")
		})
	}
}
