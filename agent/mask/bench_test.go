package mask

import (
	"bytes"
	"os"
	"testing"
)

func BenchmarkQuick(b *testing.B) {
	d, err := os.ReadFile("/tmp/maskwork/ev.ndjson")
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(d), []byte("\n"))
	m := Builtin().NewMasker()
	b.SetBytes(int64(len(d) / len(lines)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Mask(lines[i%len(lines)])
		i++
	}
}
