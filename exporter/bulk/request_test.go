package bulk

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
)

func TestTheBodyOfARequest(t *testing.T) {
	docs := []Document{document(1, 5), document(2, 6), document(3, 7)}
	want := `{"create":{"_id":"document-0000000000003"}}
{"@timestamp":7,"n":3}
{"create":{"_id":"document-0000000000001"}}
{"@timestamp":5,"n":1}
`
	var m body
	for range 2 { // the memory is used again
		size, err := m.build(docs, []int32{2, 0}, false)
		if err != nil || m.buf.String() != want || size != len(want) {
			t.Errorf("plain: size %d, error %v, body\n%s", size, err, m.buf.String())
		}
		size, err = m.build(docs, []int32{2, 0}, true)
		if err != nil || size != len(want) {
			t.Errorf("gzip: size %d, error %v", size, err)
		}
		z, err := gzip.NewReader(bytes.NewReader(m.buf.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != want {
			t.Errorf("gzip: error %v, body\n%s", err, got)
		}
	}
}

// audit is a document of the usual size.
func audit(i int) Document {
	d := document(i, time.Now().UnixMilli())
	d.Source = fmt.Appendf(nil, `{"@timestamp":"2026-03-01T12:00:00.000Z","event":{"id":"%x","action":"Add Service","outcome":"success"},"user":{"name":"ops-%d"},"api7":{"audit":{"request":{"body":{"name":"httpbin-%d","upstream":{"nodes":[{"host":"10.1.2.%d","port":%d}],"text":"%s"}}}}}}`,
		i*7919, i%13, i, i%250, 1024+i, strings.Repeat("abcdefgh ", 60))
	return d
}

func BenchmarkBody(b *testing.B) {
	const n = 5000
	docs, chunk := make([]Document, n), make([]int32, n)
	for i := range docs {
		docs[i], chunk[i] = audit(i), int32(i)
	}
	for _, compress := range []bool{false, true} {
		b.Run(fmt.Sprintf("gzip=%v", compress), func(b *testing.B) {
			var m body
			b.ReportAllocs()
			for b.Loop() {
				size, err := m.build(docs, chunk, compress)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/document")
		})
	}
}

// BenchmarkSend is the whole way, with a peer that says yes at once.
func BenchmarkSend(b *testing.B) {
	const n = 5000
	item := `{"create":{"_index":".ds-` + testStream + `-2026.01.01-000001","status":201}}`
	yes := []byte(`{"errors":false,"items":[` + strings.Repeat(item+",", n-1) + item + `]}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/_bulk"):
			_, _ = w.Write(yes)
		case strings.Contains(r.URL.Path, "/_settings"):
			_, _ = io.WriteString(w, `{".ds-`+testStream+`-2026.01.01-000001":{"settings":{"index":{"creation_date":"1767225600000"}}}}`)
		default:
			_, _ = io.WriteString(w, `{"data_streams":[{"backing_indices":[".ds-`+testStream+`-2026.01.01-000001"]}]}`)
		}
	}))
	defer server.Close()
	client, err := exporter.New(exporter.Config{Addresses: []string{server.URL}})
	if err != nil {
		b.Fatal(err)
	}
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = audit(i)
	}
	s := New(client, Config{Stream: testStream, MaxBytes: 20 << 20})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(context.Background(), docs, func(int, Verdict) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/document")
	if c := s.Stats(); c.Requests != int64(b.N) && b.N > 1 {
		b.Logf("%d requests for %d rounds", c.Requests, b.N)
	}
}
