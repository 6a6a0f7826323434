package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
)

// ErrUnreachable is what an error of a client is (errors.Is) when no answer of
// the peer came, or when it stayed too busy to give one: trying later may help.
var ErrUnreachable = errors.New("cannot be reached")

// NoAnswer is a request that got no whole answer. It is ErrUnreachable, unless
// the request could not even be made.
type NoAnswer struct {
	Err error
	// Made: there was a request, so the way to the peer or the peer failed.
	Made bool
	// Sent: a connection was there, so the peer may have done what it was asked.
	Sent bool
}

func (e *NoAnswer) Error() string        { return e.Err.Error() }
func (e *NoAnswer) Unwrap() error        { return e.Err }
func (e *NoAnswer) Is(target error) bool { return target == ErrUnreachable && e.Made }

// Untrusted reports whether err is that of a peer whose certificate is not
// accepted, which trying again does not change.
func Untrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	return errors.As(err, &certificate) || errors.As(err, &authority)
}

// WithoutURL takes the URL off an error of net/http: it may carry what is not
// to be shown.
func WithoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
