package mask

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// plainEvents makes records as a busy gateway writes them, about 860 bytes
// each, with five secrets. AUDITSHIP_BENCH_EVENTS names a file with others.
func plainEvents(b *testing.B) [][]byte {
	if name := os.Getenv("AUDITSHIP_BENCH_EVENTS"); name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	m := newMaker(b, 1)
	var out [][]byte
	for i := range 4000 {
		op := m.operations[m.IntN(len(m.operations))]
		desc := ""
		if i%8 == 0 {
			desc = fmt.Sprintf(`,"desc":"owner oncall%d@example.com, see runbook \u2116 %d"`, i%60, i%99)
		}
		out = append(out, fmt.Appendf(nil, `{"id":"%s","event_time":%d,"operator":{"id":"u-%d","username":"Ops %d","email":"ops%d@example.com"},"event_type":"%s","resource_type":"service","resource_id":"%s","resource_name":"httpbin","ip_address":"203.0.113.%d","source":"dashboard","http_request":{"method":"%s","uri":"%s?gateway_group_id=default","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0","headers":{"X-API-KEY":"a7ee-%s","Authorization":"Bearer eyJ%s.%s.%s"},"body":{"name":"httpbin"%s,"upstream":{"nodes":[{"host":"10.0.%d.7","port":8080,"weight":1}]},"plugins":{"key-auth":{"key":"ak_%s"},"basic-auth":{"password":"pw_%s"}}}},"http_response":{"status_code":200}}`,
			m.uuid(), 1795143845002+int64(i)*37, i%60, i%60, i%60, op[0], m.uuid(), i%255, op[1], op[2],
			m.chars(lowerHex, 32), m.chars(alnum, 17), m.chars(alnum, 20), m.chars(alnum, 22), desc, i%250, m.chars(alnum, 24), m.chars(alnum, 14)))
	}
	return out
}

const withEmail = `
masking:
  rules:
    - {id: email, select: {detect: email}, action: redact}
`

const structureOnly = `
masking:
  defaults: off
  rules:
    - {id: none, select: {path: "http_request.body.nothing"}, action: redact}
`

// BenchmarkMask masks one record an operation.
func BenchmarkMask(b *testing.B) {
	events := plainEvents(b)
	size := 0
	for _, e := range events {
		size += len(e)
	}
	for _, c := range []struct {
		name  string
		rules *Rules
	}{
		{"defaults", Builtin()},
		{"defaults and e-mail", loadText(b, withEmail)},
		{"one path, no detectors", loadText(b, structureOnly)},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := c.rules.NewMasker()
			b.SetBytes(int64(size / len(events)))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m.Mask(events[i%len(events)])
				i++
			}
		})
	}
}

// BenchmarkCorpus masks the records of the corpus, which hold far more secrets
// than ordinary ones.
func BenchmarkCorpus(b *testing.B) {
	make, size := newMaker(b, 7), 0
	var events [][]byte
	for i := range 1000 {
		events = append(events, make.event(i).record)
		size += len(events[i])
	}
	m := Builtin().NewMasker()
	b.SetBytes(int64(size / len(events)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Mask(events[i%len(events)])
		i++
	}
}
