package reconcile

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/config"
)

var records = flag.Int("records", 20_000, "how many records BenchmarkReconcile compares")

// endless is a gateway with any number of records, one every interval, that are made
// when they are asked for.
type endless struct {
	begin, interval int64 // seconds
	n               int
	texts           [][]byte // of records, after their id and time
}

func newEndless(begin time.Time, interval time.Duration, n int) *endless {
	e := &endless{begin: begin.Unix(), interval: int64(interval / time.Second), n: n}
	g := api7sim.NewGenerator(1)
	for range 1000 {
		_, rest, _ := bytes.Cut(g.Next(begin).JSON(), []byte(`"operator":`))
		e.texts = append(e.texts, rest)
	}
	return e
}

func (e *endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/audit_logs" {
		_, _ = w.Write([]byte(`{"list":[]}`)) // the client may be gone
		return
	}
	q := r.URL.Query()
	first, last := 0, e.n
	if q.Has("start_at") {
		first = min(max(int((number(q, "start_at")-e.begin+e.interval-1)/e.interval), 0), e.n)
		last = min(max(int((number(q, "end_at")-e.begin)/e.interval)+1, first), e.n)
	}
	size := int(number(q, "page_size"))
	skip := (int(number(q, "page")) - 1) * size
	body := fmt.Appendf(nil, `{"total":%d,"list":[`, last-first)
	for k := skip; k < min(skip+size, last-first); k++ {
		i := first + k
		if q.Get("direction") == "desc" {
			i = last - 1 - k
		}
		if k > skip {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"id":"record-%d","event_time":%d,"operator":`, i, e.begin+int64(i)*e.interval)
		body = append(body, e.texts[i%len(e.texts)]...)
	}
	_, _ = w.Write(append(body, "]}"...)) // the client may be gone
}

func number(q url.Values, name string) int64 {
	n, _ := strconv.ParseInt(q.Get(name), 10, 64) // the agent's requests are tested elsewhere
	return n
}

// BenchmarkReconcile compares a trail of 180 days with the program as it is shipped,
// and tells its time and peak memory. For a million records:
//
//	auditship-demo elasticsearch -- go test ./agent/reconcile -run - -bench Reconcile -benchtime 1x -timeout 2h -records 1000000
func BenchmarkReconcile(b *testing.B) {
	s := newStand(b)
	interval := max(180*24*time.Hour/time.Duration(*records), time.Second).Truncate(time.Second)
	s.from = time.Now().Add(-time.Hour - time.Duration(*records)*interval).Truncate(time.Second)
	gateway := httptest.NewServer(newEndless(s.from, interval, *records))
	defer gateway.Close()
	api := s.config.Inputs[0].API
	api.URL, api.PageSize, api.Since = gateway.URL, 500, config.Duration(time.Since(s.from)+time.Hour)
	began := time.Now()
	s.ship()
	b.Logf("shipped %d records in %v", *records, time.Since(began).Round(time.Second))

	dir := b.TempDir()
	program := filepath.Join(dir, "auditship")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/auditship").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(dir, "auditship.yml")
	es := s.config.Elasticsearch
	s.must(os.WriteFile(file, fmt.Appendf(nil, `
gateway: test
inputs: [{type: api, id: dashboard, url: %q, api_key: key, page_size: 500}]
elasticsearch: {urls: [%q], ca_file: %q, username: agent-%s, password: %q, namespace: %[4]s}
state_dir: %s
`, gateway.URL, s.node.URL, s.node.CAFile, es.Namespace, password, s.config.StateDir), 0o600))
	for b.Loop() {
		cmd := exec.Command(program, "reconcile", "-c", file, "--from", s.from.UTC().Format(time.RFC3339))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d records, %[1]d documents: 0 missing", *records)) {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric(peak(cmd.ProcessState), "peak-MiB")
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s")
	}
}
