package report

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/peer"
)

// fault is what happens to a request on its way to the node: it answers and
// returns true, or returns false to let the request pass.
type fault func(w http.ResponseWriter, r *http.Request) bool

// behind gives a client of the analyst whose requests pass a proxy, and the
// fault may happen to each search.
func (tr *trail) behind(t *testing.T, f fault) *exporter.Client {
	t.Helper()
	node, err := url.Parse(tr.node.URL)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(tr.node.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(node) },
		ErrorLog:  log.New(io.Discard, "", 0), // a node that is away is part of the test
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_search" && f(w, r) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return tr.client(t, front.URL, tr.username, password)
}

// losePIT closes the point in time of a search before the node sees it.
func (tr *trail) losePIT(t *testing.T, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var search struct {
		PIT struct {
			ID string `json:"id"`
		} `json:"pit"`
	}
	if err := json.Unmarshal(body, &search); err != nil {
		t.Error(err)
		return
	}
	status, answer, err := tr.node.Do(t.Context(), "DELETE", "/_pit", []byte(fmt.Sprintf(`{"id":%q}`, search.PIT.ID)))
	if err != nil || status != http.StatusOK {
		t.Errorf("close point in time: %d %v %s", status, err, answer)
	}
}

var soon = peer.Backoff{Min: time.Millisecond, Max: time.Millisecond}

// bunches are n records of which each 70 share a millisecond, so that pages
// end between records that only the tie-break tells apart.
func bunches(n int) []entry {
	entries := many(n, 0)
	for i := range entries {
		entries[i].at = noon.Add(time.Duration(i/70) * time.Millisecond)
	}
	return entries
}

// Whatever page the point in time is lost at, and however often, each record is
// there once and in order.
func TestPointInTimeIsLost(t *testing.T) {
	tr := newTrail(t)
	all := bunches(1000)
	tr.index(t, all...)
	for name, lost := range map[string]func(search int32) bool{
		"never":                  func(int32) bool { return false },
		"before the first page":  func(n int32) bool { return n == 1 },
		"after the first page":   func(n int32) bool { return n == 5 },
		"in the middle":          func(n int32) bool { return n == 10 },
		"before the last answer": func(n int32) bool { return n == 16 },
		"twice in a row":         func(n int32) bool { return n == 8 || n == 9 },
		"after every page":       func(n int32) bool { return n > 3 && n%2 == 0 },
	} {
		for _, order := range []Order{NewestFirst, OldestFirst} {
			t.Run(name+" "+string(order), func(t *testing.T) {
				var searches atomic.Int32
				views := 1
				client := tr.behind(t, func(_ http.ResponseWriter, r *http.Request) bool {
					if lost(searches.Add(1)) {
						views++
						tr.losePIT(t, r)
					}
					return false
				})
				ids, sum := tr.ids(t, client, Query{}, Options{Order: order, Backoff: soon, PageBytes: 10_000})
				checkOnce(t, ids, all)
				checkOrder(t, ids, all, order)
				if sum.Views != views || name != "never" && views == 1 {
					t.Errorf("%d views of %d searches, want %d", sum.Views, searches.Load(), views)
				}
			})
		}
	}
}

// checkOnce wants every entry, and no id twice.
func checkOnce(t *testing.T, ids []string, want []entry) {
	t.Helper()
	times := map[string]int{}
	for _, id := range ids {
		if times[id]++; times[id] == 2 {
			t.Errorf("%s is there twice", id)
		}
	}
	for _, e := range want {
		if times[e.id] == 0 {
			t.Errorf("%s is missing", e.id)
		}
	}
}

func checkOrder(t *testing.T, ids []string, entries []entry, order Order) {
	t.Helper()
	at := map[string]time.Time{}
	for _, e := range entries {
		at[e.id] = e.at
	}
	for i := 1; i < len(ids); i++ {
		before, after := at[ids[i-1]], at[ids[i]]
		if order == NewestFirst {
			before, after = after, before
		}
		if after.Before(before) {
			t.Fatalf("%s stands before %s", ids[i-1], ids[i])
		}
	}
}

// Records that arrive during the export: within one point in time they change
// nothing; after a loss the new ones may be there, the old ones stay exact.
func TestRecordsArriveMeanwhile(t *testing.T) {
	for name, lose := range map[string]bool{"one view": false, "two views": true} {
		t.Run(name, func(t *testing.T) {
			tr := newTrail(t)
			all := bunches(1000)
			tr.index(t, all...)
			late := bunches(1000) // the same times
			for i := range late {
				late[i].id = "late-" + late[i].id
			}
			var searches atomic.Int32
			client := tr.behind(t, func(_ http.ResponseWriter, r *http.Request) bool {
				if searches.Add(1) == 10 {
					tr.index(t, late...)
					if lose {
						tr.losePIT(t, r)
					}
				}
				return false
			})
			ids, sum := tr.ids(t, client, Query{}, Options{Order: OldestFirst, Backoff: soon, PageBytes: 10_000})
			checkOnce(t, ids, all)
			checkOrder(t, ids, append(all, late...), OldestFirst)
			if grew := len(ids) > len(all); grew != lose || sum.Views != map[bool]int{false: 1, true: 2}[lose] {
				t.Errorf("%d records in %d views", len(ids), sum.Views)
			}
		})
	}
}

// Records that are gone when the view is opened again make the report fail: it
// would not be complete.
func TestRecordsDisappear(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, bunches(500)...)
	stream := tr.query(Query{}).Stream()
	tr.do(t, "POST", "/"+stream+"/_rollover", nil)
	newer := bunches(500)
	for i := range newer {
		newer[i].id, newer[i].at = "newer-"+newer[i].id, newer[i].at.Add(time.Hour)
	}
	tr.index(t, newer...)
	var searches atomic.Int32
	client := tr.behind(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if searches.Add(1) == 8 {
			tr.losePIT(t, r)
			tr.do(t, "DELETE", "/"+tr.oldestIndex(t), nil)
		}
		return false
	})
	_, err := Run(t.Context(), client, tr.query(Query{}), io.Discard, Options{Backoff: soon, PageBytes: 10_000})
	if err == nil || !strings.Contains(err.Error(), "500 records disappeared") {
		t.Errorf("got %v", err)
	}
}

func (tr *trail) oldestIndex(t *testing.T) string {
	t.Helper()
	var answer struct {
		DataStreams []struct {
			BackingIndices []string `json:"backing_indices"`
		} `json:"data_streams"`
	}
	if err := json.Unmarshal(tr.do(t, "GET", "/_resolve/index/"+tr.query(Query{}).Stream(), nil), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.DataStreams[0].BackingIndices[0]
}

// Answers that are worth another try cost nothing but time.
func TestPassingFaults(t *testing.T) {
	tr := newTrail(t)
	all := bunches(1000)
	tr.index(t, all...)
	status := func(code int) fault {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"error":{"type":"es_rejected_execution_exception"}}`) // the client may be gone
			return true
		}
	}
	for name, f := range map[string]fault{
		"408":                              status(408),
		"429":                              status(429),
		"500":                              status(500),
		"502":                              status(502),
		"503":                              status(503),
		"504":                              status(504),
		"connection cut before the answer": func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
		"connection cut in the answer": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"hits":`)
			panic(http.ErrAbortHandler)
		},
		"timed out": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			_, _ = io.WriteString(w, `{"timed_out":true,"hits":{"hits":[]}}`)
			return true
		},
		"a shard failed": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			_, _ = io.WriteString(w, `{"_shards":{"failed":1},"hits":{"hits":[]}}`)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			var searches atomic.Int32
			client := tr.behind(t, func(w http.ResponseWriter, r *http.Request) bool {
				return searches.Add(1)%4 != 0 && f(w, r) // three of four fail
			})
			ids, sum := tr.ids(t, client, Query{}, Options{Backoff: soon, PageBytes: 10_000})
			checkOnce(t, ids, all)
			if sum.Views != 1 {
				t.Errorf("%d views", sum.Views)
			}
		})
	}
}

// It gives up on a fault that stays, and says which.
func TestLastingFaults(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, bunches(1000)...)
	answer := func(code int, body string) fault {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		fault       fault
		unreachable bool
		says        string
	}{
		"busy":               {answer(429, "{}"), true, "429"},
		"cut":                {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, true, "EOF"},
		"refused":            {answer(403, `{"error":{"type":"security_exception"}}`), false, "again and again"},
		"bad request":        {answer(400, `{"error":{"type":"x_content_parse_exception"}}`), false, "x_content_parse_exception"},
		"a proxy's page":     {answer(200, "<html>"), false, "check the address"},
		"fewer than counted": {answer(200, `{"hits":{"total":{"value":7},"hits":[]}}`), false, "counted 7 records but gave"},
	} {
		t.Run(name, func(t *testing.T) {
			var searches atomic.Int32
			client := tr.behind(t, func(w http.ResponseWriter, r *http.Request) bool {
				return searches.Add(1) > 5 && c.fault(w, r)
			})
			_, err := Run(t.Context(), client, tr.query(Query{}), io.Discard, Options{Backoff: soon, PageBytes: 10_000})
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, peer.ErrUnreachable) != c.unreachable {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Pages are bounded by bytes, so that one with large records is asked for
// again in smaller parts, down to a single record of any size.
func TestLargeRecords(t *testing.T) {
	tr := newTrail(t)
	all := many(300, time.Millisecond)
	for i := range all {
		if i >= 100 && i < 120 {
			all[i].body = fmt.Sprintf(`{"certificate":%q}`, strings.Repeat("x", 400_000))
		}
	}
	tr.index(t, all...)
	var out bytes.Buffer
	sum, err := Run(t.Context(), tr.analyst, tr.query(Query{}), &out, Options{Format: NDJSON, Details: true, PageBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Rows != 300 || strings.Count(out.String(), strings.Repeat("x", 400_000)) != 20 {
		t.Errorf("%d rows, %d bytes", sum.Rows, sum.Bytes)
	}
}

// Elasticsearch is restarted in the middle: it is away for a while and has
// forgotten the point in time.
func TestElasticsearchRestarts(t *testing.T) {
	node := estest.Private(t, esnode.Options{})
	tr := newTrailOn(t, node)
	all := bunches(1000)
	tr.index(t, all...)
	var searches atomic.Int32
	restarted := make(chan error, 1)
	client := tr.behind(t, func(http.ResponseWriter, *http.Request) bool {
		if searches.Add(1) == 6 {
			if err := node.Kill(); err != nil {
				t.Error(err)
			}
			go func() { restarted <- node.Restart(context.WithoutCancel(t.Context())) }()
		}
		return false
	})
	ids, sum := tr.ids(t, client, Query{}, Options{PageBytes: 10_000})
	checkOnce(t, ids, all)
	checkOrder(t, ids, all, NewestFirst)
	if sum.Views < 2 {
		t.Errorf("%d views", sum.Views)
	}
	if err := <-restarted; err != nil {
		t.Error(err)
	}
}

// The right to read is taken away in the middle: it says which.
func TestRightIsWithdrawn(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, bunches(1000)...)
	role := "reader-" + tr.namespace
	if err := tr.node.PutRole(t.Context(), role, []byte(`{"indices":[{"names":["logs-api7.audit-*"],"privileges":["read"]}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := tr.node.CreateUser(t.Context(), tr.username, password, role); err != nil {
		t.Fatal(err)
	}
	var searches atomic.Int32
	client := tr.behind(t, func(http.ResponseWriter, *http.Request) bool {
		if searches.Add(1) == 6 {
			tr.do(t, "DELETE", "/_security/role/"+role, nil)
		}
		return false
	})
	_, err := Run(t.Context(), client, tr.query(Query{}), io.Discard, Options{Backoff: soon, PageBytes: 10_000})
	if err == nil || !strings.Contains(err.Error(), "index privilege read on logs-api7.audit-"+tr.namespace+" is missing") {
		t.Errorf("got %v", err)
	}
}
