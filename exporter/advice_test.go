package exporter

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"encoding/pem"
)

func TestAdvice(t *testing.T) {
	quiet := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	encrypted := httptest.NewTLSServer(quiet)
	defer encrypted.Close()
	plain := httptest.NewServer(quiet)
	defer plain.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(encrypted.URL, "127.0.0.1", "localhost", 1)
	for name, tt := range map[string]struct {
		cfg  Config
		want string
	}{
		"an unknown authority": {Config{Addresses: []string{encrypted.URL}}, "ca_fingerprint: "},
		"another fingerprint":  {Config{Addresses: []string{encrypted.URL}, CAFingerprint: strings.Repeat("ab", 32)}, "No certificate that the server shows has"},
		"another name":         {Config{Addresses: []string{other}, CAFile: ca}, "The certificate is for other names. Use one of them in elasticsearch.urls: example.com, *.example.com, 127.0.0.1"},
		"no TLS there":         {Config{Addresses: []string{strings.Replace(plain.URL, "http:", "https:", 1)}}, "This port speaks plain HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := New(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = client.Info(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			if got := Advice(err); !strings.Contains(got, tt.want) {
				t.Errorf("for %v:\n%s", err, got)
			}
		})
	}
	if got := Advice(os.ErrClosed); got != "" {
		t.Errorf("for nothing known: %s", got)
	}
}
