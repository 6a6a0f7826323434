package health

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guarded serves with a guard and returns the address.
func guarded(t *testing.T, g Guard, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var c Conditions
	var in Inputs
	var l Ledger
	c.Set(Condition{Part: "elasticsearch", Reason: "unreachable"})
	ended := make(chan error)
	go func() { ended <- Serve(ctx, listener, g, &c, &in, NewMetrics("1", &l, &c, &in)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// ask sends one request with a Host and a token.
func ask(t *testing.T, address, path, host, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // read only
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// A web page whose name leads to this host reads nothing.
func TestHostIsChecked(t *testing.T) {
	here, everywhere := guarded(t, Guard{}, "127.0.0.1:0"), guarded(t, Guard{}, "0.0.0.0:0")
	_, port, err := net.SplitHostPort(everywhere)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "LOCALHOST:9479": 200, "127.0.0.1:1": 200, "[::1]:9479": 200, "a.localhost": 200,
		"evil.example": 421, "evil.example:9479": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421,
	} {
		for _, path := range []string{"/livez", "/metrics"} {
			if got, _ := ask(t, here, path, host, ""); got != want {
				t.Errorf("%s of %q: %d, not %d", path, host, got, want)
			}
		}
		if got, _ := ask(t, "127.0.0.1:"+port, "/metrics", host, ""); got != 200 {
			t.Errorf("bound elsewhere, %q: %d", host, got)
		}
	}
}

// With a token the metrics and what the agent waits for are for those who have it; whether
// it is ready is for all.
func TestToken(t *testing.T) {
	address := guarded(t, Guard{Token: func() (string, error) { return "s3cret", nil }}, "127.0.0.1:0")
	broken := guarded(t, Guard{Token: func() (string, error) { return "", errors.New("the file is empty") }}, "127.0.0.1:0")
	for token, want := range map[string]int{"Bearer s3cret": 200, "": 401, "Bearer s3cre": 401, "s3cret": 401, "Basic s3cret": 401, "Bearer ": 401} {
		if got, _ := ask(t, address, "/metrics", "", token); got != want {
			t.Errorf("/metrics with %q: %d", token, got)
		}
		if got, _ := ask(t, broken, "/metrics", "", token); got != 401 {
			t.Errorf("/metrics with %q, without a token to compare with: %d", token, got)
		}
		got, text := ask(t, address, "/readyz", "", token)
		if got != 503 || !strings.Contains(text, `"status":"waiting"`) || strings.Contains(text, "unreachable") != (want == 200) {
			t.Errorf("/readyz with %q: %d %s", token, got, text)
		}
		if got, _ := ask(t, address, "/livez", "", token); got != 200 {
			t.Errorf("/livez with %q: %d", token, got)
		}
	}
}

// The agent's own question works through all of it, and trusts only the agent.
func TestAskThroughTLSAndToken(t *testing.T) {
	own, other := selfSigned(t), selfSigned(t)
	own.Token = func() (string, error) { return "s3cret", nil }
	address := guarded(t, own, "127.0.0.1:0")
	r, err := Ask(t.Context(), address, own)
	if err != nil || r.Ready || len(r.Waiting) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Ask(t.Context(), address, other); !errors.Is(err, ErrNoAgent) {
		t.Errorf("another certificate: %v", err)
	}
	if r, err := Ask(t.Context(), address, Guard{}); err == nil {
		t.Errorf("without TLS: %+v", r)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Ask(t.Context(), "0.0.0.0:"+port, own); err != nil || len(r.Waiting) != 1 {
		t.Errorf("by the unspecified address: %+v, %v", r, err)
	}
}

// selfSigned makes a certificate for a name that is not this host's.
func selfSigned(t *testing.T) Guard {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"agent.example"}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	g := Guard{CertFile: filepath.Join(t.TempDir(), "cert.pem"), KeyFile: filepath.Join(t.TempDir(), "key.pem")}
	for file, block := range map[string]*pem.Block{g.CertFile: {Type: "CERTIFICATE", Bytes: raw}, g.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// Many clients that send nothing, or never end, keep nobody out for longer than the
// timeouts, and the server holds no more connections than it may.
func TestConnectionsAreBounded(t *testing.T) {
	address := guarded(t, Guard{}, "127.0.0.1:0")
	for i := range 2 * maxConnections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }() // it was never used
		if i%2 == 0 {
			_, _ = fmt.Fprint(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") // whatever becomes of it
		}
	}
	if got, _ := ask(t, address, "/livez", "localhost", ""); got != 200 {
		t.Errorf("/livez: %d", got)
	}
}

// A header without end is refused.
func TestHeadersAreBounded(t *testing.T) {
	c, err := net.Dial("tcp", guarded(t, Guard{}, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // read only by now
	_, _ = fmt.Fprintf(c, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 2*maxHeader))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // nothing in it
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", res.Status)
	}
}
