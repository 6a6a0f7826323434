package report

import (
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// BenchmarkMillion exports a million records from the real node as CSV:
//
//	go test ./exporter/report -run '^$' -bench Million -benchtime 1x -timeout 30m
//
// It reports records per second and the most memory that the heap took, which
// has to stay far below the size of the report.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	tr := newTrail(b)
	for i := 0; i < n; i += 50_000 {
		tr.index(b, manyFrom(i, 50_000, 100*time.Millisecond)...)
	}
	runtime.GC() // what indexing left behind
	peak := uint64(0)
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for b.Loop() {
		sum, err := Run(b.Context(), tr.analyst, tr.query(Query{Events: []string{"Update Route"}}), io.Discard, Options{
			Progress: func(int64, int64) {
				metrics.Read(heap)
				peak = max(peak, heap[0].Value.Uint64())
			},
		})
		if err != nil || sum.Rows != n {
			b.Fatalf("%d rows, %v", sum.Rows, err)
		}
	}
	if peak > 64<<20 {
		b.Errorf("%d bytes of memory", peak)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
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
