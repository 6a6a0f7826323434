package ecs_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
)

// benchRecords are records of the gateway's usual shape, 866 bytes on average.
func benchRecords(b *testing.B) [][]byte {
	data, err := os.ReadFile("testdata/bench.ndjson")
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte{'\n'})
}

// BenchmarkDocument decodes a record, builds its document and computes its _id.
func BenchmarkDocument(b *testing.B) {
	records := benchRecords(b)
	d, err := decode.New(decode.Options{})
	if err != nil {
		b.Fatal(err)
	}
	builder := ecs.NewBuilder(ecs.Config{Names: ecs.NewNames(0), EventNames: func(string) string { return "" }})
	identity := ecs.NewIdentity([]byte("0123456789abcdef0123456789abcdef"))
	meta := ecs.Meta{Gateway: "prod", Input: "files", Path: "/var/log/api7/audit/audit.json", Created: time.Unix(1795143845, 0)}
	var rec event.Record
	dst := make([]byte, 0, 1<<16)
	b.SetBytes(866)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		raw := records[i%len(records)]
		if err := d.Decode(raw, &rec); err != nil {
			b.Fatal(err)
		}
		meta.Offset += int64(len(raw))
		dst = builder.Append(dst[:0], &rec, meta)
		if _, ok := identity.OfToken(meta.Gateway, rec.ID); !ok {
			b.Fatal("a record without an id")
		}
	}
}

// BenchmarkDecode is the decoder's part of BenchmarkDocument.
func BenchmarkDecode(b *testing.B) {
	records := benchRecords(b)
	d, err := decode.New(decode.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var rec event.Record
	b.SetBytes(866)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := d.Decode(records[i%len(records)], &rec); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkID is the part of the _id.
func BenchmarkID(b *testing.B) {
	identity := ecs.NewIdentity([]byte("0123456789abcdef0123456789abcdef"))
	id := event.Token(`"5eed0000-0000-4165-8c8e-3ec17b03eb1d"`)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := identity.OfToken("prod", id); !ok {
			b.Fatal("no id")
		}
	}
}
