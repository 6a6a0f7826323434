package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// searchCase is a file of testdata/query: a question and the search that it
// becomes.
type searchCase struct {
	Query    json.RawMessage `json:"query"`
	Order    Order           `json:"order,omitempty"`
	Columns  []string        `json:"columns,omitempty"`
	Details  bool            `json:"details,omitempty"`
	Resume   *resume         `json:"resume,omitempty"`
	Expected any             `json:"search"`
}

// resume is a pager's place in the middle of a report.
type resume struct {
	Handed int64   `json:"handed"`
	Last   int64   `json:"last"`
	After  []int64 `json:"after,omitempty"`
}

func TestSearch(t *testing.T) {
	files, err := filepath.Glob("testdata/query/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c searchCase
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			if err := d.Decode(&c); err != nil {
				t.Fatal(err)
			}
			c.Expected = searchOf(t, c)
			got := indented(t, c)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got, text) {
				t.Errorf("got\n%s\nwant\n%s", got, text)
			}
		})
	}
}

func searchOf(t *testing.T, c searchCase) any {
	t.Helper()
	opts, err := Options{Order: c.Order, Columns: c.Columns, Details: c.Details}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	columns, err := opts.selectColumns()
	if err != nil {
		t.Fatal(err)
	}
	var q Query
	if err := errors.Join(json.Unmarshal(c.Query, &q), q.Validate()); err != nil {
		t.Fatal(err)
	}
	p := newPager(nil, q, columns, opts)
	p.pit, p.views = "PIT", 1
	p.asked = p.ask()
	if c.Resume != nil {
		p.handed, p.last, p.after = c.Resume.Handed, c.Resume.Last, c.Resume.After
	}
	return p.search()
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestQueriesThatMakeNoSense(t *testing.T) {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"namespace with wildcard": {Query{Namespace: "*"}, "namespace"},
		"namespace with dash":     {Query{Namespace: "a-b"}, "namespace"},
		"namespace with comma":    {Query{Namespace: "a,b"}, "namespace"},
		"namespace with slash":    {Query{Namespace: "a/_search"}, "namespace"},
		"host name as ip":         {Query{IPs: []string{"gateway.internal"}}, "ip"},
		"ip range":                {Query{IPs: []string{"10.0.0.1-10.0.0.9"}}, "ip"},
		"prefix too long":         {Query{IPs: []string{"10.0.0.0/33"}}, "ip"},
		"zone":                    {Query{IPs: []string{"fe80::1%eth0"}}, "ip"},
		"unknown outcome":         {Query{Outcomes: []string{"ok"}}, "outcome"},
		"from after to":           {Query{From: at.Add(time.Second), To: at}, "from"},
		"from equals to":          {Query{From: at, To: at}, "from"},
	} {
		t.Run(name, func(t *testing.T) {
			var misuse *UsageError
			if err := c.query.Validate(); !errors.As(err, &misuse) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"format":              {Options{Format: "xlsx"}, "must be one of csv, json, ndjson, table"},
		"order":               {Options{Order: "up"}, "must be asc or desc"},
		"limit":               {Options{Limit: -1}, "negative"},
		"unknown column":      {Options{Columns: []string{"operatr"}}, "must be a field such as user.name or one of time, operator, event,"},
		"empty column":        {Options{Columns: []string{""}}, "column"},
		"wildcard column":     {Options{Columns: []string{"user.*"}}, "column"},
		"column twice":        {Options{Columns: []string{"time", "Time"}}, "twice"},
		"columns and details": {Options{Columns: []string{"time"}, Details: true}, "exclude"},
	} {
		t.Run(name, func(t *testing.T) {
			var misuse *UsageError
			_, err := Run(t.Context(), nil, Query{}, &bytes.Buffer{}, c.opts)
			if !errors.As(err, &misuse) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What is found never begins before From: @timestamp has milliseconds.
func TestBoundsBetweenMilliseconds(t *testing.T) {
	at := time.Date(2026, 11, 20, 1, 2, 3, 4_000_001, time.FixedZone("", 3600))
	if got, want := timestamp(at), "2026-11-20T00:02:03.005Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := timestamp(at.Add(-1)), "2026-11-20T00:02:03.004Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
