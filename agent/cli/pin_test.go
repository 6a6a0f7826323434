package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/kibana"
)

// impostor shows a certificate that it made itself and, beside it, that of an
// authority, which everybody may have. It counts the requests that it gets.
func impostor(t *testing.T, authority *x509.Certificate) (address string, asked *atomic.Int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "evil.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, own, own, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	asked = &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{raw, authority.Raw}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, asked
}

// Whoever stands in the place of Elasticsearch or Kibana with a copy of the pinned
// authority's certificate gets neither a key nor a record.
func TestImpostorGetsNothing(t *testing.T) {
	genuine := httptest.NewTLSServer(http.NotFoundHandler())
	defer genuine.Close()
	address, asked := impostor(t, genuine.Certificate())
	pin := peer.Fingerprint(genuine.Certificate())
	cfg := writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: [/nowhere/*.json]}]
elasticsearch: {urls: %q, ca_fingerprint: %s, api_key: "c4nary"}
`, address, pin))
	for _, args := range [][]string{{"check", "--online"}, {"setup", "--plan"}, {"export", "--last", "1d"}} {
		want(t, runMain(append(args, "-c", cfg)...), exitUnreachable, "its own is not signed by it")
	}
	kb, err := kibanaClient(config.Kibana{URL: address, CAFingerprint: pin}, config.Elasticsearch{Username: "elastic"})
	if err != nil {
		t.Fatal(err)
	}
	defer kb.Close()
	if _, err := kibana.NewTarget(kb).Plan(t.Context()); !errors.Is(err, peer.ErrNotSigned) || exitCode(err) != exitUnreachable {
		t.Errorf("Kibana: %v", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests went to it", n)
	}
}
