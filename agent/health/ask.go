package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// ErrNoAgent: nobody answers there.
var ErrNoAgent = errors.New("no agent answers")

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// Ask asks the agent that listens on an address of this host for /readyz. The guard is
// the agent's own: its token is shown, and its certificate is the one that is accepted,
// for whatever name.
func Ask(ctx context.Context, address string, g Guard) (Readiness, error) {
	var r Readiness
	text, err := AskPage(ctx, address, g, "/readyz")
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil || r.Status == "" {
		return r, errors.New("what answers is no auditship")
	}
	return r, nil
}

// AskPage is Ask for the text of any page, such as /metrics, whatever its status. It is
// cut after a megabyte.
func AskPage(ctx context.Context, address string, g Guard, page string) ([]byte, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	scheme, transport := "http", &http.Transport{DisableKeepAlives: true}
	if g.CertFile != "" {
		own, err := g.certificate(nil)
		if err != nil {
			return nil, err
		}
		scheme = "https"
		transport.TLSClientConfig = onlyFrom(own.Certificate[0])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+page, nil)
	if err != nil {
		return nil, err
	}
	if g.Token != nil {
		token, err := g.Token()
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
	}
	defer func() { _ = res.Body.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", page, err)
	}
	return text, nil
}

// onlyFrom accepts one certificate.
func onlyFrom(der []byte) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // the certificate itself is compared, whose key the server has to have
		VerifyConnection: func(s tls.ConnectionState) error {
			if !bytes.Equal(s.PeerCertificates[0].Raw, der) {
				return errors.New("the certificate is not that of http_access.cert_file")
			}
			return nil
		},
	}
}
