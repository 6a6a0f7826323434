package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/report"
	"github.com/auditship/auditship/mappings"
)

func TestMain(m *testing.M) { estest.Main(m) }

// recorded are operations in the order of time; each stands a minute after the last.
const id = "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae"

var recorded = []string{
	`{"event":{"action":"AddService","outcome":"success"},"user":{"name":"Ops"},"source":{"address":"203.0.113.7"},"api7":{"audit":{"event_name":"Add Service","source":"dashboard","resource":{"id":"%s","name":"httpbin","type":"service"},"request":{"body":{"name":"httpbin","retries":1,"plugins":{"key-auth":{"key":"[REDACTED:plugins]"}}}},"response":{"body":{"value":{"id":"x1","create_time":1}}}}},"http":{"request":{"method":"POST"},"response":{"status_code":201}},"url":{"path":"/apisix/admin/services"}}`,
	`{"event":{"action":"UpdateService","outcome":"success"},"user":{"name":"Dev"},"api7":{"audit":{"event_name":"Update Service","source":"api","token_name":"ci","resource":{"id":"%[1]s","name":"httpbin","type":"service"},"request":{"body":{"retries":3,"plugins":{"key-auth":null}}},"response":{"body":{"value":{"update_time":2}}}}},"http":{"request":{"method":"PATCH"},"response":{"status_code":200}},"url":{"path":"/apisix/admin/services/%[1]s"}}`,
	`{"event":{"action":"UpdateService","outcome":"failure"},"error":{"message":"forbidden"},"user":{"name":"Mallory\u001b[31m"},"api7":{"audit":{"event_name":"Update Service","resource":{"id":"%[1]s","name":"httpbin"},"request":{"body":{"retries":9}}}},"http":{"request":{"method":"PUT"},"response":{"status_code":403}},"url":{"path":"/apisix/admin/services/%[1]s"}}`,
	`{"event":{"action":"PatchService","outcome":"success"},"user":{"name":"Dev"},"api7":{"audit":{"event_name":"Patch Service","resource":{"id":"%[1]s","name":"httpbin"},"request":{"body_text":"[{\"op\":\"replace\",\"path\":\"/retries\",\"value\":4}]"}}},"http":{"request":{"method":"PATCH"},"response":{"status_code":200}},"url":{"path":"/apisix/admin/services/%[1]s"}}`,
	`{"event":{"action":"GetService","outcome":"success"},"user":{"name":"Dev"},"api7":{"audit":{"event_name":"Get Service","resource":{"id":"%[1]s","name":"httpbin"}}},"http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"path":"/apisix/admin/services/%[1]s"}}`,
	`{"event":{"action":"DeleteService","outcome":"success"},"user":{"name":"Ops"},"api7":{"audit":{"event_name":"Delete Service","resource":{"id":"%[1]s","name":"httpbin"}}},"http":{"request":{"method":"DELETE"},"response":{"status_code":200}},"url":{"path":"/apisix/admin/services/%[1]s"}}`,
}

// indexed puts the operations, and one on another resource, into a namespace of the
// real node and gives the client of somebody who may only read.
func indexed(t *testing.T) (*exporter.Client, report.Query) {
	t.Helper()
	node, namespace := estest.Shared(t), estest.Namespace(t)
	connect := func(user, password string) *exporter.Client {
		client, err := exporter.New(exporter.Config{
			Addresses: []string{node.URL}, CAFile: node.CAFile, Username: user,
			Password: func() (string, error) { return password, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	if err := mappings.Apply(t.Context(), connect(node.Username, node.Password), mappings.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateUser(t.Context(), "reader-"+namespace, "correct horse battery", mappings.AnalystRole); err != nil {
		t.Fatal(err)
	}
	var bulk bytes.Buffer
	at := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	for i, o := range append(recorded, strings.ReplaceAll(recorded[0], `"name":"httpbin"`, `"name":"orders"`)) {
		resource := id
		if i == len(recorded) {
			resource = "another"
		}
		line := strings.Replace(fmt.Sprintf(o, resource), "{", `{"@timestamp":"`+at.Add(time.Duration(i)*time.Minute).Format(time.RFC3339)+`",`, 1)
		fmt.Fprintf(&bulk, "{\"create\":{\"_id\":\"d%d\"}}\n%s\n", i, line)
	}
	status, answer, err := node.Do(t.Context(), http.MethodPost, "/"+mappings.StreamName(namespace)+"/_bulk?refresh=true", bulk.Bytes())
	if err != nil || status != http.StatusOK || !bytes.Contains(answer, []byte(`"errors":false`)) {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	return connect("reader-"+namespace, "correct horse battery"), report.Query{Namespace: namespace}
}

// The whole history of a resource, by its id and by its name, as people read it.
func TestAHistoryAsText(t *testing.T) {
	client, q := indexed(t)
	for _, resource := range []string{id, "httpbin"} {
		q.Resources = []string{resource}
		var out bytes.Buffer
		var latest Latest
		if err := Follow(t.Context(), client, q, func(o Operation) error { latest.Add(o); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := latest.NewestFirst(NewText(&out, TextOptions{}).Operation); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("testdata/httpbin.txt")
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != string(want) {
			t.Errorf("%s:\n%s", resource, out.String())
		}
	}
}

func TestAHistoryAsJSON(t *testing.T) {
	client, q := indexed(t)
	q.Resources = []string{"httpbin"}
	q.From = time.Date(2026, 11, 20, 11, 1, 0, 0, time.UTC) // after its creation
	var out bytes.Buffer
	w := NewJSON(&out)
	if err := Follow(t.Context(), client, q, w.Operation); err != nil {
		t.Fatal(err)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	var got []Operation
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 5 {
		t.Fatalf("%v, %d operations: %s", err, len(got), out.String())
	}
	if o := got[0]; !o.FromNothing || len(o.Changes) != 2 || o.Changes[1].Path != "retries" || string(o.Changes[1].After) != "3" || o.TokenName != "ci" {
		t.Errorf("the first one: %+v", o)
	}
	if o := got[1]; len(o.Changes) != 0 || o.Error != "forbidden" {
		t.Errorf("the refused one: %+v", o)
	}
}

func TestNoOperations(t *testing.T) {
	var out bytes.Buffer
	if err := NewJSON(&out).End(); err != nil || out.String() != "[]\n" {
		t.Errorf("%v %q", err, out.String())
	}
}

func TestLatest(t *testing.T) {
	for limit, want := range map[int]string{0: "edcba", 1: "e", 3: "edc", 5: "edcba", 9: "edcba"} {
		l := Latest{Limit: limit}
		for _, name := range strings.Split("abcde", "") {
			l.Add(Operation{Event: name})
		}
		got := ""
		_ = l.NewestFirst(func(o Operation) error { got += o.Event; return nil })
		if got != want || l.Older() != 5-len(want) {
			t.Errorf("limit %d: %q, %d older", limit, got, l.Older())
		}
	}
}
