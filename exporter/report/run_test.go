package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	httpbin = "fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae"
	orders  = "0b1c2d3e-0000-4000-8000-000000000001"
	day     = 24 * time.Hour
)

// history is what the stories are about, newest first.
func history() []entry {
	return []entry{
		{id: "login-ops", at: noon, event: "Login", action: "login", operator: "Ops", operatorID: "u-7", email: "ops@example.com", source: "dashboard", ip: "203.0.113.7", address: "203.0.113.7", outcome: "success"},
		{id: "add-httpbin", at: noon.Add(-2 * day), event: "Add Service", action: "add_service", operator: "Ops", operatorID: "u-7", email: "ops@example.com", resourceID: httpbin, resourceName: "httpbin", source: "dashboard", ip: "203.0.113.7", address: "203.0.113.7", outcome: "success", body: `{"name":"httpbin","plugins":{"key-auth":{"key":"***"}}}`},
		{id: "update-httpbin", at: noon.Add(-3 * day), event: "Update Service", action: "update_service", operator: "Dev", operatorID: "u-8", email: "dev@example.com", resourceID: httpbin, resourceName: "httpbin", source: "adc", ip: "10.1.2.3", address: "10.1.2.3", outcome: "failure"},
		{id: "add-orders", at: noon.Add(-8 * day), event: "Add Service", action: "add_service", operator: "Ops", operatorID: "u-7", email: "ops@example.com", resourceID: orders, resourceName: "orders", source: "api", ip: "2001:db8::7", address: "2001:db8::7", outcome: "success"},
		{id: "read-httpbin", at: noon.Add(-9 * day), event: "Token Authorisation", action: "token_authz", operator: "ops", operatorID: "u-9", resourceID: httpbin, resourceName: "httpbin", source: "api", address: "gateway.internal", outcome: "success"},
		{id: "add-old", at: noon.Add(-40 * day), event: "Add Service", action: "add_service", operator: "Ops", operatorID: "u-7", email: "ops@example.com", resourceID: "old", resourceName: "httpbin-old", source: "dashboard", ip: "203.0.113.8", address: "203.0.113.8", outcome: "unknown"},
	}
}

func TestFiltersFindExactly(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, history()...)
	for name, c := range map[string]struct {
		query Query
		want  []string
	}{
		"everything":             {Query{}, []string{"login-ops", "add-httpbin", "update-httpbin", "add-orders", "read-httpbin", "add-old"}},
		"event by its name":      {Query{Events: []string{"Add Service"}}, []string{"add-httpbin", "add-orders", "add-old"}},
		"event by its type":      {Query{Events: []string{"add_service"}}, []string{"add-httpbin", "add-orders", "add-old"}},
		"either event":           {Query{Events: []string{"Login", "update_service"}}, []string{"login-ops", "update-httpbin"}},
		"part of an event":       {Query{Events: []string{"Add"}}, []string{}},
		"operator by name":       {Query{Operators: []string{"ops"}}, []string{"read-httpbin"}},
		"operator by id":         {Query{Operators: []string{"u-8"}}, []string{"update-httpbin"}},
		"operator by e-mail":     {Query{Operators: []string{"dev@example.com", "u-9"}}, []string{"update-httpbin", "read-httpbin"}},
		"resource by id":         {Query{ResourceIDs: []string{httpbin}}, []string{"add-httpbin", "update-httpbin", "read-httpbin"}},
		"resource by either":     {Query{Resources: []string{"httpbin", orders}}, []string{"add-httpbin", "update-httpbin", "add-orders", "read-httpbin"}},
		"resource by name":       {Query{ResourceNames: []string{"httpbin"}}, []string{"add-httpbin", "update-httpbin", "read-httpbin"}},
		"source":                 {Query{Sources: []string{"adc", "api"}}, []string{"update-httpbin", "add-orders", "read-httpbin"}},
		"address":                {Query{IPs: []string{"203.0.113.7"}}, []string{"login-ops", "add-httpbin"}},
		"network":                {Query{IPs: []string{"203.0.113.0/24"}}, []string{"login-ops", "add-httpbin", "add-old"}},
		"network of either kind": {Query{IPs: []string{"2001:db8::/32", "10.0.0.0/8"}}, []string{"update-httpbin", "add-orders"}},
		"outcome":                {Query{Outcomes: []string{"failure", "unknown"}}, []string{"update-httpbin", "add-old"}},
		"from is included":       {Query{From: noon.Add(-2 * day)}, []string{"login-ops", "add-httpbin"}},
		"to is not":              {Query{From: noon.Add(-3 * day), To: noon.Add(-2 * day)}, []string{"update-httpbin"}},
		"all have to match":      {Query{Operators: []string{"Ops"}, Sources: []string{"api"}, From: noon.Add(-30 * day)}, []string{"add-orders"}},
		"nothing":                {Query{Operators: []string{"nobody"}}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := tr.ids(t, tr.analyst, c.query, Options{})
			if !slices.Equal(got, c.want) {
				t.Errorf("newest first: got %q, want %q", got, c.want)
			}
			got, _ = tr.ids(t, tr.analyst, c.query, Options{Order: OldestFirst})
			slices.Reverse(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("oldest first, reversed: got %q, want %q", got, c.want)
			}
		})
	}
}

// Story 1: all "Add Service" operations by operator Ops in the last 30 days,
// with details, exported to JSON and CSV.
func TestStoryOfAnOperator(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, history()...)
	story := tr.query(Query{Events: []string{"Add Service"}, Operators: []string{"Ops"}, From: noon.Add(-30 * day)})

	var asJSON bytes.Buffer
	if _, err := Run(t.Context(), tr.analyst, story, &asJSON, Options{Format: JSON, Details: true}); err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(asJSON.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	for _, e := range []entry{history()[1], history()[3]} {
		text, err := json.Marshal(e.document())
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		want = append(want, doc)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	var asCSV bytes.Buffer
	if _, err := Run(t.Context(), tr.analyst, story, &asCSV, Options{Details: true}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&asCSV).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || len(rows[0]) != len(DetailColumns()) {
		t.Fatalf("rows: %q", rows)
	}
	body := slices.Index(rows[0], "Request Body")
	if first := rows[1]; first[2] != "Add Service" || first[4] != "httpbin" || first[body] != `{"name":"httpbin","plugins":{"key-auth":{"key":"***"}}}` {
		t.Errorf("first row: %q", first)
	}
}

// Story 2: everything done to the service httpbin in the last 7 days, with
// details, exported.
func TestStoryOfAResource(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, history()...)
	story := tr.query(Query{ResourceIDs: []string{httpbin}, From: noon.Add(-7 * day)})
	for format, want := range map[Format][]string{
		CSV:    {",Ops,Add Service," + httpbin + ",httpbin,203.0.113.7,dashboard,success,", ",Dev,Update Service," + httpbin + ",httpbin,10.1.2.3,adc,failure,"},
		JSON:   {`"name":"Ops"`, `"name":"Dev"`},
		NDJSON: {`"name":"Ops"`, `"name":"Dev"`},
		Table:  {"── 2026-11-18T12:00:00.000Z · Add Service · Ops · success ", "── 2026-11-17T12:00:00.000Z · Update Service · Dev · failure "},
	} {
		t.Run(string(format), func(t *testing.T) {
			var out bytes.Buffer
			sum, err := Run(t.Context(), tr.analyst, story, &out, Options{Format: format, Details: true})
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for _, text := range want {
				i := strings.Index(out.String()[at:], text)
				if i < 0 {
					t.Fatalf("%q is missing after byte %d of\n%s", text, at, out.String())
				}
				at += i
			}
			if sum.Rows != 2 || strings.Contains(out.String(), "Token Authorisation") {
				t.Errorf("%d rows:\n%s", sum.Rows, out.String())
			}
		})
	}
}

// many are n records, a step of time apart.
func many(n int, step time.Duration) []entry { return manyFrom(0, n, step) }

func manyFrom(first, n int, step time.Duration) []entry {
	entries := make([]entry, n)
	for k := range entries {
		i := first + k
		entries[k] = entry{
			id: fmt.Sprintf("%022d", i), at: noon.Add(time.Duration(i) * step), event: "Update Route", action: "update_route",
			operator: fmt.Sprintf("Ops %d", i%60), resourceID: fmt.Sprintf("r-%d", i%977), resourceName: "httpbin",
			source: []string{"dashboard", "api", "adc"}[i%3], ip: "203.0.113.7", address: "203.0.113.7", outcome: "success",
		}
	}
	return entries
}

// R21: as many rows as Elasticsearch counts, each once and in order, in a file under
// a hash that sha256sum confirms, with flat memory, fixed columns, times in UTC and
// no cell that a spreadsheet runs. BenchmarkMillion does it with a million records.
func TestR21FiftyThousandRecords(t *testing.T) {
	tr := newTrail(t)
	const n = 50_000
	entries := many(n, time.Second/20) // 20 to the second
	for i, bad := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"} {
		for k := i; k < n; k += 100 {
			entries[k].resourceName = bad
		}
	}
	tr.index(t, entries...)
	tests := map[string]struct {
		query Query
		count string // by hand
		n     int
	}{
		"all": {Query{From: noon}, `{"match_all":{}}`, n},
		"filtered": {
			Query{Events: []string{"Update Route", "Login"}, Operators: []string{"Ops 3", "Ops 4"}, ResourceNames: []string{"=1+1", "httpbin"}, Sources: []string{"dashboard", "api"}, To: noon.Add(1000 * time.Second)},
			`{"bool":{"filter":[{"terms":{"user.name":["Ops 3","Ops 4"]}},{"terms":{"api7.audit.resource.name":["=1+1","httpbin"]}},{"terms":{"api7.audit.source":["dashboard","api"]}},{"range":{"@timestamp":{"lt":"2026-11-20T12:16:40Z"}}}]}}`, 0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.csv")
			sum, live := tr.exportFile(t, path, tt.query)
			counted := tr.count(t, tt.count)
			if sum.Rows != counted || sum.Rows == 0 || sum.Views != 1 || tt.n > 0 && sum.Rows != int64(tt.n) {
				t.Errorf("summary %+v; Elasticsearch counts %d", sum, counted)
			}
			if live > 12<<20 {
				t.Errorf("%d MiB of memory", live>>20)
			}
			rows := readRows(t, path, sum)
			if got := strings.Join(rows[0], ","); got != "Time,Operator,Event,Resource ID,Resource Name,IP Address,Source" {
				t.Errorf("columns %s", got)
			}
			checkSeries(t, rows[1:], tt.n)
			check := exec.Command("sha256sum", "--check", "--strict", "audit.csv"+TrailerSuffix)
			check.Dir = filepath.Dir(path)
			if out, err := check.CombinedOutput(); err != nil || string(out) != "audit.csv: OK\n" {
				t.Errorf("sha256sum: %v\n%s", err, out)
			}
			trailer, err := os.ReadFile(path + TrailerSuffix)
			if err != nil || !strings.Contains(string(trailer), fmt.Sprint(sum.Rows)) {
				t.Errorf("no count in the trailer: %s %v", trailer, err)
			}
		})
	}
}

// exportFile exports to a file as CSV, oldest first, and gives the most that was
// alive in memory after a page, beyond what was before.
func (tr *trail) exportFile(t *testing.T, path string, q Query) (sum Summary, live uint64) {
	t.Helper()
	file, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var mem runtime.MemStats
	alive := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&mem)
		return mem.HeapAlloc
	}
	before := alive()
	sum, err = Run(t.Context(), tr.analyst, tr.query(q), file, Options{
		Order: OldestFirst, PageBytes: 1 << 20,
		Progress: func(int64, int64) { live = max(live, alive()-min(before, mem.HeapAlloc)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Commit(sum); err != nil {
		t.Fatal(err)
	}
	return sum, live
}

func (tr *trail) count(tb testing.TB, query string) int64 {
	tb.Helper()
	var answer struct{ Count int64 }
	if err := json.Unmarshal(tr.do(tb, "POST", "/"+Query{Namespace: tr.namespace}.Stream()+"/_count", []byte(`{"query":`+query+`}`)), &answer); err != nil {
		tb.Fatal(err)
	}
	return answer.Count
}

func readRows(t *testing.T, path string, sum Summary) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if hash := sha256.Sum256(data); hex.EncodeToString(hash[:]) != sum.SHA256 || int64(len(data)) != sum.Bytes {
		t.Error("size or SHA-256 of the summary are not those of the file")
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || int64(len(rows)) != sum.Rows+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows
}

// checkSeries wants each record once, in order and harmless; n is their number where
// all have to be there.
func checkSeries(t *testing.T, rows [][]string, n int) {
	t.Helper()
	last := ""
	for i, row := range rows {
		at, err := time.Parse(timeLayout, row[0])
		if err != nil || row[0] <= last || !strings.HasSuffix(row[0], "Z") {
			t.Fatalf("row %d is %q after %s", i, row, last)
		}
		last = row[0]
		if k := int(at.Sub(noon) / (time.Second / 20)); row[1] != fmt.Sprintf("Ops %d", k%60) || n > 0 && k != i {
			t.Fatalf("row %d is %q", i, row)
		}
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Fatalf("row %d: a spreadsheet would run %q", i, cell)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, many(1200, time.Millisecond)...)
	for name, c := range map[string]struct{ limit, want int64 }{
		"within the first page": {3, 3},
		"a page":                {firstPageHits, firstPageHits},
		"in the second page":    {firstPageHits + 1, firstPageHits + 1},
		"more than there are":   {5000, 1200},
		"as many as there are":  {1200, 1200},
	} {
		t.Run(name, func(t *testing.T) {
			ids, sum := tr.ids(t, tr.analyst, Query{}, Options{Limit: c.limit})
			if sum.Rows != c.want || ids[0] != fmt.Sprintf("%022d", 1199) {
				t.Errorf("%d rows from %s", sum.Rows, ids[0])
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, history()...)
	if err := tr.node.CreateUser(t.Context(), "nobody-"+tr.namespace, password, "no-such-role"); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url, username, password, namespace string
		is                                 error
		says                               []string
	}{
		"no such stream":   {tr.node.URL, tr.username, password, "missing" + tr.namespace, ErrNoStream, []string{"logs-api7.audit-missing" + tr.namespace}},
		"no privilege":     {tr.node.URL, "nobody-" + tr.namespace, password, tr.namespace, nil, []string{"403", "index privilege read on logs-api7.audit-" + tr.namespace}},
		"wrong password":   {tr.node.URL, tr.username, "wrong " + password, tr.namespace, nil, []string{"401", "credentials"}},
		"nobody listening": {"https://" + closed.Addr().String(), tr.username, password, tr.namespace, peer.ErrUnreachable, []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := tr.client(t, c.url, c.username, c.password)
			_, err := Run(t.Context(), client, Query{Namespace: c.namespace}, io.Discard, Options{})
			if err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("got %v, want %v", err, c.is)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if !errors.Is(c.is, peer.ErrUnreachable) && errors.Is(err, peer.ErrUnreachable) {
				t.Errorf("%q counts as unreachable", err)
			}
		})
	}
}

// The reader of the output goes away in the middle.
func TestOutputBreaks(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, many(3000, time.Millisecond)...)
	full := errors.New("no space left")
	_, err := Run(t.Context(), tr.analyst, tr.query(Query{}), &fullDisk{after: 100_000, err: full}, Options{})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type fullDisk struct {
	after int
	err   error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.after -= len(p); d.after < 0 {
		return 0, d.err
	}
	return len(p), nil
}

func TestInterrupted(t *testing.T) {
	tr := newTrail(t)
	tr.index(t, many(3000, time.Millisecond)...)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	_, err := Run(ctx, tr.analyst, tr.query(Query{}), io.Discard, Options{Progress: func(int64, int64) { interrupt() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
