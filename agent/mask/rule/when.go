package rule

import (
	"slices"
	"strings"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// Condition limits a rule to records whose fields match, all of them.
type Condition struct {
	Fields []FieldMatch
}

// Through is the condition for records in which fields stand at other places:
// elsewhere gives them for the dotted path of a field.
func (c *Condition) Through(elsewhere func(path string) [][]string) *Condition {
	if c == nil {
		return nil
	}
	out := &Condition{Fields: slices.Clone(c.Fields)}
	for i := range out.Fields {
		out.Fields[i].Also = elsewhere(strings.Join(out.Fields[i].Path, "."))
	}
	return out
}

// FieldMatch is one entry of when.
type FieldMatch struct {
	Path   []string
	Also   [][]string // other places where the input has the field
	Values []string   // globs, one must match
	Negate bool       // none may
}

// Holds says whether a record meets the condition. Where a field stands in it
// twice, either value can meet it.
func (c *Condition) Holds(record []byte) bool {
	for i := range c.Fields {
		if !c.Fields[i].matches(record) {
			return false
		}
	}
	return true
}

func (f *FieldMatch) matches(record []byte) bool {
	found := false
	for _, path := range append([][]string{f.Path}, f.Also...) {
		for _, value := range fieldValues(record, path) {
			found = true
			if anyGlob(f.Values, value) != f.Negate {
				return true
			}
		}
	}
	return f.Negate && !found
}

func anyGlob(globs []string, s string) bool {
	for _, g := range globs {
		if Glob(g, s) {
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

// Glob matches s against a pattern in which * stands for any text.
func Glob(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
