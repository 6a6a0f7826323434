package report

import (
	"errors"
	"fmt"
	"testing"
)

func TestScan(t *testing.T) {
	tr := newTrail(t)
	if err := Scan(t.Context(), tr.analyst, tr.query(Query{}), []string{"user.name"}, func(Hit) error { return nil }); !errors.Is(err, ErrNoStream) {
		t.Errorf("before there is a stream: %v", err)
	}
	tr.index(t, history()...)
	tr.do(t, "PUT", "/"+tr.query(Query{}).Stream()+"/_create/named?refresh=true",
		[]byte(`{"@timestamp":"2026-11-20T12:00:00.001Z","observer":{"name":"prod"},"tags":["a","b"],"user":{"name":null},"http":{"response":{"status_code":200}}}`))
	scan := func(q Query) (got []string) {
		err := Scan(t.Context(), tr.analyst, tr.query(q), []string{"user.name", "http.response.status_code"}, func(h Hit) error {
			name, named := h.Text("user.name")
			status, _ := h.Text("http.response.status_code")
			if _, unasked := h.Text("tags"); unasked || h.Index == "" || h.Time.IsZero() {
				t.Errorf("%s is in %q at %v", h.ID, h.Index, h.Time)
			}
			got = append(got, fmt.Sprintf("%s %s %v %s", h.ID, name, named, status))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got, want := scan(Query{From: noon.Add(-2 * day)}), []string{"add-httpbin Ops true ", "login-ops Ops true ", "named  false 200"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, not %q", got, want)
	}
	for name, q := range map[string]Query{"by observer": {Observers: []string{"prod", "test"}}, "by tag": {Tags: []string{"b"}}} {
		if got := scan(q); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := scan(Query{Observers: []string{"pro"}}); len(got) != 0 {
		t.Errorf("part of a name: %q", got)
	}
	enough := errors.New("enough")
	if err := Scan(t.Context(), tr.analyst, tr.query(Query{}), []string{"user.name"}, func(Hit) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of hand: %v", err)
	}
}
