package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// Config is the way to a peer. Its zero value trusts the system's authorities
// and takes the proxy of the environment.
type Config struct {
	// CAFile is a PEM file whose certificates are trusted instead of the
	// system's. It is read once.
	CAFile string
	// Fingerprint is the SHA-256 in hex of the one certificate that is trusted:
	// an authority that signed the server's, or the server's own. Instead of
	// CAFile.
	Fingerprint string
	// CertFile and KeyFile are the client's certificate in PEM form. They are
	// read again for each connection.
	CertFile, KeyFile string
	// Proxy is a URL; "" follows the environment (HTTPS_PROXY, NO_PROXY).
	Proxy string
	// Timeout bounds a request with its answer; 0 leaves that to its context.
	Timeout time.Duration
}

// NewClient makes a client. It reads the files that c names and sends nothing.
func NewClient(c Config) (*http.Client, error) {
	t := &transport{hosts: map[string]*http.Transport{}, proxy: http.ProxyFromEnvironment}
	if c.Proxy != "" {
		u, err := url.Parse(c.Proxy)
		if err != nil {
			return nil, errors.New("proxy: not a URL")
		}
		t.proxy = http.ProxyURL(u)
	}
	if err := t.trust(c); err != nil {
		return nil, err
	}
	if err := t.showCertificate(c.CertFile, c.KeyFile); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     t,
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// transport has a http.Transport for each host, because a certificate that is
// pinned must be for the host's name or address, and crypto/tls does not tell
// the address to those who verify. There are as many hosts as addresses are
// configured.
type transport struct {
	proxy func(*http.Request) (*url.URL, error)
	tls   tls.Config // but for what verifies a pinned certificate
	pin   string     // "" for none

	mu    sync.Mutex
	hosts map[string]*http.Transport
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.to(r.URL.Hostname()).RoundTrip(r)
}

// CloseIdleConnections ends them, and with them their goroutines.
func (t *transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, host := range t.hosts {
		host.CloseIdleConnections()
	}
}

func (t *transport) to(host string) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.hosts[host]; known != nil {
		return known
	}
	config := t.tls.Clone()
	if t.pin != "" {
		config.InsecureSkipVerify = true //nolint:gosec // crypto/tls cannot trust a fingerprint; verifyPinned does all that it would
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyPinned(s, host, t.pin) }
	}
	made := &http.Transport{
		Proxy:               t.proxy,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     config,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
	}
	t.hosts[host] = made
	return made
}

// trust says whose certificates are accepted.
func (t *transport) trust(c Config) error {
	t.tls.MinVersion = tls.VersionTLS12
	t.pin = c.Fingerprint
	if c.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return fmt.Errorf("read ca_file: %w", err)
	}
	t.tls.RootCAs = x509.NewCertPool()
	if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca_file %s holds no certificate in PEM form", c.CAFile)
	}
	return nil
}

func (t *transport) showCertificate(certFile, keyFile string) error {
	if certFile == "" {
		return nil
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		return &pair, nil
	}
	t.tls.GetClientCertificate = load
	_, err := load(nil)
	return err
}
