package bulk

import (
	"bytes"
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

// FuzzAnswer: never a panic, and of every answer that is plain JSON the same is
// read as a full decoder reads.
func FuzzAnswer(f *testing.F) {
	for _, s := range [][]byte{
		answerOf(), answerOf(itemCreated), answerOf(itemFull, itemConflict), answerOf(itemRefused, itemFailure), []byte(`{"items":[]}`),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		want, plain := statuses(body)
		for n := range 4 {
			var a answer
			if a.parse(body, n) != nil || !plain {
				continue
			}
			if len(want) != n {
				t.Fatalf("read %d items of %d in %s", n, len(want), body)
			}
			for i, k := range a.of {
				if got := fmt.Sprint(a.kinds[k].status); got != want[i] {
					t.Errorf("item %d has status %s, want %s in %s", i, got, want[i], body)
				}
			}
		}
	})
}

// statuses reads the status of each item with encoding/json. It is not plain
// where decoders may differ by right: broken JSON, escapes, keys that repeat.
func statuses(body []byte) (read []string, plain bool) {
	var full map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if !json.Valid(body) || d.Decode(&full) != nil || bytes.IndexByte(body, '\\') >= 0 {
		return nil, false
	}
	var tight, again bytes.Buffer
	e := json.NewEncoder(&again)
	e.SetEscapeHTML(false)
	if json.Compact(&tight, body) != nil || e.Encode(full) != nil || tight.Len() != again.Len()-1 {
		return nil, false // something got lost: a key repeats
	}
	items, _ := full["items"].([]any)
	for _, it := range items {
		op, _ := it.(map[string]any)
		for _, v := range op {
			members, _ := v.(map[string]any)
			read = append(read, fmt.Sprint(members["status"]))
		}
	}
	return read, true
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
