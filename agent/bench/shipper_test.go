package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every configuration can be filled, and names the sink and the events.
func TestConfigurations(t *testing.T) {
	for _, s := range shippers {
		for _, gzip := range []bool{false, s.gzip} {
			dir := t.TempDir()
			args, err := s.prepare(setting{Data: "/data/events.ndjson", Config: dir, State: "/state", Port: 19299, Gzip: gzip})
			if err != nil {
				t.Fatal(err)
			}
			main := ""
			for _, a := range args {
				if strings.HasPrefix(a, dir) {
					main = a
				}
			}
			text, err := os.ReadFile(main)
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			for _, want := range []string{"/data/events.ndjson", "19299", "/state"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("%s: %s is without %s", s.name, filepath.Base(main), want)
				}
			}
			if strings.Contains(string(text), "{{") || s.gzip && strings.Contains(string(text), "gzip") != gzip && s.name != "Filebeat" {
				t.Errorf("%s, gzip %v:\n%s", s.name, gzip, text)
			}
		}
	}
}
