package faultproxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/esnode/faultproxy"
)

func TestMain(m *testing.M) { estest.Main(m) }

// Each fault looks to the client as it says, and the node has done what it says.
func TestFaults(t *testing.T) {
	node := estest.Shared(t)
	const documents = 9
	for fault, want := range map[faultproxy.Fault]struct {
		status, done int // status 0: no whole answer
	}{
		faultproxy.None:         {200, documents},
		faultproxy.Slow:         {200, documents},
		faultproxy.SomeRejected: {200, documents * 2 / 3},
		faultproxy.TooLarge:     {413, 0},
		faultproxy.Overloaded:   {429, 0},
		faultproxy.Unavailable:  {503, 0},
		faultproxy.TimedOut:     {504, documents},
		faultproxy.HalfAnswer:   {0, documents},
		faultproxy.HalfRequest:  {0, -1}, // whatever came of the first half
		faultproxy.ResetBefore:  {0, 0},
		faultproxy.ResetAfter:   {0, documents},
	} {
		t.Run(string(fault), func(t *testing.T) {
			proxy, err := faultproxy.Start(node.URL, node.CAFile, func(string) faultproxy.Fault { return fault })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = proxy.Close() }() // nobody uses it any more
			index := estest.Namespace(t)
			status, items := bulk(t, proxy.URL+"/"+index+"/_bulk?refresh=true", node.Username, node.Password, documents)
			if status != want.status {
				t.Errorf("the client saw %d, want %d", status, want.status)
			}
			if fault == faultproxy.SomeRejected && items != "429 201 201 429 201 201 429 201 201" {
				t.Errorf("the items were %s", items)
			}
			var answer struct{ Count int }
			_, text, err := node.Do(t.Context(), "GET", "/"+index+"/_count?ignore_unavailable=true", nil)
			if err == nil {
				err = json.Unmarshal(text, &answer)
			}
			if err != nil || want.done >= 0 && answer.Count != want.done {
				t.Errorf("the node has %d documents, want %d (%v)", answer.Count, want.done, err)
			}
			if n := proxy.Counts()[fault]; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

// bulk sends documents and returns the status, and the items' statuses: 0 if the
// answer did not come whole.
func bulk(t *testing.T, url, user, password string, n int) (status int, items string) {
	t.Helper()
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, "{\"create\":{\"_id\":\"%d\"}}\n{\"text\":%q}\n", i, strings.Repeat("x", 1000))
	}
	request, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.SetBasicAuth(user, password)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	var answer struct {
		Items []map[string]struct{ Status int }
	}
	if json.Unmarshal(text, &answer) == nil {
		for _, item := range answer.Items {
			items += fmt.Sprintf(" %d", item["create"].Status)
		}
	}
	return response.StatusCode, strings.TrimSpace(items)
}
