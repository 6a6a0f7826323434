package mask

import (
	"github.com/auditship/auditship/exporter/jsonscan"
)

// condition limits a rule to records whose fields match, all of them.
type condition struct {
	fields []fieldMatch
}

// fieldMatch is one entry of when.
type fieldMatch struct {
	path   []string
	values []string // globs, one must match
	negate bool     // none may
}

// condition3 is what is known about a condition for the record at hand.
type condition3 byte

const (
	notAsked condition3 = iota
	isMet
	isNotMet
)

// holds says whether a rule's condition is met by the record at hand. Where a
// field stands in a record twice, either value can meet it.
func (m *Masker) holds(index int32) bool {
	c := m.rules.rules[index].when
	if c == nil {
		return true
	}
	if m.met[index] == notAsked {
		m.met[index] = isMet
		for i := range c.fields {
			if !m.fieldMatches(&c.fields[i]) {
				m.met[index] = isNotMet
			}
		}
	}
	return m.met[index] == isMet
}

func (m *Masker) fieldMatches(f *fieldMatch) bool {
	found := false
	for _, value := range fieldValues(m.record, f.path) {
		found = true
		if anyGlob(f.values, value) != f.negate {
			return true
		}
	}
	return f.negate && !found
}

func anyGlob(globs []string, s string) bool {
	for _, g := range globs {
		if globMatch(g, s) {
			return true
		}
	}
	return false
}

// fieldValues lists the scalars at a path of a record. A record that is not
// JSON has none from where it breaks.
func fieldValues(record []byte, path []string) []string {
	var s jsonscan.Scanner
	s.Reset(record)
	var out []string
	at := 0 // how many steps of path the open containers follow
	for {
		kind := s.Next()
		switch {
		case kind == jsonscan.EOF || kind == jsonscan.Invalid:
			return out
		case kind == jsonscan.EndObject:
			at = max(0, s.Depth()-1)
		case kind == jsonscan.Key && s.Depth() == at+1:
			matches := string(jsonscan.AppendUnquoted(nil, s.Bytes())) == path[at]
			kind = s.Next()
			switch {
			case matches && at+1 == len(path):
				out = appendScalar(out, &s, kind)
				s.Skip(kind)
			case matches && kind == jsonscan.BeginObject:
				at++
			default:
				s.Skip(kind)
			}
		}
	}
}

func appendScalar(out []string, s *jsonscan.Scanner, kind jsonscan.Kind) []string {
	switch {
	case kind == jsonscan.String:
		return append(out, string(jsonscan.AppendUnquoted(nil, s.Bytes())))
	case kind.IsScalar():
		return append(out, string(s.Bytes()))
	}
	return out
}
