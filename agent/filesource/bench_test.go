package filesource

import (
	"bytes"
	"testing"
)

// BenchmarkFrame cuts the lines of half a megabyte, the usual stretch.
func BenchmarkFrame(b *testing.B) {
	line := []byte(`{"id":"5eed0000-0001-4000-8000-000000000000","event_time":1763607845000,"operator":{"id":"u-1","username":"Ops 1","email":"ops1@example.com"},"event_type":"Add Service","http_request":{"method":"POST","uri":"/apisix/admin/services?gateway_group_id=default","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0","headers":{"X-API-KEY":"a7ee-0123456789abcdef0123456789abcdef"},"body":{"name":"httpbin","upstream":{"nodes":[{"host":"10.0.1.2","port":80,"weight":1}]}}},"http_response":{"status_code":200}}` + "\n")
	data := bytes.Repeat(line, 512<<10/len(line))
	var f framer
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for f.reset(data, objects, true, false); f.next(); n++ {
		}
		if n != len(data)/len(line) {
			b.Fatalf("%d records", n)
		}
	}
}
