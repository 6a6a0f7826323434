package reconcile

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/report"
)

// examples are a comparison with everything in it.
func examples() ([]Difference, []Summary) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	text := func(s string) *string { return &s }
	long := strings.Repeat("x", 200)
	differences := []Difference{
		{Kind: Missing, Gateway: "prod", Time: at, DocumentID: "AAAAAAAAAAAAAAAAAAAAAA", EventID: "r-1", EventType: "AddService", Operator: "Ops"},
		{Kind: Missing, Gateway: "prod", Time: at.Add(time.Millisecond), DocumentID: "BBBBBBBBBBBBBBBBBBBBBB", EventID: "r-2", Repaired: true},
		{Kind: Missing, Gateway: "prod", Time: at.Add(time.Second), DocumentID: "CCCCCCCCCCCCCCCCCCCCCC", Refused: "document_parsing_exception"},
		{Kind: Altered, Gateway: "prod", Time: at.Add(time.Minute), DocumentID: "DDDDDDDDDDDDDDDDDDDDDD", EventID: "r-\x1b[2J4", EventType: "Login",
			Operator: "Eve\nr-5, AddService by Ops", Indices: []string{"a"}, Fields: []Change{{"user.name", text("Ops"), text("Eve\n")}, {"user.email", nil, text(long)}}},
		{Kind: Unexpected, Gateway: "prod", Time: at.Add(time.Hour), DocumentID: "made-up", EventID: "r-6", Indices: []string{".ds-logs-1"}},
		{Kind: Twice, Gateway: "prod", Time: at.Add(2 * time.Hour), DocumentID: "EEEEEEEEEEEEEEEEEEEEEE", EventID: "r-7", Indices: []string{".ds-logs-1", ".ds-logs-2"}},
	}
	s := Summary{
		Gateway: "prod", Input: "dashboard", Stream: "logs-api7.audit-default", From: at, To: at.AddDate(0, 0, 1), Until: at.AddDate(0, 0, 1),
		Records: 1000, Documents: 999, Rejected: 1, Dropped: 2, Forgotten: 3, WithoutID: 4,
		Compared: []string{"@timestamp", "user.name"}, Masked: []string{"error.message"},
	}
	for _, d := range differences {
		s.count(d)
	}
	return differences, []Summary{s, {Gateway: "test", Input: "second", Stream: s.Stream, From: at, To: at, Until: at, Compared: []string{"@timestamp"}, Masked: []string{}}}
}

func TestFormats(t *testing.T) {
	for name, make := range map[string]func(*bytes.Buffer) Writer{
		"table.golden": func(b *bytes.Buffer) Writer { return NewTable(b, time.FixedZone("CET", 3600)) },
		"json.golden":  func(b *bytes.Buffer) Writer { return NewJSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := make(&b)
			differences, summaries := examples()
			for _, d := range differences {
				if err := w.Found(d); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.End(summaries, true); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestJSONIsJSON(t *testing.T) {
	differences, summaries := examples()
	for name, some := range map[string][]Difference{"with differences": differences, "without": nil} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := NewJSON(&b)
			for _, d := range some {
				if err := w.Found(d); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.End(summaries, false); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Differences []Difference
				Gateways    []Summary
				Complete    bool
				Differs     bool
			}
			if err := json.Unmarshal(b.Bytes(), &got); err != nil || len(got.Differences) != len(some) || len(got.Gateways) != 2 || got.Complete || !got.Differs {
				t.Errorf("%v: %s", err, b.String())
			}
		})
	}
}

func TestValuesOfDocuments(t *testing.T) {
	c := &comparison{masked: make([]bool, len(fields))}
	for name, x := range map[string]struct {
		a, b string
		want string
	}{
		"the same":                {`{"user":{"name":"\u0041"}}`, `{"user.name":"A"}`, ""},
		"another":                 {`{"user":{"name":"A"}}`, `{"user":{"name":"B"}}`, "user.name"},
		"none":                    {`{"user":{"name":"A"}}`, `{"user":{"name":null}}`, "user.name"},
		"empty is a value":        {`{"user":{"name":""}}`, `{}`, "user.name"},
		"a number":                {`{"http":{"response":{"status_code":200}}}`, `{"http":{"response":{"status_code":404}}}`, "http.response.status_code"},
		"what is not on the list": {`{"tags":["a"],"api7":{"audit":{"request":{"body":{"x":1}}}}}`, `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, f := range c.changes(valuesOf(report.NewDocument([]byte(x.a))), valuesOf(report.NewDocument([]byte(x.b)))) {
				got += f.Field
			}
			if got != x.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func FuzzValues(f *testing.F) {
	f.Add([]byte(`{"event":{"id":"a"},"user.name":"","http":{"response":{"status_code":200}},"source":{"address":null}}`))
	f.Add([]byte(`{"error":{"message":"\u0000\ud800"}}`))
	f.Fuzz(func(t *testing.T, source []byte) {
		if !json.Valid(source) {
			return // Elasticsearch gives JSON
		}
		d := report.NewDocument(source)
		for i, got := range valuesOf(d).list() {
			want, present := d.Text(fields[i].name)
			if present != (got != nil) || present && *got != want {
				t.Errorf("%s is %v, not %q", fields[i].name, got, want)
			}
		}
	})
}
