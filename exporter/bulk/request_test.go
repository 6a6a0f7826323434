package bulk

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
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

// Each time that a document is sent it says when, in its object "event".
func TestADocumentSaysWhenItWasSent(t *testing.T) {
	for name, tt := range map[string]struct{ source, want string }{
		"new":               {`{"n":1,"event":{"kind":"event"}}`, `{"n":1,"event":{"ingested":"NOW","kind":"event"}}`},
		"put away, last":    {`{"event":{"kind":"event","ingested":"2020-01-01T00:00:00Z"},"n":1}`, `{"event":{"ingested":"NOW","kind":"event"},"n":1}`},
		"put away, first":   {`{"event":{"ingested":"2020-01-01T00:00:00Z", "kind":"event"}}`, `{"event":{"ingested":"NOW", "kind":"event"}}`},
		"another one":       {`{"x":{"event":{"kind":"a"}},"event":{"a":{"ingested":1}}}`, `{"x":{"event":{"kind":"a"}},"event":{"ingested":"NOW","a":{"ingested":1}}}`},
		"nothing to stamp":  {`{"event":{}}`, `{"event":{}}`},
		"only the stamp":    {`{"event":{"ingested":1}}`, `{"event":{"ingested":1}}`},
		"no object":         {`{"event":"x"}`, `{"event":"x"}`},
		"not even an event": {`{"n":1}`, `{"n":1}`},
		"broken":            {`{"event":{"a":`, `{"event":{"a":`},
	} {
		d := Document{}
		d.Source, d.EventAt = Stampable([]byte(tt.source))
		var m body
		before := time.Now().Add(-time.Second)
		size, err := m.build([]Document{d}, []int32{0}, false)
		_, sent, _ := strings.Cut(strings.TrimSpace(m.buf.String()), "\n")
		if at := strings.Index(sent, `"ingested":"`+fmt.Sprint(before.UTC().Year())); d.EventAt > 0 && at > 0 {
			stamp := sent[at+len(`"ingested":"`):][:len("2006-01-02T15:04:05.000Z")]
			if when, err := time.Parse(time.RFC3339, stamp); err != nil || when.Before(before) {
				t.Errorf("%s: stamped %s", name, stamp)
			}
			sent = strings.Replace(sent, stamp, "NOW", 1)
		}
		if err != nil || sent != tt.want || size != m.buf.Len() {
			t.Errorf("%s: %v, %d bytes for %d\ngot  %s\nwant %s", name, err, size, m.buf.Len(), sent, tt.want)
		}
	}
}

func FuzzStampable(f *testing.F) {
	f.Add([]byte(`{"event":{"ingested":"x","kind":"event"}}`))
	f.Add([]byte(`{"event":{"kind":"event","ingested":1 }}`))
	f.Fuzz(func(t *testing.T, source []byte) {
		if !json.Valid(source) {
			return
		}
		d := Document{}
		d.Source, d.EventAt = Stampable(source)
		if d.malformed() != "" {
			return
		}
		var m body
		if _, err := m.build([]Document{d}, []int32{0}, false); err != nil {
			t.Fatal(err)
		}
		if _, sent, _ := strings.Cut(m.buf.String(), "\n"); !json.Valid([]byte(sent)) {
			t.Errorf("%s is sent as %s", source, sent)
		}
	})
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
