package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Answer is what the rules say about a name that stands in a text.
type Answer struct {
	// Rule is for a value with this name, whatever selects it; Named is the one
	// that selects it by the name alone; Lost the one for a name whose place is
	// not known. Each may be rule.None.
	Rule, Named, Lost rule.ID
	// Object is Rule for a value that is an object.
	Object rule.ID
	Role   names.Role
	// About: after a sensitive name, this one takes its sense away.
	About bool
}

// Hit is a stretch of a text that a rule takes.
type Hit struct {
	detect.Span
	Rule rule.ID
	// A stretch that is masked inside instead of being replaced has its new
	// content in the pieces From to To of its reader; To is 0 else.
	From, To int
}

// Reader is what the functions of this package ask, and where they leave what
// they find. All its functions are set.
type Reader struct {
	// Ask says what the rules say about a name.
	Ask func(name []byte) Answer
	// Marker is the length of the marker that text starts with, or 0.
	Marker func(text []byte) int
	// Exempt says whether a rule leaves a value alone for what it is.
	Exempt func(value []byte, by rule.ID) bool
	// Inside looks into what a stretch of text decodes to, and takes the stretch
	// if there is something to hide in it.
	Inside func(text []byte, at detect.Span, decoded []byte)

	// Limit is the rule for what cannot be looked into.
	Limit rule.ID
	// Hits are the stretches found, in no order.
	Hits []Hit

	buffer []byte
}

func span(start, end int) detect.Span { return detect.Span{Start: start, End: end} }

// Take notes that a rule takes a stretch.
func (r *Reader) Take(at detect.Span, by rule.ID) {
	r.Hits = append(r.Hits, Hit{Span: at, Rule: by})
}

// value takes the value of a sensitive name, unless there is nothing in it to
// hide.
func (r *Reader) value(text []byte, at detect.Span, by rule.ID) {
	if at.Start >= at.End {
		return
	}
	if v := text[at.Start:at.End]; !r.isMarker(v) && !r.Exempt(v, by) && !names.IsState(bytes.TrimRight(v, ".,;)]}")) {
		r.Take(at, by)
	}
}

func (r *Reader) isMarker(text []byte) bool { return len(text) > 0 && r.Marker(text) == len(text) }

// MaxName is the length in bytes above which nothing is read as a name.
const MaxName = 128

// nameChars are the characters of a name without quotes.
var nameChars = chars.Alnum("_-.%+$[]\\")

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }
