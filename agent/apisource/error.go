package apisource

import (
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/auditship/auditship/exporter/peer"
)

// class says what can be done about an Error.
type class byte

const (
	passing class = iota // tried again soon
	lasting              // somebody has to do something; tried again slowly
	refused              // this request is refused; another one may not be
	tooLong              // the answer is longer than allowed
	broken               // the answer is no list of records
)

// Error is a request that brought no records. It is for people: it carries nothing
// of the answer but its status.
type Error struct {
	// Status is the answer's, 0 where none came.
	Status int
	// Reason says what happened and, where somebody has to act, what to do.
	Reason string

	class class
	cause error
}

func (e *Error) Error() string { return "the gateway " + e.Reason }
func (e *Error) Unwrap() error { return e.cause }

// Is reports that a gateway which is down or stays too busy, or something else in
// its place, is peer.ErrUnreachable.
func (e *Error) Is(target error) bool { return target == peer.ErrUnreachable && e.class == passing }

// networkError is an Error without an answer. net/url's errors quote the URL, which
// is taken off.
func networkError(err error) *Error {
	err = peer.WithoutURL(err)
	e := &Error{Reason: "cannot be reached", cause: err}
	var op *net.OpError
	var network net.Error
	switch {
	case peer.Untrusted(err):
		e.class, e.Reason = lasting, "shows a certificate that is not trusted; see ca_file"
	case errors.As(err, &op) && op.Op == "remote error": // a TLS alert
		e.class, e.Reason = lasting, "refuses the TLS connection; does it want a client certificate (cert_file, key_file)?"
	case errors.As(err, &network) && network.Timeout():
		e.Reason = "does not answer in time"
	}
	return e
}

// statusError is what an answer other than 200 means.
func statusError(status int) *Error {
	e := &Error{Status: status, class: lasting}
	switch {
	case status == http.StatusUnauthorized:
		e.Reason = "does not accept the token or password (401): it is wrong, expired or revoked"
	case status == http.StatusForbidden:
		e.Reason = "does not let the token read audit records (403): its user needs iam:GetAudit on arn:api7:iam:organization/*"
	case status == http.StatusNotFound:
		e.Reason = "has no audit API at this address (404): is url the dashboard's?"
	case status >= 300 && status < 400:
		e.Reason = fmt.Sprintf("sends elsewhere, to a login page perhaps (%d)", status)
	case status == http.StatusTooManyRequests:
		e.class, e.Reason = passing, "asks for fewer requests (429)"
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		e.class, e.Reason = passing, fmt.Sprintf("has trouble (%d)", status)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge,
		status == http.StatusRequestURITooLong, status == http.StatusUnprocessableEntity:
		e.class, e.Reason = refused, fmt.Sprintf("refuses the request (%d)", status)
	default:
		e.Reason = fmt.Sprintf("answers %d", status)
	}
	return e
}

// isClass reports whether err is an Error of this class.
func isClass(err error, c class) bool {
	var e *Error
	return errors.As(err, &e) && e.class == c
}
