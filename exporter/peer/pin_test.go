package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// identity is a certificate with its key.
type identity struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// certify makes a certificate, signed by by or, without one, by itself.
func certify(t *testing.T, name string, by *identity, change func(*x509.Certificate)) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	change(c)
	if by == nil {
		by = &identity{c, key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, by.Certificate, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{made, key}
}

func signs(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// local is a certificate for this host by its address and by a name.
func local(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

// serve starts a server that shows this chain, and counts the requests that it gets.
func serve(t *testing.T, newest uint16, chain ...*identity) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	shown := tls.Certificate{PrivateKey: chain[0].key}
	for _, c := range chain {
		shown.Certificate = append(shown.Certificate, c.Raw)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{shown}, MinVersion: tls.VersionTLS10, MaxVersion: newest} //nolint:gosec // a server of old
	s.Config.ErrorLog = log.New(io.Discard, "", 0)                                                                // refused handshakes
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, asked
}

// tunnel starts a proxy that knows CONNECT alone, and counts what goes through.
func tunnel(t *testing.T) (address string, opened *atomic.Int64) {
	t.Helper()
	opened = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		opened.Add(1)
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")   // a client that is gone sees it
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }() // either end may hang up
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	t.Cleanup(s.Close)
	return s.URL, opened
}

// A pin pins: whoever shows the authority's certificate, which is public, beside one
// that it did not sign is refused, and so is what any other connection is refused for.
// Through a proxy it is the same.
func TestPin(t *testing.T) {
	ca := certify(t, "authority", nil, signs)
	between := certify(t, "between", ca, signs)
	stranger := certify(t, "stranger", nil, signs)
	leaf := certify(t, "leaf", ca, local)
	deep := certify(t, "deep", between, local)
	evil := certify(t, "evil.example", nil, local)
	expired := certify(t, "expired", ca, func(c *x509.Certificate) { local(c); c.NotAfter = time.Now().Add(-time.Minute) })
	elsewhere := certify(t, "elsewhere", ca, func(c *x509.Certificate) {
		local(c)
		c.DNSNames, c.IPAddresses = []string{"other.example"}, []net.IP{net.IPv4(192, 0, 2, 1)}
	})
	client := certify(t, "client", ca, func(c *x509.Certificate) { local(c); c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	signedByLeaf := certify(t, "by leaf", leaf, local)
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	for what, tt := range map[string]struct {
		chain []*identity
		pin   *identity
		is    error // nil: accepted
		as    any
	}{
		"authority":                          {chain: []*identity{leaf, ca}, pin: ca},
		"authority behind an intermediate":   {chain: []*identity{deep, between, ca}, pin: ca},
		"intermediate":                       {chain: []*identity{deep, between}, pin: between},
		"leaf":                               {chain: []*identity{leaf}, pin: leaf},
		"leaf that signed itself":            {chain: []*identity{evil}, pin: evil},
		"evil leaf before the real chain":    {chain: []*identity{evil, ca}, pin: ca, is: ErrNotSigned},
		"evil leaf before a whole chain":     {chain: []*identity{evil, leaf, ca}, pin: ca, is: ErrNotSigned},
		"evil leaf before the pinned leaf":   {chain: []*identity{evil, leaf}, pin: leaf, is: ErrNotSigned},
		"signed by a leaf":                   {chain: []*identity{signedByLeaf, leaf, ca}, pin: ca, is: ErrNotSigned},
		"authority not shown":                {chain: []*identity{leaf}, pin: ca, is: ErrNotPinned},
		"another authority":                  {chain: []*identity{leaf, ca}, pin: stranger, is: ErrNotPinned},
		"another authority shown beside":     {chain: []*identity{leaf, ca, stranger}, pin: stranger, is: ErrNotSigned},
		"expired":                            {chain: []*identity{expired, ca}, pin: ca, as: &invalid},
		"expired leaf pinned":                {chain: []*identity{expired}, pin: expired, as: &invalid},
		"wrong name":                         {chain: []*identity{elsewhere, ca}, pin: ca, as: &name},
		"wrong name of the pinned leaf":      {chain: []*identity{elsewhere}, pin: elsewhere, as: &name},
		"a client's certificate as server's": {chain: []*identity{client, ca}, pin: ca, as: &invalid},
	} {
		address, asked := serve(t, tls.VersionTLS13, tt.chain...)
		proxy, opened := tunnel(t)
		for _, to := range []string{address, strings.Replace(address, "127.0.0.1", "localhost", 1)} {
			for _, via := range []string{"", proxy} {
				t.Run(what+" at "+to+" via "+via, func(t *testing.T) {
					before := asked.Load()
					c, err := NewClient(Config{Fingerprint: strings.ToUpper(Fingerprint(tt.pin.Certificate)), Proxy: via})
					if err != nil {
						t.Fatal(err)
					}
					defer c.CloseIdleConnections()
					through := opened.Load()
					err = get(t, c, to)
					if via != "" && opened.Load() == through {
						t.Error("it did not go through the proxy")
					}
					if tt.is == nil && tt.as == nil {
						if err != nil || asked.Load() != before+1 {
							t.Errorf("refused: %v", err)
						}
						return
					}
					if err == nil || asked.Load() != before {
						t.Fatal("a request was sent")
					}
					if tt.is != nil && !errors.Is(err, tt.is) || tt.as != nil && !errors.As(err, tt.as) || !Untrusted(err) {
						t.Errorf("refused with: %v", err)
					}
				})
			}
		}
	}
}

func get(t *testing.T, c *http.Client, address string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Without a pin everything is as crypto/tls does it, TLS 1.1 is refused by all, and the
// proxy of the environment is no way around a pin either.
func TestTrust(t *testing.T) {
	ca := certify(t, "authority", nil, signs)
	leaf := certify(t, "leaf", ca, local)
	evil := certify(t, "evil.example", nil, local)
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	good, _ := serve(t, tls.VersionTLS12, leaf)
	bad, _ := serve(t, tls.VersionTLS13, evil, ca)
	old, _ := serve(t, tls.VersionTLS11, leaf, ca)
	pin := Fingerprint(ca.Certificate)
	for name, tt := range map[string]struct {
		c    Config
		to   string
		says string // "" is accepted
	}{
		"file":                  {Config{CAFile: file}, good, ""},
		"file, evil leaf":       {Config{CAFile: file}, bad, "certificate"},
		"system":                {Config{}, good, "certificate"},
		"file, TLS 1.1":         {Config{CAFile: file}, old, "protocol version"},
		"fingerprint, TLS 1.1":  {Config{Fingerprint: pin}, old, "protocol version"},
		"fingerprint, not sent": {Config{Fingerprint: pin}, good, "ca_fingerprint"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := NewClient(tt.c)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdleConnections()
			if err := get(t, c, tt.to); (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A redirect is an answer, not a way: the credential goes nowhere else.
func TestRedirectIsNotFollowed(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	c, err := NewClient(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if err := get(t, c, s.URL); err != nil || asked.Load() != 0 {
		t.Errorf("error %v, followed %d times", err, asked.Load())
	}
}

// What a client is told of an error never holds the URL, which may carry a secret.
func TestWithoutURL(t *testing.T) {
	err := WithoutURL(&url.Error{Op: "Get", URL: "https://host/?token=hidden", Err: io.ErrUnexpectedEOF})
	if strings.Contains(err.Error(), "hidden") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestNoAnswerIsUnreachable(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"the connection broke":       {&NoAnswer{Err: io.EOF, Made: true, Sent: true}, true},
		"nobody listens":             {&NoAnswer{Err: io.EOF, Made: true}, true},
		"the key cannot be read":     {&NoAnswer{Err: os.ErrNotExist}, false},
		"an error of something else": {io.EOF, false},
	} {
		if got := errors.Is(tt.err, ErrUnreachable); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
