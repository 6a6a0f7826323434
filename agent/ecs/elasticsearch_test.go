package ecs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

func TestMain(m *testing.M) { estest.Main(m) }

// trail is a data stream of a test's own on the real Elasticsearch, with the
// mapping that is shipped.
type trail struct {
	node   *esnode.Node
	stream string
	maker  *maker
	ids    int
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	node := estest.Shared(t)
	client, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile,
		Username: node.Username, Password: func() (string, error) { return node.Password, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := mappings.Apply(t.Context(), client, mappings.Options{}); err != nil {
		t.Fatal(err)
	}
	namespace := estest.Namespace(t)
	return &trail{
		node: node, stream: mappings.StreamName(namespace),
		maker: newMaker(t, options{Gateway: "prod", Namespace: namespace, Whole: true, Path: "/a.json", Input: "files"}),
	}
}

// send indexes documents and returns what is wrong with each, "" for nothing.
func (tr *trail) send(t *testing.T, docs []string) []string {
	t.Helper()
	var body bytes.Buffer
	for _, doc := range docs {
		tr.ids++
		fmt.Fprintf(&body, "{\"create\":{\"_id\":\"d%d\"}}\n%s\n", tr.ids, doc)
	}
	status, answer, err := tr.node.Do(t.Context(), http.MethodPost, "/"+tr.stream+"/_bulk", body.Bytes())
	if err != nil || status != http.StatusOK {
		t.Fatalf("bulk: %d %s %v", status, answer, err)
	}
	var result struct {
		Items []struct {
			Create struct {
				Status       int
				Error        json.RawMessage
				FailureStore string `json:"failure_store"`
			}
		}
	}
	if err := json.Unmarshal(answer, &result); err != nil || len(result.Items) != len(docs) {
		t.Fatalf("%d answers for %d documents: %v", len(result.Items), len(docs), err)
	}
	faults := make([]string, len(docs))
	for i, item := range result.Items {
		if item.Create.Status != http.StatusCreated || item.Create.FailureStore == "used" {
			faults[i] = fmt.Sprintf("%d %.300s", item.Create.Status, item.Create.Error)
		}
	}
	return faults
}

// documents makes the documents of records.
func (tr *trail) documents(t *testing.T, records []string) []string {
	t.Helper()
	docs := make([]string, len(records))
	for i, record := range records {
		if err := tr.maker.decoder.Decode([]byte(record), &tr.maker.record); err != nil {
			t.Fatalf("%.200s: %v", record, err)
		}
		docs[i] = string(tr.maker.builder.Append(nil, &tr.maker.record, tr.maker.meta()))
	}
	return docs
}

// takes fails unless every record's document is indexed.
func (tr *trail) takes(t *testing.T, records []string) {
	t.Helper()
	for i, fault := range tr.send(t, tr.documents(t, records)) {
		if fault != "" {
			t.Errorf("%.300s\n%s", records[i], fault)
		}
	}
}

// get asks the node and decodes what it answers.
func (tr *trail) get(t *testing.T, path string, into any) {
	t.Helper()
	status, answer, err := tr.node.Do(t.Context(), http.MethodGet, path, nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %.300s %v", path, status, answer, err)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatal(err)
	}
}

// mapping is the mapping of the write index, as text.
func (tr *trail) mapping(t *testing.T) string {
	t.Helper()
	var all map[string]json.RawMessage
	tr.get(t, "/"+tr.stream+"/_mapping", &all)
	for _, m := range all {
		return string(m)
	}
	t.Fatal("no mapping")
	return ""
}

func (tr *trail) count(t *testing.T, query string) int {
	t.Helper()
	status, answer, err := tr.node.Do(t.Context(), http.MethodPost, "/"+tr.stream+"/_refresh", nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("refresh: %d %s %v", status, answer, err)
	}
	var found struct {
		Hits struct{ Total struct{ Value int } }
	}
	tr.get(t, "/"+tr.stream+"/_search?size=0&track_total_hits=true&q="+query, &found)
	return found.Hits.Total.Value
}

// shapes are values that some field refuses.
func shapes() []string {
	long, digits := strings.Repeat("x", 200_000), strings.Repeat("9", 1001)
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	return []string{
		`{"a":{"b":1}}`, `"text"`, `["a","b"]`, `42`, `-1e400`, digits, `true`, `null`, `{}`, `[]`, `[{}]`, `[[{"a":1}]]`, `[{"a":1},null]`, `[{"a":1},2]`,
		`{"":1}`, `{" ":1}`, `{".":1}`, `{"..":1}`, `{"a..b":1}`, `{".a":1}`, `{"a.":1}`, `{"a. .b":1}`, `{"a.b":1,"a":{"b":2}}`, `{"a":1,"a.b":2}`, "{\"\\u2003\":1}", `{"\u0000":1}`, `{"a\u0000b":1}`,
		`{"a":1,"a":2,"b":{"c":1,"c":{"d":1,"\u0064":2}}}`, `{"a":"\ud800","\udc00":1,"\ud800":2}`, "{\"\xff\":\"\xfe\",\"\xfe\":1}", `{"a":"\u0000"}`,
		nested(20), nested(21), nested(99), nested(1000), `{"a":` + strings.Repeat("[", 98) + strings.Repeat("]", 98) + `}`, strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		`"` + long + `"`, `{"a":"` + long + `"}`, `{"` + long + `":1}`, `{"a":[` + digits + `,1.` + digits + `]}`, `[` + digits + `]`,
		`{"` + long[:8100] + `":"` + strings.Repeat("€", 4096) + `"}`, `{"` + long[:8100] + `":"` + strings.Repeat("€", 8191) + `"}`, `{"a":"` + strings.Repeat("€", 10_000) + `"}`,
		`{"` + long[:4000] + `":{"` + long[:4100] + `":"` + strings.Repeat("€", 4096) + `"}}`, `{"` + long[:30_000] + `":"` + long[:3000] + `"}`,
	}
}

// Request bodies, answers, headers, unknown and all known fields of any shape:
// none is refused.
func TestR14_ElasticsearchTakesEveryShape(t *testing.T) {
	tr := newTrail(t)
	var records []string
	for _, shape := range shapes() {
		for _, field := range []string{
			`"unknown":V`, `"":V`, `"a..b":V`, `"http_request":{"body":V}`, `"http_request":{"headers":V}`, `"http_request":{"headers":{"X":V}}`, `"http_request":V`,
			`"http_response":{"body":V}`, `"http_response":{"status_code":V}`, `"operator":{"x":V}`, `"operator":V`, `"gateway_group":V`,
			`"operator":{"username":V,"first_name":V,"last_name":V}`, `"http_request":{"uri":V,"method":V,"user_agent":V}`,
			`"id":V,"event_type":V,"ip_address":V,"error_message":V,"resource_id":V,"resource_name":V,"resource_type":V,"source":V,"token_name":V`,
		} {
			records = append(records, `{"event_time":1795143845,`+strings.ReplaceAll(field, "V", shape)+`}`)
		}
	}
	for len(records) > 0 {
		n := min(len(records), 100)
		tr.takes(t, records[:n])
		records = records[n:]
	}
}

// The documents of the golden files, as a whole.
func TestElasticsearchTakesTheGoldenDocuments(t *testing.T) {
	tr := newTrail(t)
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file == "testdata/no-document.golden" {
			continue
		}
		tr.maker.options = options{Gateway: "prod", Whole: true}
		for _, p := range readParts(t, file) {
			if p.name == "options" {
				if err := json.Unmarshal([]byte(p.text), &tr.maker.options); err != nil {
					t.Fatal(err)
				}
				tr.maker = newMaker(t, tr.maker.options)
			}
			if p.name == "record" {
				tr.takes(t, []string{p.text})
			}
		}
	}
	if n := tr.count(t, "user.name:Ops"); n < 5 {
		t.Errorf("%d documents of the operator Ops", n)
	}
	for query, want := range map[string]int{
		`event.category:authentication+AND+event.outcome:failure`:                   3,
		`api7.audit.event_name:%22Add+Service%22`:                                   1,
		`api7.audit.request.body.plugins.key-auth.key:%22%5BREDACTED:plugins%5D%22`: 1,
		`source.ip:%222001:db8::/32%22`:                                             1,
		`api7.audit.gateway_group.id:prod-eu`:                                       2,
	} {
		if n := tr.count(t, query); n != want {
			t.Errorf("%s finds %d documents, want %d", query, n, want)
		}
	}
}

// 10,000 records with keys that no other has, some with a value of 200 KB: none
// is refused, and the mapping does not grow.
func TestR15_TheMappingDoesNotGrow(t *testing.T) {
	tr := newTrail(t)
	tr.takes(t, []string{`{"event_time":1795143845}`})
	before := tr.mapping(t)
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("k%x", random.Uint64()) }
	const records, batch = 10_000, 1000
	for done := 0; done < records; done += batch {
		var raw []string
		for i := range batch {
			value := word()
			if i%500 == 0 {
				value = strings.Repeat(value+" ", 200_000/18)
			}
			raw = append(raw, fmt.Sprintf(`{"event_time":%d,"%s":1,"%s":{"%s":["%s"]},"operator":{"%s":true},`+
				`"http_request":{"%s":0,"headers":{"%s":"%s"},"body":{"%s":{"%s":[{"%s":%q}]}}},"http_response":{"body":{"%s":%d}}}`,
				1795143845+done+i, word(), word(), word(), word(), word(), word(), word(), word(), word(), word(), word(), value, word(), i))
		}
		tr.takes(t, raw)
	}
	if n := tr.count(t, "*:*"); n != records+1 {
		t.Errorf("%d documents, want %d", n, records+1)
	}
	if after := tr.mapping(t); after != before {
		t.Errorf("the mapping grew from %d to %d bytes", len(before), len(after))
	}
}

// Documents of random records.
func TestElasticsearchTakesAnything(t *testing.T) {
	tr := newTrail(t)
	value := rapid.Custom(func(t *rapid.T) string { return anyJSON(t, 5) })
	var records []string
	for i := range 300 {
		v := value.Example(i)
		records = append(records, `{"event_time":1795143845,"unknown":`+v+`,"http_request":{"headers":`+v+`,"body":`+v+`,"x":`+v+`},"http_response":{"body":`+v+`},"operator":`+v+`}`)
	}
	tr.takes(t, records)
}

// What flattened.go says about Elasticsearch is so: a document at each limit is
// taken, one beyond it is not.
func TestWhatElasticsearchRefuses(t *testing.T) {
	tr := newTrail(t)
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + `"x"` + strings.Repeat("}", n) }
	long := strings.Repeat("x", 40_000)
	for member, refused := range map[string]bool{
		`BODY"text"`: true, `BODY1`: true, `BODY["a"]`: true, `BODY[{"a":1},"b"]`: true,
		`BODY{"a":["b",{"c":1}]}`: false, `BODY[{"a":1},{"b":2}]`: false,
		"BODY" + nested(20): false, "BODY" + nested(21): true,
		`BODY{"a":1,"a":2}`: true, `BODY{"\u0000":1}`: true, "BODY{\"a\":\"\xff\"}": true,
		`BODY{"a":` + strings.Repeat("9", 1000) + `}`: false, `BODY{"a":` + strings.Repeat("9", 1001) + `}`: true,
		`BODY{"` + long[:32_766-4-1] + `":"abcd"}`: false, `BODY{"` + long[:32_766-4] + `":"abcd"}`: true,
		`BODY{"` + long[:8192] + `":"` + strings.Repeat("€", 4096) + `"}`: false, `BODY{"a":"` + long + `"}`: false,
		`"":1`: true, `" ":1`: true, `".":1`: true, `"a..b":1`: true, `"user":{"":1}`: true, `"user":{"a..b":1}`: true, `"a.b":1`: false,
		`"x":{"a":1,"a":2}`: true, `"x":` + strings.Repeat("9", 1001): true, `"x":` + nested(1000): true,
	} {
		member, isBody := strings.CutPrefix(member, "BODY")
		doc := `{"@timestamp":"2026-11-20T03:04:05Z",` + member + `}`
		if isBody {
			doc = `{"@timestamp":"2026-11-20T03:04:05Z","api7":{"audit":{"request":{"body":` + member + `}}}}`
		}
		if fault := tr.send(t, []string{doc})[0]; (fault != "") != refused {
			t.Errorf("%.60s: %q", member, fault)
		}
	}
}
