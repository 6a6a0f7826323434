package bulk

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkBackfillOnARealNode says what look-ups cost: documents that go blind, and
// ones that are looked up in one or more backing indices first.
func BenchmarkBackfillOnARealNode(b *testing.B) {
	const n = 20_000
	for _, tt := range []struct {
		name     string
		indices  int
		doubtful bool
	}{{"blind", 1, false}, {"looked up in 1 index", 1, true}, {"in 4 indices", 4, true}, {"in 26 indices", 26, true}} {
		b.Run(tt.name, func(b *testing.B) {
			l := newLab(b)
			for k := range tt.indices - 1 {
				there := documents(5000)
				for i := range there {
					there[i] = document(1_000_000_000+5000*k+i, there[i].Time)
				}
				mustSend(b, New(l.client, Config{Stream: l.stream, Gzip: true}), there)
				l.roll()
			}
			var cpu time.Duration
			for round := range b.N {
				docs := make([]Document, n)
				for i := range docs {
					docs[i] = document(1+round*n+i, time.Now().UnixMilli())
					docs[i].Doubtful = tt.doubtful
					docs[i].Source = fmt.Appendf(nil, `{"@timestamp":%d,"event":{"id":"%d","action":"UpdateRoute"},"url":{"original":"%s"}}`,
						docs[i].Time, i, strings.Repeat("x", 700))
				}
				s := New(l.client, Config{Stream: l.stream, Gzip: true})
				before := cpuTime(b)
				b.StartTimer()
				mustSend(b, s, docs)
				b.StopTimer()
				cpu += cpuTime(b) - before
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(cpu.Microseconds())/float64(n*b.N), "CPU-µs/event")
		})
	}
}

// cpuTime is what this process used so far.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
