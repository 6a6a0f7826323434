package exporter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/exporter/printable"
)

// Error is an answer of Elasticsearch that is not a success, reduced to what
// can be shown: its reason text may quote a document's values and is dropped.
type Error struct {
	Status int    // the HTTP status
	Type   string // for example "security_exception", "" if the body was not understood
	Field  string // the field that the reason named, "" if none
	Index  string // the index or stream it is about, "" if none
	// Privileges are the actions and privileges that a security_exception
	// asked for, in the server's words; "" for other errors.
	Privileges string
	// RetryAfter is how long the server asked to be left alone, 0 if it did not.
	RetryAfter time.Duration
}

// Is reports that a peer which stays too busy is peer.ErrUnreachable.
func (e *Error) Is(target error) bool {
	return target == peer.ErrUnreachable && Busy(e.Status)
}

// Busy says of a status that the same request may succeed later.
func Busy(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

func (e *Error) Error() string {
	s := "elasticsearch answered"
	if e.Status != 0 { // of one document in a look-up there is none
		s += fmt.Sprintf(" %d", e.Status)
	}
	if e.Type != "" {
		s += " " + e.Type
	}
	if e.Index != "" {
		s += " for " + e.Index
	}
	if e.Field != "" {
		s += " at field " + e.Field
	}
	if e.Privileges != "" {
		s += ": needs " + e.Privileges
	}
	return s
}

// Cause is the JSON form of an error in Elasticsearch's answers. It is exported
// for the bulk answer, whose items carry one each.
type Cause struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	Index    string `json:"index"`
	CausedBy *Cause `json:"caused_by"`
}

// Reasons name a field and an action in fixed forms (observed on 8.19 and 9.2):
// "failed to parse field [a.b] of type [ip] in document with id ..." and
// "action [x] is unauthorized for ..., this action is granted by the index
// privileges [read,all]".
var (
	fieldInReason  = regexp.MustCompile(`\bfield \[([A-Za-z0-9_.@-]{1,256})\]`)
	actionInReason = regexp.MustCompile(`action \[([a-z0-9:/_*\[\]-]{1,128})\] is unauthorized`)
	grantInReason  = regexp.MustCompile(`granted by the (index|cluster) privileges \[([a-z0-9_,]{1,256})\]`)
)

// typeName lets through what an error's type looks like. It is shown and kept
// in dead letters, so nothing else may come in its place.
func typeName(s string) string {
	if len(s) > 128 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return "unreadable"
	}
	return s
}

// bounded cuts what is shown of a name. Those of indices have 255 bytes at most.
func bounded(s string) string { return s[:min(len(s), 255)] }

// NewError reduces a cause to an *Error.
func NewError(status int, c *Cause) *Error {
	e := &Error{Status: status}
	if c == nil {
		return e
	}
	e.Type, e.Index = typeName(c.Type), printable.Line(bounded(c.Index))
	for ; c != nil && e.Field == ""; c = c.CausedBy {
		if m := fieldInReason.FindStringSubmatch(c.Reason); m != nil {
			e.Field = m[1]
		}
		if m := actionInReason.FindStringSubmatch(c.Reason); m != nil && e.Privileges == "" {
			e.Privileges = "action " + m[1]
			if g := grantInReason.FindStringSubmatch(c.Reason); g != nil {
				e.Privileges += fmt.Sprintf(" (one of the %s privileges %s)", g[1], g[2])
			}
		}
	}
	return e
}

// parseError reads the body of an answer that is not a success.
func parseError(status int, body []byte) *Error {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	var c Cause
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer.Error, &c) != nil {
		return NewError(status, nil)
	}
	return NewError(status, &c)
}
