package peer

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
)

// What a pinned connection fails for, beside what any other fails for (another
// name, a time that is over).
var (
	// ErrNotPinned: the server shows no certificate with the fingerprint.
	ErrNotPinned = errors.New("no certificate that the server shows has the ca_fingerprint")
	// ErrNotSigned: it shows that certificate, which everybody may have, beside
	// one of its own that it did not sign.
	ErrNotSigned = errors.New("the server shows the certificate with the ca_fingerprint, but its own is not signed by it")
)

// verifyPinned verifies the server's certificate as crypto/tls would (signature,
// name or address, times, purpose), with the certificate that has the fingerprint
// as the only authority. What else the server shows is only what may stand
// between.
func verifyPinned(s tls.ConnectionState, host, pin string) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	shown := false
	for _, c := range s.PeerCertificates {
		between.AddCert(c)
		if strings.EqualFold(Fingerprint(c), pin) {
			roots.AddCert(c)
			shown = true
		}
	}
	if !shown {
		return unverified(s, ErrNotPinned)
	}
	// A proxy that speaks TLS itself has another name than the host.
	name := cmp.Or(s.ServerName, host)
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between})
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &authority):
		return unverified(s, ErrNotSigned)
	case err != nil:
		return unverified(s, err)
	}
	return nil
}

func unverified(s tls.ConnectionState, err error) error {
	return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
}

// Fingerprint is the SHA-256 of a certificate in hex, lower case.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
