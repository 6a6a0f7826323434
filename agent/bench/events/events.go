package events

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Options say which events. The zero value of everything but Count has a meaning.
type Options struct {
	// First and Count are the numbers of the events.
	First, Count int
	// Seed makes other events of the same kind.
	Seed uint64
	// Bytes is about how long an event is. Above 900 it has more upstream nodes in
	// its body, below 600 neither headers nor a user agent. 0 is what the gateway
	// usually writes, 900 bytes on average.
	Bytes int
}

// IDPrefix begins every id; the event's number follows as HHHH-LLLL in hex.
const IDPrefix = "5eed"

// Secrets are what the secrets of the events hold and nothing else in them does. A
// document with one of them was not masked.
var Secrets = []string{`"a7ee-`, `Bearer eyJ`, `"ak_`, `"pw_`, `@example.com`}

var start = time.Date(2026, 11, 20, 3, 4, 5, 0, time.UTC)

var operations = []struct{ name, method, kind, path string }{
	{"Add Service", "POST", "service", "/apisix/admin/services?gateway_group_id=default"},
	{"Update Route", "PUT", "route", "/apisix/admin/routes/%s?gateway_group_id=default"},
	{"Delete Upstream", "DELETE", "upstream", "/apisix/admin/upstreams/%s?gateway_group_id=prod-eu"},
	{"Add Consumer", "PUT", "consumer", "/apisix/admin/consumers?gateway_group_id=default"},
	{"Update SSL", "PATCH", "ssl", "/apisix/admin/ssls/%s?gateway_group_id=default"},
	{"Publish Service", "POST", "service", "/api/services/publish?gateway_group_id=prod-us"},
}

var (
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.4 Safari/605.1.15",
		"curl/8.5.0", "adc/0.19.2 (linux; amd64)",
	}
	resources = []string{"httpbin", "orders", "payments-v2", "user-profile", "search", "inventory-eu-west"}
	sources   = []string{"dashboard", "api", "adc"}
	statuses  = []int{200, 201, 201, 200, 400, 403}
)

const (
	lowerHex  = "0123456789abcdef"
	base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// Write writes the events, one a line.
func Write(w io.Writer, o Options) error {
	out := bufio.NewWriterSize(w, 1<<20)
	m := maker{rand.New(rand.NewPCG(o.Seed+1, 42))}
	var line []byte
	for i := o.First; i < o.First+o.Count; i++ {
		line = m.event(line[:0], i, o.Bytes)
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write event %d: %w", i, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

type maker struct{ *rand.Rand }

// event appends one event of about size bytes or its usual length.
func (m maker) event(dst []byte, i, size int) []byte {
	op := operations[m.IntN(len(operations))]
	resource := m.uuid()
	path := op.path
	if op.kind != "service" && op.kind != "consumer" {
		path = fmt.Sprintf(op.path, resource)
	}
	user, name := m.IntN(60), resources[m.IntN(len(resources))]
	at := start.Add(time.Duration(i)*37*time.Millisecond + time.Duration(m.IntN(30))*time.Millisecond)
	dst = fmt.Appendf(dst, `{"id":"%s%04x-%04x-4%03x-8%03x-%012x","event_time":%d,"operator":{"id":"u-%d","username":"Ops %d","email":"ops%d@example.com"}`,
		IDPrefix, i>>16, i&0xffff, m.Uint32()&0xfff, m.Uint32()&0xfff, m.Uint64()&0xffffffffffff, at.UnixMilli(), user, user, user)
	dst = fmt.Appendf(dst, `,"event_type":"%s","resource_type":"%s","resource_id":"%s","resource_name":"%s","ip_address":"203.0.113.%d","source":"%s"`,
		op.name, op.kind, resource, name, m.IntN(254)+1, sources[m.IntN(len(sources))])
	dst = fmt.Appendf(dst, `,"http_request":{"method":"%s","uri":"%s"`, op.method, path)
	if size == 0 || size >= 600 {
		dst = fmt.Appendf(dst, `,"user_agent":"%s","headers":{"X-API-KEY":"a7ee-%s","Authorization":"Bearer eyJ%s.%s.%s"}`,
			agents[m.IntN(len(agents))], m.text(lowerHex, 32), m.text(base64url, 17), m.text(base64url, 20), m.text(base64url, 22))
	}
	dst = fmt.Appendf(dst, `,"body":{"name":"%s"`, name)
	if m.IntN(8) == 0 {
		dst = fmt.Appendf(dst, `,"desc":"owner oncall%d@example.com, see runbook \u2116 %d"`, user, m.IntN(99))
	}
	dst = m.nodes(append(dst, `,"upstream":{"nodes":[`...), size-145)
	return fmt.Appendf(dst, `]},"plugins":{"key-auth":{"key":"ak_%s"},"basic-auth":{"password":"pw_%s"}}}},"http_response":{"status_code":%d}}`+"\n",
		m.text(base64url, 24), m.text(base64url, 14), statuses[m.IntN(len(statuses))])
}

// nodes appends one node, at times two, and more until dst is so long.
func (m maker) nodes(dst []byte, size int) []byte {
	dst = fmt.Appendf(dst, `{"host":"10.0.%d.%d","port":%d,"weight":1}`, m.IntN(250), m.IntN(250), 80+m.IntN(9000))
	for n := 0; n == 0 && m.IntN(4) == 0 || len(dst) < size; n++ {
		dst = fmt.Appendf(dst, `,{"host":"10.0.%d.%d","port":%d,"weight":%d}`, m.IntN(250), m.IntN(250), 80+m.IntN(9000), m.IntN(100))
	}
	return dst
}

func (m maker) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", m.Uint32()&0x3fffffff, m.Uint32()&0xffff, m.Uint32()&0xfff, m.Uint32()&0xfff, m.Uint64()&0xffffffffffff)
}

func (m maker) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}
