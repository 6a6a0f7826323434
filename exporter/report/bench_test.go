package report

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
)

// BenchmarkMillion exports a million records from the real node as CSV:
//
//	go test ./exporter/report -run '^$' -bench Million -benchtime 1x -timeout 30m
//
// It reports records per second, the most memory that the heap took, which has to
// stay far below the size of the report, and how the speed compares with that of the
// pages alone: the same searches, their answers thrown away. 1 is all that
// Elasticsearch can give.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	tr := newTrail(b)
	for i := 0; i < n; i += 50_000 {
		tr.index(b, manyFrom(i, 50_000, 100*time.Millisecond)...)
	}
	query := tr.query(Query{Events: []string{"Update Route"}})
	pagesAlone(b, tr, query, n) // warms the node's caches
	runtime.GC()                // what indexing left behind
	peak, pages := uint64(0), time.Duration(0)
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for b.Loop() {
		sum, err := Run(b.Context(), tr.analyst, query, io.Discard, Options{
			Progress: func(int64, int64) {
				metrics.Read(heap)
				peak = max(peak, heap[0].Value.Uint64())
			},
		})
		if err != nil || sum.Rows != n {
			b.Fatalf("%d rows, %v", sum.Rows, err)
		}
		b.StopTimer()
		pages += pagesAlone(b, tr, query, n)
		b.StartTimer()
	}
	if peak > 64<<20 {
		b.Errorf("%d bytes of memory", peak)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
	b.ReportMetric(pages.Seconds()/b.Elapsed().Seconds(), "of-pages-alone")
}

// pagesAlone asks for the pages of an export one after the other, reading of an answer
// no more than the next question needs, and returns how long that took.
func pagesAlone(b *testing.B, tr *trail, q Query, records int) time.Duration {
	b.Helper()
	opts, err := Options{}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	columns, err := opts.selectColumns()
	if err != nil {
		b.Fatal(err)
	}
	p := newPager(tr.analyst, q, columns, opts)
	defer p.close(b.Context())
	began, got := time.Now(), 0
	if err := p.open(b.Context()); err != nil {
		b.Fatal(err)
	}
	for got < records {
		p.asked = p.ask()
		answer, err := tr.analyst.Do(b.Context(), exporter.Request{
			Method: "POST", Path: "/_search?allow_partial_search_results=false", Body: []byte(mustJSON(b, p.search())),
		})
		if err != nil {
			b.Fatal(err)
		}
		hits := bytes.Count(answer, []byte(`"sort":[`))
		last := answer[bytes.LastIndex(answer, []byte(`"sort":`))+len(`"sort":`):]
		if err := json.NewDecoder(bytes.NewReader(last)).Decode(&p.after); err != nil || hits == 0 {
			b.Fatalf("%d hits, %v", hits, err)
		}
		got += hits
		p.handed += int64(hits)
		p.resize(len(answer), hits)
	}
	return time.Since(began)
}

// BenchmarkFormats measures what writing one record costs.
func BenchmarkFormats(b *testing.B) {
	entries := many(1000, time.Millisecond)
	hits := make([]hit, len(entries))
	for i, e := range entries {
		hits[i] = hit{ID: e.id, Index: "index", Source: mustJSON(b, e.document()), Sort: []int64{e.at.UnixMilli(), int64(i)}}
	}
	for _, format := range Formats() {
		b.Run(string(format), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write(b, hits, Options{Format: format})
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(hits)), "ns/record")
		})
	}
}
