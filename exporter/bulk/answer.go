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
	found := false
	rest, ok := object(body, func(key, value []byte) bool {
		if string(key) != "items" {
			return true
		}
		found = !found && a.items(value)
		return found
	})
	if !ok || !found || len(bytes.TrimSpace(rest)) > 0 || len(a.of) != n {
		return errBrokenAnswer
	}
	return nil
}

// items reads the array of items.
func (a *answer) items(array []byte) bool {
	b := array[1:]
	var last []byte // the text of the newest kind
	for first := true; ; first = false {
		b = skipSpace(b)
		if first && len(b) > 0 && b[0] == ']' {
			return true
		}
		// The same text as before means the same. It is a whole object, so
		// that nothing longer can begin with it.
		if len(last) == 0 || !bytes.HasPrefix(b, last) {
			end := valueEnd(b)
			if end <= 0 {
				return false
			}
			last = b[:end]
			it, ok := parseItem(last)
			if !ok {
				return false
			}
			a.kinds = append(a.kinds, it)
		}
		a.of = append(a.of, int32(len(a.kinds)-1))
		b = skipSpace(b[len(last):])
		if len(b) == 0 {
			return false
		}
		if b[0] == ']' {
			return true
		}
		if b[0] != ',' {
			return false
		}
		b = b[1:]
	}
}

// parseItem reads {"create":{...}}, whatever the operation is called.
func parseItem(b []byte) (it item, ok bool) {
	ops := 0
	_, ok = object(b, func(_, value []byte) bool {
		ops++
		_, ok := object(value, it.member)
		return ok
	})
	return it, ok && ops == 1 && it.status != 0
}

func (it *item) member(key, value []byte) bool {
	switch string(key) {
	case "_index":
		if len(value) < 2 || value[0] != '"' {
			return false
		}
		it.index = value[1 : len(value)-1]
	case "status":
		it.status = smallNumber(value)
		return it.status != 0
	case "failure_store":
		it.failureStored = string(value) == `"used"`
	case "error":
		return it.error(value)
	}
	return true
}

// error reads what is wrong. The conflicts and rejections that come by the
// thousand need no more than their type, and are not worth a decoder.
func (it *item) error(value []byte) bool {
	if it.status == 409 || it.status == 429 {
		it.cause = &exporter.Cause{}
		_, ok := object(value, func(key, value []byte) bool {
			if string(key) == "type" && len(value) > 2 {
				it.cause.Type = typeName(value[1 : len(value)-1])
			}
			return true
		})
		return ok
	}
	it.cause = new(exporter.Cause)
	if json.Unmarshal(value, it.cause) != nil {
		it.cause = nil // an error all the same, of a shape nobody knows
	}
	return true
}

// typeName spares a copy of the two names that come most.
func typeName(b []byte) string {
	const conflict, rejected = "version_conflict_engine_exception", "es_rejected_execution_exception"
	switch string(b) {
	case conflict:
		return conflict
	case rejected:
		return rejected
	}
	return string(b)
}

// object calls member for each member of the JSON object at the head of b, with
// its key (without quotes, not unescaped) and the text of its value, and
// returns what follows the object. It is false if b does not begin with an
// object or member was false. It checks shape, not every detail: what is
// between the brackets of a value is only skipped.
func object(b []byte, member func(key, value []byte) bool) (rest []byte, ok bool) {
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
		b = skipSpace(b[1:])
		end = valueEnd(b)
		if end <= 0 || !member(key, b[:end]) {
			return nil, false
		}
		b = skipSpace(b[end:])
		if len(b) == 0 {
			return nil, false
		}
		if b[0] == '}' {
			return b[1:], true
		}
		if b[0] != ',' {
			return nil, false
		}
		b = skipSpace(b[1:])
	}
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
