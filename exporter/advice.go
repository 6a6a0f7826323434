package exporter

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/auditship/auditship/exporter/peer"
)

// Advice says what to do about an error of a connection, in the words of the
// configuration: "" where nothing is known.
func Advice(err error) string {
	var unverified *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &name):
		return "The certificate is for other names. Use one of them in elasticsearch.urls: " + strings.Join(namesOf(name.Certificate), ", ")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("The certificate is valid from %s to %s. Renew it, or set the clock of this host.",
			invalid.Cert.NotBefore.UTC().Format("2006-01-02"), invalid.Cert.NotAfter.UTC().Format("2006-01-02"))
	case errors.As(err, &unknown):
		if errors.As(err, &unverified) {
			return pinning(unverified.UnverifiedCertificates)
		}
		return pinning(nil)
	case errors.As(err, &noTLS), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "This port speaks plain HTTP: use http:// in elasticsearch.urls, or the port that speaks TLS."
	case errors.Is(err, peer.ErrNotSigned):
		return `Whoever answers there has the authority's certificate, which everybody may have, but not its
signature. Nothing was sent. Find out who stands between before you change anything.`
	case errors.Is(err, peer.ErrNotPinned):
		return `No certificate that the server shows has elasticsearch.ca_fingerprint. Where the
authority was renewed, take the new one's: openssl x509 -fingerprint -sha256 -noout -in http_ca.crt`
	}
	return ""
}

func namesOf(c *x509.Certificate) []string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// pinning tells how to trust an authority that this host does not know. The chain is
// what the server showed, its own certificate first.
func pinning(chain []*x509.Certificate) string {
	text := `The certificate is signed by an authority that this host does not know. Elasticsearch
makes its own at the installation: certs/http_ca.crt in its configuration folder. Either
name a copy of it,
  elasticsearch: {ca_file: /etc/auditship/http_ca.crt}
or pin it by its fingerprint, which Elasticsearch printed at its first start and
openssl x509 -fingerprint -sha256 -noout -in http_ca.crt prints again:
`
	if n := len(chain); n > 0 && bytes.Equal(chain[n-1].RawIssuer, chain[n-1].RawSubject) {
		ca := chain[n-1]
		return text + fmt.Sprintf(`  elasticsearch: {ca_fingerprint: %s}
This is the fingerprint of what the server shows now, %q. Compare it with the one that
Elasticsearch printed before you trust it.`, peer.Fingerprint(ca), ca.Subject.CommonName)
	}
	return text + `  elasticsearch: {ca_fingerprint: 64 hexadecimal digits}
The server does not show the authority's certificate itself, so only ca_file can work.`
}
