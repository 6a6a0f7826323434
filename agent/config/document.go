package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// document parses the file into the node of its one document. It is nil where
// the file is empty or a mistake was noted.
func (d *decoder) document(data []byte) *yaml.Node {
	if at := invalidUTF8(data); at >= 0 {
		line := bytes.Count(data[:at], []byte("\n"))
		column := utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1 : at])
		d.failAt(place{line + 1, column + 1}, "", "not UTF-8 text", "")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch {
	case err == nil:
		d.fail(&second, "", "a second document begins here; a configuration is one document")
	case !errors.Is(err, io.EOF):
		d.syntaxError(data, err)
	case !d.refused(&first):
		return first.Content[0]
	}
	return nil
}

// refused notes what the decoder does not take anywhere: anchors, aliases and
// tags. In a configuration each is more often a value that lacks its quotes,
// and would silently become another one.
func (d *decoder) refused(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.fail(n, "", "aliases are not supported; a value that begins with * needs quotes")
		return true
	case n.Anchor != "":
		d.fail(n, "", "anchors are not supported; a value that begins with & needs quotes")
		return true
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, "", "tags are not supported; a value that begins with ! needs quotes")
		return true
	}
	found := false
	for _, child := range n.Content {
		found = d.refused(child) || found
	}
	return found
}

// syntaxError notes what the YAML parser could not read, at the place where it
// stopped understanding. Its own line numbers are of little use: they name the
// beginning of the surrounding block, and some count from 0.
func (d *decoder) syntaxError(data []byte, err error) {
	lines := bytes.SplitAfter(data, []byte("\n"))
	at := firstBad(nil, lines)
	line := lines[at]
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	problem, ofLine := explain(err)
	column := indent
	switch {
	case bytes.HasPrefix(line[indent:], []byte("\t")):
		problem = "a tab cannot indent YAML; use spaces"
	case !ofLine:
		column = firstBad(bytes.Join(lines[:at], nil), bytes.Split(line, nil))
	}
	d.failAt(place{at + 1, column + 1}, "", problem, "")
}

// firstBad finds the index of the piece, a line or a character, after the
// longest beginning that is YAML by itself. There the mistake is, or begins: a
// quote or bracket that does not end.
func firstBad(head []byte, pieces [][]byte) int {
	const most = 5000 // pieces; the effort grows with their square
	for end := min(len(pieces), most) - 1; end > 0; end-- {
		var n yaml.Node
		if yaml.Unmarshal(slices.Concat(head, bytes.Join(pieces[:end], nil)), &n) == nil {
			return end
		}
	}
	return 0
}

// explanations turn the parser's words into what a writer of YAML can do.
var explanations = []struct {
	says, means string
	ofLine      bool // the mistake is the line's indentation, not a character
}{
	{"mapping values are not allowed", `": " stands where no key can be; put the value in quotes or mend the indentation`, false},
	{"could not find expected ':'", `a line that is not "key: value"; mend the indentation or put the value in quotes`, true},
	{"did not find expected key", "neither a key nor the end of the section; mend the indentation or the quotes", true},
	{"did not find expected '-'", "neither an entry of the list nor its end; mend the indentation", true},
	{"did not find expected ',' or", "a list or section in brackets does not go on or end here; a value that holds { } [ ] or a comma needs quotes", false},
	{"unexpected end of stream", "a quote that begins here does not end", false},
	{"cannot start any token", "a value cannot begin with this character; put it in quotes", false},
	{"unknown anchor", "aliases are not supported; a value that begins with * needs quotes", false},
	{"unknown escape character", `an unknown escape in double quotes; write \\ for a backslash, or use single quotes`, false},
	{"control characters are not allowed", "a control character", false},
	{"block sequence entries are not allowed", `"- " stands where no list can be; mend the indentation`, true},
	{"expected <document start>", "something stands after the end of the document; mend the indentation", true},
	{"alphabetic or numeric character", "a value that begins with & or * needs quotes", false},
}

// explain gives the problem of a YAML error, and whether it is one of a line's
// indentation. It never holds a piece of the file: the one message of the parser
// that quotes something is among explanations.
func explain(err error) (problem string, ofLine bool) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	for _, e := range explanations {
		if strings.Contains(message, e.says) {
			return "not YAML: " + e.means, e.ofLine
		}
	}
	var line int
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	return "not YAML: " + message, true
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
