package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func write(t *testing.T, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEvents(t *testing.T) {
	text := write(t, Options{First: 65_530, Count: 1000})
	if !bytes.Equal(text, write(t, Options{First: 65_530, Count: 1000})) {
		t.Error("the same options make other events")
	}
	if bytes.Equal(text, write(t, Options{First: 65_530, Count: 1000, Seed: 1})) {
		t.Error("another seed makes the same events")
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != 1000 || len(text)/len(lines) < 800 || len(text)/len(lines) > 1000 {
		t.Fatalf("%d lines of %d bytes", len(lines), len(text)/len(lines))
	}
	for i, line := range lines {
		if !json.Valid(line) {
			t.Fatalf("no JSON: %s", line)
		}
		n := 65_530 + i
		if want := fmt.Sprintf(`{"id":"%s%04x-%04x-`, IDPrefix, n>>16, n&0xffff); !bytes.HasPrefix(line, []byte(want)) {
			t.Fatalf("%s, want %s", line, want)
		}
		for _, secret := range Secrets {
			if !bytes.Contains(line, []byte(secret)) {
				t.Fatalf("without %s: %s", secret, line)
			}
		}
	}
}

func TestEventsAreAsLongAsAsked(t *testing.T) {
	for line := range bytes.Lines(write(t, Options{Count: 20, Bytes: 512})) {
		if !json.Valid(line) || len(line) < 500 || len(line) > 750 {
			t.Errorf("%d bytes", len(line))
		}
	}
	const size = 64 << 10
	for line := range bytes.Lines(write(t, Options{Count: 20, Bytes: size})) {
		if !json.Valid(line) || len(line) < size-64 || len(line) > size+1024 {
			t.Errorf("%d bytes", len(line))
		}
	}
}
