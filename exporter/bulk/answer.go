package bulk

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/auditship/auditship/exporter"
)

// filter asks for what is read here and no more. Items that went well are then
// byte for byte the same, which parse makes use of.
const filter = "filter_path=errors,items.*._index,items.*.status,items.*.error,items.*.failure_store"

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
}

var errBrokenAnswer = errors.New("the answer is not that of a bulk request")

// parse reads the answer to a request of n documents. Any error means that
// nothing in it can be believed.
func (a *answer) parse(body []byte, n int) error {
	a.kinds, a.of = a.kinds[:0], a.of[:0]
	found := 0
	rest, ok := object(body, func(key, b []byte) ([]byte, bool) {
		if string(key) != "items" {
			return skip(b)
		}
		found++
		return a.items(b)
	})
	if !ok || found != 1 || len(skipSpace(rest)) > 0 || len(a.of) != n {
		return errBrokenAnswer
	}
	return nil
}

// items reads the array of items at the head of b and returns what follows it.
func (a *answer) items(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, false
	}
	b = skipSpace(b[1:])
	if len(b) > 0 && b[0] == ']' {
		return b[1:], true
	}
	var last []byte // the text of the newest kind
	for {
		// The same text as before means the same. It is a whole object, so
		// that nothing longer can begin with it.
		if len(last) > 0 && bytes.HasPrefix(b, last) {
			b = b[len(last):]
		} else {
			it, rest, ok := parseItem(b)
			if !ok {
				return nil, false
			}
			last, b = b[:len(b)-len(rest)], rest
			a.kinds = append(a.kinds, it)
		}
		a.of = append(a.of, int32(len(a.kinds)-1))
		b = skipSpace(b)
		switch {
		case len(b) == 0:
			return nil, false
		case b[0] == ']':
			return b[1:], true
		case b[0] != ',':
			return nil, false
		}
		b = skipSpace(b[1:])
	}
}

// parseItem reads {"create":{...}}, whatever the operation is called.
func parseItem(b []byte) (it item, rest []byte, ok bool) {
	ops := 0
	rest, ok = object(b, func(_, b []byte) ([]byte, bool) {
		ops++
		return object(b, it.member)
	})
	return it, rest, ok && ops == 1 && it.status != 0
}

// member reads one member of an item, whose value is at the head of b.
func (it *item) member(key, b []byte) (rest []byte, ok bool) {
	rest, ok = skip(b)
	if !ok {
		return nil, false
	}
	value := b[:len(b)-len(rest)]
	switch string(key) {
	case "_index":
		if len(value) < 2 || value[0] != '"' {
			return nil, false
		}
		it.index = value[1 : len(value)-1]
	case "status":
		it.status = smallNumber(value)
		ok = it.status != 0
	case "failure_store":
		it.failureStored = string(value) == `"used"`
	case "error":
		ok = it.error(value)
	}
	return rest, ok
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

// object reads the JSON object at the head of b and returns what follows it. It
// calls member for each member with its key (without quotes, not unescaped) and
// with what begins with its value; member returns what follows the value. It is
// false if b does not begin with an object or member was false. It checks
// shape, not every detail: skipped values may be anything between brackets.
func object(b []byte, member func(key, b []byte) (rest []byte, ok bool)) (rest []byte, ok bool) {
	b = skipSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return nil, false
	}
	b = skipSpace(b[1:])
	if len(b) > 0 && b[0] == '}' {
		return b[1:], true
	}
	for {
		end := stringEnd(b)
		if end <= 0 {
			return nil, false
		}
		key := b[1 : end-1]
		b = skipSpace(b[end:])
		if len(b) == 0 || b[0] != ':' {
			return nil, false
		}
		b, ok = member(key, skipSpace(b[1:]))
		if !ok {
			return nil, false
		}
		b = skipSpace(b)
		switch {
		case len(b) == 0:
			return nil, false
		case b[0] == '}':
			return b[1:], true
		case b[0] != ',':
			return nil, false
		}
		b = skipSpace(b[1:])
	}
}

// skip returns what follows the JSON value at the head of b.
func skip(b []byte) (rest []byte, ok bool) {
	end := valueEnd(b)
	return b[end:], end > 0
}

// valueEnd is the length of the JSON value at the head of b, 0 if it has no
// end.
func valueEnd(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	}
	for i, c := range b {
		switch c {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		case '"', '{', '[', ':':
			return 0
		}
	}
	return 0
}

// nestedEnd is the length of the object or array at the head of b. Braces and
// brackets are counted alike.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// stringEnd is the length of the JSON string at the head of b, quotes
// included; 0 if there is none.
func stringEnd(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	i := 1
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return 0
		}
		i += n + 1
		// An even number of backslashes before the quote escape each other.
		slashes := 0
		for j := i - 2; j > 0 && b[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\n' || b[0] == '\r') {
		b = b[1:]
	}
	return b
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
