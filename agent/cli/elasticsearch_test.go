package cli

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditship/auditship/agent/config"
)

// The client signs in with what the key file holds at the time of the request,
// over TLS verified by the configured authority.
func TestRotatedKeyIsUsedWithoutRestart(t *testing.T) {
	authorization := make(chan string, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization <- r.Header.Get("Authorization")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = w.Write([]byte(`{}`)) // a client that went away fails the test below
	}))
	defer server.Close()
	folder := t.TempDir()
	put := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("ca.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	put("key", []byte("Zmlyc3Q=\n"))
	put("auditship.yml", []byte(`
inputs: [{type: file, id: files, paths: "*.json"}]
elasticsearch: {urls: "`+server.URL+`", api_key: "${file:key}", ca_file: ca.crt, timeout: 10s}
`))
	cfg, err := config.Load(filepath.Join(folder, "auditship.yml"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"Zmlyc3Q=", "c2Vjb25k"} {
		put("key", []byte(key+"\n"))
		if err := client.JSON(t.Context(), http.MethodGet, "/", nil, nil); err != nil {
			t.Fatal(err)
		}
		if got := <-authorization; got != "ApiKey "+key {
			t.Errorf("signed in with %q, want the key %q", got, key)
		}
	}
}
