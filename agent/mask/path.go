package mask

import (
	"errors"
	"strconv"
	"strings"
)

// segmentKind is what one step of a path pattern accepts.
type segmentKind byte

const (
	segLiteral  segmentKind = iota // a key, byte for byte
	segGlob                        // a key with * in it
	segAny                         // *: any key or index
	segDeep                        // **: any number of steps, none included
	segIndex                       // [3]
	segIndexAny                    // [*]
)

type segment struct {
	kind  segmentKind
	text  string // of segLiteral and segGlob
	index int    // of segIndex
}

// maxIndex bounds [n] in a path: every such number costs a class of steps.
const maxIndex = 255

// parsePath reads a path pattern: keys separated by dots, * for one step, **
// for any number of steps, [*] for any element, [3] for one, ["a.b"] for a key
// with a dot in it.
func parsePath(s string) ([]segment, error) {
	if s == "" {
		return nil, errors.New("the path is empty")
	}
	var out []segment
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
		out, rest = append(out, keySegment(rest[:end])), rest[end:]
	}
	return out, nil
}

func keySegment(s string) segment {
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

// isLiteral says that a path names exactly one place.
func isLiteral(segs []segment) bool {
	for _, s := range segs {
		if s.kind != segLiteral && s.kind != segIndex {
			return false
		}
	}
	return true
}

// globMatch matches s against a pattern in which * stands for any text.
func globMatch(pattern, s string) bool {
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
