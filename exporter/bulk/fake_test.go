package bulk

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

const testStream = "logs-api7.audit-test"

// fake is a stream of Elasticsearch with a network in front of it, both of
// which fail as a test says. It keeps to what was seen on 8.19.9: create is
// unique within the write index alone.
type fake struct {
	mu      sync.Mutex
	indices []*fakeIndex
	clock   int64 // creation date of the next index, ms

	// What goes wrong. Each is asked with the lock held, so a test may use its
	// own variables freely; nil means nothing does.
	onBulk func(n int, ids []string) fault  // n counts requests from 0
	onItem func(id string, n int) itemFault // n counts tries of the id from 0
	onGet  func(n int, path string) fault   // any request but bulk

	// What was seen.
	bulks, gets, mgets int
	tries              map[string]int // of each id
	bodies             []int          // documents of each bulk request
	arrived            []time.Time    // of each bulk request
	paths              []string
}

type fakeIndex struct {
	name    string
	created int64
	docs    map[string]string
}

// fault is what happens to one request.
type fault struct {
	status int         // answered instead of doing anything
	header http.Header // with status
	body   string      // with status; default an error of that status
	abort  bool        // the connection breaks before the request is done
	done   func(answer []byte) []byte
	// done rewrites the answer after the request was done; nil bytes break the
	// connection instead.
	rollBefore, rollAfter bool // the stream rolls over
}

// itemFault is what happens to one item.
type itemFault struct {
	status       int // 0: nothing
	cause        string
	done         bool // the document is created all the same
	failureStore bool
	onStream     bool // _index is the stream's name
}

func newFake() *fake {
	return &fake{tries: map[string]int{}, clock: 1_700_000_000_000}
}

// serve starts the fake and makes a client for it.
func (f *fake) serve(tb testing.TB) *exporter.Client {
	tb.Helper()
	server := httptest.NewServer(f)
	tb.Cleanup(server.Close)
	c, err := exporter.New(exporter.Config{Addresses: []string{server.URL}, Timeout: 20 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// roll rolls the stream over, or makes it.
func (f *fake) roll() {
	f.clock += 1000
	n := len(f.indices) + 1
	f.indices = append(f.indices, &fakeIndex{
		name:    fmt.Sprintf(".ds-%s-2026.01.01-%06d", testStream, n),
		created: f.clock,
		docs:    map[string]string{},
	})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	status, header, answer := f.handle(r.URL.Path, body)
	f.mu.Unlock()
	if answer == nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a client that is gone is the client's affair
}

func (f *fake) handle(path string, body []byte) (int, http.Header, []byte) {
	f.paths = append(f.paths, path)
	var ft fault
	var do func() (int, any)
	if strings.HasSuffix(path, "/_bulk") {
		ids, sources := readBulk(body)
		if f.onBulk != nil {
			ft = f.onBulk(f.bulks, ids)
		}
		f.bulks++
		f.bodies = append(f.bodies, len(ids))
		f.arrived = append(f.arrived, time.Now())
		for _, id := range ids {
			f.tries[id]++
		}
		do = func() (int, any) { return 200, f.bulk(ids, sources) }
	} else {
		if f.onGet != nil {
			ft = f.onGet(f.gets, path)
		}
		f.gets++
		do = func() (int, any) { return f.get(path, body) }
	}
	return f.suffer(ft, do)
}

// suffer does what was asked, as far as the fault lets it.
func (f *fake) suffer(ft fault, do func() (int, any)) (int, http.Header, []byte) {
	if ft.rollBefore {
		f.roll()
	}
	if ft.abort {
		return 0, nil, nil
	}
	if ft.status != 0 {
		if ft.body == "" {
			ft.body = fmt.Sprintf(`{"error":{"type":"fault","reason":"secret"},"status":%d}`, ft.status)
		}
		return ft.status, ft.header, []byte(ft.body)
	}
	status, answer := do()
	if ft.rollAfter {
		f.roll()
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err) // a mistake of this file
	}
	if ft.done != nil {
		b = ft.done(b)
	}
	return status, nil, b
}

func readBulk(body []byte) (ids, sources []string) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			} `json:"create"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil || action.Create.ID == "" {
			panic("the body is broken at " + lines.Text())
		}
		lines.Scan()
		ids, sources = append(ids, action.Create.ID), append(sources, lines.Text())
	}
	return ids, sources
}

func (f *fake) bulk(ids, sources []string) any {
	if len(f.indices) == 0 {
		f.roll() // auto_configure
	}
	w := f.indices[len(f.indices)-1]
	var items []any
	errs := false
	for i, id := range ids {
		var ft itemFault
		if f.onItem != nil {
			ft = f.onItem(id, f.tries[id]-1)
		}
		it := f.create(w, id, sources[i], ft)
		if _, bad := it["error"]; bad {
			errs = true
		}
		items = append(items, map[string]any{"create": it})
	}
	return map[string]any{"errors": errs, "items": items}
}

func (f *fake) create(w *fakeIndex, id, source string, ft itemFault) map[string]any {
	it := map[string]any{"_index": w.name, "status": 201}
	if ft.onStream {
		it["_index"] = testStream
	}
	_, there := w.docs[id]
	if ft.status == 0 || ft.done {
		if !there && !ft.failureStore {
			w.docs[id] = source
		}
	}
	if ft.failureStore {
		it["_index"], it["failure_store"] = ".fs-"+testStream+"-000001", "used"
	}
	switch {
	case ft.status != 0:
		it["status"] = ft.status
		if ft.status >= 300 {
			it["error"] = json.RawMessage(causeOf(ft))
		}
	case there && !ft.failureStore:
		it["status"] = 409
		it["error"] = map[string]any{"type": "version_conflict_engine_exception", "reason": "[" + id + "]: version conflict"}
	}
	return it
}

func causeOf(ft itemFault) string {
	if ft.cause != "" {
		return ft.cause
	}
	types := map[int]string{
		400: "document_parsing_exception", 403: "security_exception", 404: "index_not_found_exception",
		409: "version_conflict_engine_exception", 429: "es_rejected_execution_exception", 503: "unavailable_shards_exception",
	}
	t := types[ft.status]
	if t == "" {
		t = "some_exception"
	}
	return fmt.Sprintf(`{"type":%q,"reason":"[1:2] failed to parse field [a.b] of type [long]. Preview of field's value: 'secret'"}`, t)
}

func (f *fake) get(path string, body []byte) (int, any) {
	gone := map[string]any{"error": map[string]any{"type": "index_not_found_exception"}, "status": 404}
	if strings.HasSuffix(path, "/_mget") {
		f.mgets++
		return f.mget(strings.Split(path, "/")[1], body)
	}
	if len(f.indices) == 0 {
		return 404, gone
	}
	var names []string
	settings := map[string]any{}
	for _, x := range f.indices {
		names = append(names, x.name)
		settings[x.name] = map[string]any{"settings": map[string]any{"index": map[string]any{"creation_date": fmt.Sprint(x.created)}}}
	}
	if strings.Contains(path, "/_settings/") {
		return 200, settings
	}
	return 200, map[string]any{"data_streams": []any{map[string]any{"name": testStream, "backing_indices": names}}}
}

func (f *fake) mget(name string, body []byte) (int, any) {
	var q struct{ IDs []string }
	if err := json.Unmarshal(body, &q); err != nil {
		panic(err)
	}
	docs := []any{}
	for _, id := range q.IDs {
		d := map[string]any{"error": map[string]any{"type": "index_not_found_exception"}}
		for _, x := range f.indices {
			if x.name == name {
				_, there := x.docs[id]
				d = map[string]any{"found": there}
			}
		}
		docs = append(docs, d)
	}
	return 200, map[string]any{"docs": docs}
}

// stored counts in how many indices each id is.
func (f *fake) stored() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := map[string]int{}
	for _, x := range f.indices {
		for id := range x.docs {
			n[id]++
		}
	}
	return n
}

// quick is a configuration that does not make tests wait.
func quick() Config {
	return Config{Stream: testStream, Gzip: true, Backoff: peer.Backoff{Min: time.Microsecond, Max: 200 * time.Microsecond, AskedMax: 10 * time.Millisecond}, Settle: time.Millisecond}
}

// documents makes n documents of now, with ids that tell their number.
func documents(n int) []Document {
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = document(i, time.Now().UnixMilli())
	}
	return docs
}

func document(i int, at int64) Document {
	d := Document{Time: at, Source: fmt.Appendf(nil, `{"@timestamp":%d,"n":%d}`, at, i)}
	copy(d.ID[:], fmt.Sprintf("document-%013d", i))
	return d
}

func idOf(i int) string { return fmt.Sprintf("document-%013d", i) }

// ledger collects verdicts and fails the test when a document gets two.
type ledger struct {
	tb       rapid.TB
	verdicts map[int]Verdict
}

func newLedger(tb rapid.TB) *ledger { return &ledger{tb, map[int]Verdict{}} }

func (l *ledger) take(i int, v Verdict) error {
	if old, twice := l.verdicts[i]; twice {
		l.tb.Errorf("document %d got two verdicts: %v, then %v", i, old, v)
	}
	l.verdicts[i] = v
	return nil
}

func (l *ledger) kinds() map[Kind]int {
	n := map[Kind]int{}
	for _, v := range l.verdicts {
		n[v.Kind]++
	}
	return n
}

// mustSend sends within a time that no test needs.
func mustSend(tb rapid.TB, s *Sender, docs []Document) *ledger {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l := newLedger(tb)
	if err := s.Send(ctx, docs, l.take); err != nil {
		tb.Fatalf("send: %v", err)
	}
	if len(l.verdicts) != len(docs) {
		tb.Fatalf("%d of %d documents got a verdict", len(l.verdicts), len(docs))
	}
	return l
}

// replace makes f what fresh is.
func (f *fake) replace(fresh *fake) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.indices, f.clock, f.tries = fresh.indices, fresh.clock, fresh.tries
	f.onBulk, f.onItem, f.onGet = fresh.onBulk, fresh.onItem, fresh.onGet
	f.bulks, f.gets, f.mgets, f.bodies, f.arrived, f.paths = 0, 0, 0, nil, nil, nil
}

// mustHoldOnce fails the test unless documents 0 to n-1 are there, each once.
func (f *fake) mustHoldOnce(tb rapid.TB, n int) {
	tb.Helper()
	stored := f.stored()
	for i := range n {
		if stored[idOf(i)] != 1 {
			tb.Errorf("document %d is there %d times", i, stored[idOf(i)])
		}
	}
	if len(stored) != n {
		tb.Errorf("%d documents are there, want %d", len(stored), n)
	}
}
