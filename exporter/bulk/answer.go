package bulk

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// filter asks for what is read here and no more. Items that went well are then
// byte for byte the same, which parse makes use of.
const filter = "filter_path=errors,items.*._index,items.*.status,items.*.error,items.*.failure_store"

// What an answer may need, in bytes: some, and so much for each document. An item
// that says why its document is refused has some 500.
const (
	frameBytes = 64 << 10
	itemBytes  = 4 << 10
	foundBytes = 512 // of a look-up, which asks for no more than whether it is there
	// listBytes is enough for the names of 5,000 indices.
	listBytes = 1 << 20
	// leastAnswer leaves room for an error with all its causes.
	leastAnswer = 1 << 20
)

// answerBytes bounds the answer to a request of so many documents.
func answerBytes(documents, each int) int64 {
	return max(frameBytes+int64(documents)*int64(each), leastAnswer)
}

// item is one item of a bulk answer.
type item struct {
	index         []byte // part of the answer
	status        int    // 0 if it was not there
	failureStored bool
	cause         *exporter.Cause
}

// answer is a bulk answer in the order of the request. Many items read the
// same, so the different ones are kept apart: item i is kinds[of[i]].
type answer struct {
	kinds []item
	of    []int32
	most  int // items that are expected

	scanner, inItem jsonscan.Scanner
}

var errBrokenAnswer = errors.New("the answer is not that of a bulk request")

// parse reads the answer to a request of n documents. Any error means that
// nothing in it can be believed.
func (a *answer) parse(body []byte, n int) error {
	a.kinds, a.of, a.most = a.kinds[:0], a.of[:0], n
	found := 0
	s := &a.scanner
	s.Reset(body)
	ok := s.Next() == jsonscan.BeginObject && s.Members(func(key []byte, first jsonscan.Kind) bool {
		if string(key) != `"items"` {
			return s.Skip(first)
		}
		found++
		return first == jsonscan.BeginArray && a.items(s)
	})
	if !ok || s.Next() != jsonscan.EOF || found != 1 || len(a.of) != n {
		return errBrokenAnswer
	}
	return nil
}

// items reads the array whose beginning is the current token.
func (a *answer) items(s *jsonscan.Scanner) bool {
	var last []byte // the text of the newest kind
	for {
		switch first := s.Next(); first {
		case jsonscan.EndArray:
			return true
		case jsonscan.BeginObject:
			text, ok := s.Value(first)
			if !ok || len(a.of) == a.most {
				return false
			}
			if !bytes.Equal(text, last) { // the same text means the same
				it, ok := a.parseItem(text)
				if !ok {
					return false
				}
				last, a.kinds = text, append(a.kinds, it)
			}
			a.of = append(a.of, int32(len(a.kinds)-1))
		default:
			return false
		}
	}
}

// parseItem reads {"create":{...}}, whatever the operation is called. The text is
// that of an object.
func (a *answer) parseItem(text []byte) (it item, ok bool) {
	s := &a.inItem
	s.Reset(text)
	s.Next()
	ops := 0
	ok = s.Members(func(_ []byte, first jsonscan.Kind) bool {
		ops++
		return first == jsonscan.BeginObject && s.Members(func(key []byte, first jsonscan.Kind) bool {
			value, ok := s.Value(first)
			return ok && it.member(key, first, value)
		})
	})
	return it, ok && ops == 1 && it.status != 0
}

// member reads one member of an item.
func (it *item) member(key []byte, first jsonscan.Kind, value []byte) bool {
	switch string(key) {
	case `"_index"`:
		it.index = value[1 : len(value)-1]
		return first == jsonscan.String
	case `"status"`:
		it.status = smallNumber(value)
		return it.status != 0
	case `"failure_store"`:
		it.failureStored = string(value) == `"used"`
	case `"error"`:
		return it.error(value)
	}
	return true
}

// error reads what is wrong. The conflicts and rejections that come by the
// thousand need no more than their type, and are not worth a decoder.
func (it *item) error(value []byte) bool {
	if it.status == 409 || it.status == 429 {
		if kind := value[len(value)-1]; kind != '}' {
			return false
		}
		it.cause = commonCause(value)
		return true
	}
	it.cause = new(exporter.Cause)
	if json.Unmarshal(value, it.cause) != nil {
		it.cause = nil // an error all the same, of a shape nobody knows
	}
	return true
}

// The causes that come by the thousand are not made anew for each.
var (
	conflict = &exporter.Cause{Type: "version_conflict_engine_exception"}
	rejected = &exporter.Cause{Type: "es_rejected_execution_exception"}
)

// commonCause reads the type of an error and nothing else.
func commonCause(value []byte) *exporter.Cause {
	const head = `{"type":"`
	if bytes.HasPrefix(value, []byte(head)) {
		switch rest := value[len(head):]; {
		case bytes.HasPrefix(rest, []byte(conflict.Type+`"`)):
			return conflict
		case bytes.HasPrefix(rest, []byte(rejected.Type+`"`)):
			return rejected
		}
	}
	var c struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(value, &c) // without a type it is no conflict that is known
	return &exporter.Cause{Type: c.Type}
}

// smallNumber reads three digits, as an HTTP status is; 0 for anything else.
func smallNumber(b []byte) int {
	if len(b) != 3 {
		return 0
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
