package paths

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// kind is what one step of a path pattern accepts.
type kind byte

const (
	segLiteral  kind = iota // a key, byte for byte
	segGlob                 // a key with * in it
	segAny                  // *: any key or index
	segDeep                 // **: any number of steps, none included
	segIndex                // [3]
	segIndexAny             // [*]
)

// Path is a path pattern, step by step.
type Path []segment

type segment struct {
	kind  kind
	text  string // of segLiteral and segGlob
	index int    // of segIndex
}

// maxIndex bounds [n] in a path: every such number costs a class of steps.
const maxIndex = 255

// Parse reads a path pattern: keys separated by dots, * for one step, **
// for any number of steps, [*] for any element, [3] for one, ["a.b"] for a key
// with a dot in it.
func Parse(s string) (Path, error) {
	if s == "" {
		return nil, errors.New("the path is empty")
	}
	var out Path
	for rest, first := s, true; rest != ""; first = false {
		if rest[0] == '[' {
			seg, after, err := parseBracket(rest)
			if err != nil {
				return nil, err
			}
			out, rest = append(out, seg), after
			continue
		}
		if !first {
			if rest[0] != '.' {
				return nil, errors.New("expected a dot or [ after ]")
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return nil, errors.New("the path has an empty step")
		}
		out, rest = append(out, keysegment(rest[:end])), rest[end:]
	}
	return out, nil
}

func keysegment(s string) segment {
	switch {
	case s == "*":
		return segment{kind: segAny}
	case s == "**":
		return segment{kind: segDeep}
	case strings.Contains(s, "*"):
		return segment{kind: segGlob, text: s}
	}
	return segment{kind: segLiteral, text: s}
}

func parseBracket(s string) (segment, string, error) {
	if strings.HasPrefix(s, `["`) {
		end := strings.Index(s, `"]`)
		if end < 3 {
			return segment{}, "", errors.New(`a quoted key is written ["key"]`)
		}
		return segment{kind: segLiteral, text: s[2:end]}, s[end+2:], nil
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return segment{}, "", errors.New("[ without ]")
	}
	inner, rest := s[1:end], s[end+1:]
	if inner == "*" {
		return segment{kind: segIndexAny}, rest, nil
	}
	n, err := strconv.Atoi(inner)
	if err != nil || n < 0 || n > maxIndex {
		return segment{}, "", errors.New("between [ and ] stands *, a number from 0 to 255, or a key in quotes")
	}
	return segment{kind: segIndex, index: n}, rest, nil
}

// Literal says that the path names exactly one place.
func (p Path) Literal() bool {
	for _, s := range p {
		if s.kind != segLiteral && s.kind != segIndex {
			return false
		}
	}
	return true
}

// Keys makes the path of these keys, from the top of a record.
func Keys(keys ...string) Path {
	var p Path
	for _, k := range keys {
		p = append(p, segment{kind: segLiteral, text: k})
	}
	return p
}

// Anywhere makes the path of a key at any place.
func Anywhere(key string) Path {
	return Path{{kind: segDeep}, {kind: segLiteral, text: key}}
}

// Below is the path of a place and of everything in it.
func (p Path) Below() Path { return append(slices.Clone(p), segment{kind: segDeep}) }

// Floating says whether a path starts with **.
func (p Path) Floating() bool { return p[0].kind == segDeep }

// Open says whether a path ends in * or **, which takes whatever stands there.
func (p Path) Open() bool {
	last := p[len(p)-1].kind
	return last == segDeep || last == segAny
}

// First is the first step of a path if it is a key.
func (p Path) First() (key string, ok bool) { return p[0].text, p[0].kind == segLiteral }

// Last is the last step of a path if it is a key.
func (p Path) Last() (key string, ok bool) {
	last := p[len(p)-1]
	return last.text, last.kind == segLiteral
}

// InArray says whether a path starts with an element, which no record does.
func (p Path) InArray() bool { return p[0].kind == segIndex || p[0].kind == segIndexAny }

// Texts are the steps of a path that is literal.
func (p Path) Texts() []string {
	var out []string
	for _, s := range p {
		out = append(out, s.text)
	}
	return out
}
