package event

import (
	"time"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// Token is one scalar as it stands in the record's text: a JSON string with its
// quotes and escapes, a number, true or false. It aliases the record's bytes.
//
// nil says that the record has none; null and the empty string count as none.
// The gateway's types are not insisted on: a numeric id is a Token like any.
type Token []byte

// AppendText appends what the token says: a string without its quotes and
// escapes, anything else as it is written. An escaped lone surrogate becomes
// U+FFFD; bytes that are not UTF-8 are passed through.
func (t Token) AppendText(dst []byte) []byte {
	if len(t) > 0 && t[0] == '"' {
		return jsonscan.AppendUnquoted(dst, t)
	}
	return append(dst, t...)
}

// String is the text of the token in memory of its own.
func (t Token) String() string { return string(t.AppendText(nil)) }

// Value is any JSON value as it stands in the record's text, white space and
// duplicate keys included. It aliases the record's bytes. nil says that the
// record has none; null and the empty string count as none.
type Value []byte

// Record is one audit record by the gateway's own names, decoded from its masked
// JSON text. It aliases that text and is valid only as long as those bytes are.
//
// Where a key stood twice, the last one is here.
type Record struct {
	// Raw is the whole text the record was decoded from.
	Raw []byte
	// ValidUTF8 says that Raw is valid UTF-8 throughout.
	ValidUTF8 bool

	// Time is when the gateway says it happened (event_time), in UTC.
	Time time.Time

	ID           Token
	Operator     Operator
	Source       Token
	TokenName    Token
	EventType    Token
	ResourceID   Token
	ResourceName Token
	ResourceType Token
	IPAddress    Token
	ErrorMessage Token
	Request      Request
	Response     Response

	// Changes is what the gateway says has changed; or it gives the object Before
	// and After. Records of most versions have none of them.
	Changes, Before, After Value

	// GatewayGroup is the id of the gateway group where the record names one
	// itself (gateway_group_id or gateway_group.id). Most records have it in
	// their request's URI only; that is for the reader to look up.
	GatewayGroup Token

	// Extra is what has no field above, in the order of the text: unknown
	// members, and known ones with a value of the wrong kind. A key may stand
	// here more than once; the last one counts. Instead of more than 1,000 of
	// them there is one named "_json" with the whole record.
	Extra []Extra
}

// Operator is who did it.
type Operator struct {
	ID, Username, FirstName, LastName, Email Token
}

// Request is the recorded HTTP request.
type Request struct {
	Method, URI, UserAgent Token
	Headers, Body          Value
}

// Response is the recorded HTTP response.
type Response struct {
	// StatusCode is 0 where none was recorded; what is not a number from 1 to
	// 999,999 is in Extra.
	StatusCode int
	Body       Value
}

// Extra is a member of the record without a field of its own.
type Extra struct {
	// Under names the objects around it, outermost first; empty at the top.
	// It is shared between records and must not be changed.
	Under []string
	// Key is its name as it stands in the text: a JSON string with its quotes.
	Key Token
	// Value is never nil.
	Value Value
}
