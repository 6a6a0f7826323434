package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSendsInClear(t *testing.T) {
	for address, want := range map[string]bool{
		"http://es:9200": true, "http://10.0.0.1:9200": true, "http://[fd00::1]:9200": true, "http://localhost.example.com": true,
		"http://127.0.0.1.example.com": true, "HTTP://es:9200": true, "http://0.0.0.0:9200": true,
		"https://es:9200": false, "http://localhost:9200": false, "http://127.0.0.1": false, "http://127.9.9.9:1": false,
		"http://[::1]:9200": false, "http://es.localhost:9200": false, "http://localhost.:9200": false, "": false,
	} {
		if got := SendsInClear(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

// Credentials go over the network in the clear only where somebody wrote that they may,
// and then it is said.
func TestCredentialsInClear(t *testing.T) {
	const file = "{type: file, id: f, paths: /log/*.json}"
	for name, tt := range map[string]struct {
		text    string
		refused string // the key
		warns   string
	}{
		"gateway":             {`inputs: [{type: api, id: a, url: "http://gw", api_key: c4nary}]` + "\nelasticsearch: {urls: http://localhost}", "inputs[0].url", ""},
		"gateway, allowed":    {`inputs: [{type: api, id: a, url: "http://gw", api_key: c4nary, insecure_http: true}]` + "\nelasticsearch: {urls: http://localhost}", "", "inputs[0].insecure_http"},
		"key":                 {"inputs: [" + file + "]\nelasticsearch: {urls: [https://a, http://b], api_key: c4nary}", "elasticsearch.urls[1]", ""},
		"password":            {"inputs: [" + file + "]\nelasticsearch: {urls: http://b, username: u, password: c4nary}", "elasticsearch.urls", ""},
		"allowed":             {"inputs: [" + file + "]\nelasticsearch: {urls: http://b, api_key: c4nary, insecure_http: true}", "", "elasticsearch.insecure_http"},
		"no credentials":      {"inputs: [" + file + "]\nelasticsearch: {urls: http://b}", "", ""},
		"Kibana":              {"inputs: [" + file + "]\nelasticsearch: {urls: https://b}\nkibana: {url: http://kb}", "kibana.url", ""},
		"this host":           {"inputs: [" + file + "]\nelasticsearch: {urls: http://127.0.0.1, api_key: c4nary}", "", ""},
		"allowed and no need": {"inputs: [" + file + "]\nelasticsearch: {urls: https://b, api_key: c4nary, insecure_http: true}", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Parse("auditship.yml", []byte(tt.text), Env{})
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused+": would send the credentials") || strings.Contains(err.Error(), "c4nary") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(cfg.Warnings(), "\n"); (got == "") != (tt.warns == "") || !strings.Contains(got, tt.warns) {
				t.Errorf("warns %q", got)
			}
		})
	}
}

// A key that stands in a file which everybody may read is told, one that is referenced
// is not.
func TestSecretsInAReadableFile(t *testing.T) {
	for name, tt := range map[string]struct {
		key   string
		mode  os.FileMode
		warns bool
	}{
		"literal, all read":     {"c4nary", 0o644, true},
		"literal, group reads":  {"c4nary", 0o640, false},
		"literal, owner reads":  {"c4nary", 0o600, false},
		"reference, all read":   {"${HOME}", 0o644, false},
		"file, all read":        {"${file:key}", 0o644, false},
		"part literal, skipped": {"a${HOME}", 0o644, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "auditship.yml")
			text := fmt.Sprintf("inputs: [{type: file, id: f, paths: /log/*.json}]\nelasticsearch: {urls: https://b, username: u, password: %q}\n", tt.key)
			if err := os.WriteFile(filepath.Join(dir, "key"), []byte("c4nary"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			cfg, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(cfg.Warnings(), "\n")
			if (got != "") != tt.warns || tt.warns && !strings.Contains(got, "elasticsearch.password") || strings.Contains(got, "c4nary") {
				t.Errorf("warns %q", got)
			}
		})
	}
}
