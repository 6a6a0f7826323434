package api7sim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve asks a server that has a record of every operation.
func serve(t *testing.T, o Options, target string) *httptest.ResponseRecorder {
	t.Helper()
	store, g := &Store{}, NewGenerator(1)
	begin := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range 3 * len(g.operations) {
		store.Add(g.Next(begin.Add(time.Duration(i) * time.Minute)))
	}
	w := httptest.NewRecorder()
	NewServer(store, o).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// What the simulated gateway answers is what the specification says.
func TestAnswersKeepTheContract(t *testing.T) {
	contract := Published()
	for _, target := range []string{
		"/api/audit_logs", "/api/audit_logs?page=2&page_size=1000&direction=asc&order_by=event_time",
		"/api/audit_logs?start_at=1795176000&end_at=1795179600&event_type=Login", "/api/audit_logs?operator_id=nobody",
		"/api/audit_logs/event_types", "/api/audit_logs/export?format=json", "/api/audit_logs/export?format=csv",
	} {
		t.Run(target, func(t *testing.T) {
			w := serve(t, Options{}, target)
			path, _, _ := strings.Cut(target, "?")
			if err := contract.CheckAnswer(path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A check that finds nothing proves nothing: it finds what departs.
func TestDeparturesFromTheContractAreFound(t *testing.T) {
	contract := Published()
	for target, want := range map[string]string{
		"/api/audit_logs?since=1":              "no such parameter: since",
		"/api/audit_logs?page=0":               "is less than 1",
		"/api/audit_logs?page=one":             "is not an integer",
		"/api/audit_logs?page=1&page=2":        "stands twice",
		"/api/audit_logs?direction=up":         "is none of [asc desc]",
		"/api/audit_logs?order_by=id":          "is none of [event_time]",
		"/api/audit_logs?start_at=2026-11-20T": "is not an integer",
		"/api/audit_log":                       "no such path",
	} {
		t.Run(target, func(t *testing.T) {
			err := contract.CheckRequest(httptest.NewRequest(http.MethodGet, target, nil))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, not %q", err, want)
			}
			if w := serve(t, Options{}, target); w.Code != http.StatusBadRequest {
				t.Errorf("the gateway answers %d", w.Code)
			}
		})
	}
	if err := contract.CheckRequest(httptest.NewRequest(http.MethodPost, "/api/audit_logs", nil)); err == nil {
		t.Error("a POST is taken")
	}
	for body, want := range map[string]string{
		`{"total":1,"list":{}}`:            "body.list is no array",
		`{"total":-1}`:                     "is less than 0",
		`{"total":"1"}`:                    "is no integer",
		`{"list":[{"id":7}]}`:              "body.list[0].id is no string",
		`{"list":[{"http_request":null}]}`: "http_request is no object",
		`{"list":[{"source":"fax"}]}`:      "is none of",
		`{"list":[]} {}`:                   "something follows",
		`[]`:                               "body is no object",
		`<html>`:                           "body:",
		`{"list":[{"event_time":"2026-11-20T12"}]}`: "is no integer",
	} {
		t.Run(body, func(t *testing.T) {
			err := contract.CheckAnswer("/api/audit_logs", 200, http.Header{"Content-Type": {"application/json"}}, []byte(body))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, not %q", err, want)
			}
		})
	}
	if err := contract.CheckAnswer("/api/audit_logs", 200, http.Header{"Content-Type": {"text/html"}}, []byte(`{}`)); err == nil {
		t.Error("any content type is taken")
	}
	if err := contract.CheckAnswer("/api/audit_logs", 404, http.Header{}, nil); err == nil {
		t.Error("any status is taken")
	}
}

// A specification with something that is not checked is refused.
func TestASpecificationThatIsNotUnderstood(t *testing.T) {
	text := strings.Replace(string(specification), `"minimum": 1`, `"multipleOf": 1`, 1)
	if _, err := parseContract([]byte(text)); err == nil {
		t.Error("multipleOf is silently left out")
	}
}

// The gateway takes times as its options say.
func TestWindowsOfTime(t *testing.T) {
	store := &Store{}
	begin := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i := range 4 {
		store.AddText(begin.Add(time.Duration(i)*time.Second), fmt.Sprint(i), fmt.Appendf(nil, `{"id":"%d"}`, i))
	}
	for name, c := range map[string]struct {
		o    Options
		unit int64
		want string
	}{
		"both included":  {Options{}, 1, `{"total":2,"list":[{"id":"1"},{"id":"2"}]}`},
		"start excluded": {Options{ExclusiveStart: true}, 1, `{"total":1,"list":[{"id":"2"}]}`},
		"end excluded":   {Options{ExclusiveEnd: true}, 1, `{"total":1,"list":[{"id":"1"}]}`},
		"milliseconds":   {Options{Milliseconds: true}, 1000, `{"total":2,"list":[{"id":"1"},{"id":"2"}]}`},
		"another total":  {Options{Total: func(n int) int { return n + 5 }}, 1, `{"total":7,"list":[{"id":"1"},{"id":"2"}]}`},
		"newest first":   {Options{NewestFirst: true}, 1, `{"total":2,"list":[{"id":"2"},{"id":"1"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			at := begin.Unix() * c.unit
			target := fmt.Sprintf("/api/audit_logs?direction=asc&start_at=%d&end_at=%d", at+c.unit, at+2*c.unit)
			NewServer(store, c.o).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
			if w.Body.String() != c.want {
				t.Errorf("%s, not %s", w.Body, c.want)
			}
		})
	}
}
