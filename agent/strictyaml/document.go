package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Document parses the file into the node of its one document. It is nil where
// the file is empty or a mistake was noted.
func (r *Reader) Document(data []byte) *yaml.Node {
	if at := invalidUTF8(data); at >= 0 {
		line := bytes.Count(data[:at], []byte("\n"))
		column := utf8.RuneCount(data[bytes.LastIndexByte(data[:at], '\n')+1 : at])
		r.FailAt(Place{line + 1, column + 1}, "", "not UTF-8 text", "")
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
		r.Fail(&second, "", "a second document begins here; the file must be one document")
	case !errors.Is(err, io.EOF):
		r.syntaxError(data, err)
	case !r.refused(&first):
		return first.Content[0]
	}
	return nil
}

// refused notes what is not taken anywhere: anchors, aliases and tags. Each is more
// often a value that lacks its quotes, and would silently become another one.
func (r *Reader) refused(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.Fail(n, "", "aliases are not supported; a value that begins with * needs quotes")
		return true
	case n.Anchor != "":
		r.Fail(n, "", "anchors are not supported; a value that begins with & needs quotes")
		return true
	case n.Style&yaml.TaggedStyle != 0:
		r.Fail(n, "", "tags are not supported; a value that begins with ! needs quotes")
		return true
	}
	found := false
	for _, child := range n.Content {
		found = r.refused(child) || found
	}
	return found
}

// syntaxError notes what the YAML parser could not read, at the place where it
// stopped understanding. Its own line numbers are of little use: they name the
// beginning of the surrounding block, and some count from 0. They are used for
// very large files only.
func (r *Reader) syntaxError(data []byte, err error) {
	problem, own, ofLine := explain(err)
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	at, ok := firstBad(data, starts)
	if !ok {
		at = min(max(own, 1), len(starts)) - 1
	}
	line, _, _ := bytes.Cut(data[starts[at]:], []byte("\n"))
	column := len(line) - len(bytes.TrimLeft(line, " "))
	if bytes.HasPrefix(line[column:], []byte("\t")) {
		problem, ofLine = "a tab cannot indent YAML; use spaces", true
	}
	if !ofLine && ok {
		var characters []int
		for i := range string(line) {
			characters = append(characters, starts[at]+i)
		}
		column, _ = firstBad(data[:starts[at]+len(line)], characters)
	}
	r.FailAt(Place{at + 1, column + 1}, "", problem, "")
}

// firstBad finds the index of the last of some offsets, of lines or characters,
// before which the data is YAML by itself. There the mistake is, or begins: a
// quote or bracket that does not end. The effort grows with the square of the
// size; where it would be too much, firstBad is not ok.
func firstBad(data []byte, starts []int) (index int, ok bool) {
	const most = 16 << 20 // bytes to parse, well below a second
	if len(starts)*len(data) > most {
		return 0, false
	}
	for i := len(starts) - 1; i > 0; i-- {
		var n yaml.Node
		if yaml.Unmarshal(data[:starts[i]], &n) == nil {
			return i, true
		}
	}
	return 0, true
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
	{"did not find expected ',' or", "brackets are not closed, or hold a value that needs quotes for its { } [ ] or comma", false},
	{"unexpected end of stream", "a quote is not closed", false},
	{"cannot start any token", "a value cannot begin with this character; put it in quotes", false},
	{"unknown anchor", "aliases are not supported; a value that begins with * needs quotes", false},
	{"unknown escape character", `an unknown escape in double quotes; write \\ for a backslash, or use single quotes`, false},
	{"control characters are not allowed", "a control character", false},
	{"block sequence entries are not allowed", `"- " stands where no list can be; mend the indentation`, true},
	{"expected <document start>", "something stands after the end of the document; mend the indentation", true},
	{"alphabetic or numeric character", "a value that begins with & or * needs quotes", false},
}

// explain gives the problem of a YAML error, the line that the parser names or
// 0, and whether the problem is one of a line's indentation. It never holds a
// piece of the file: the one message of the parser that quotes something is
// among explanations.
func explain(err error) (problem string, line int, ofLine bool) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	for _, e := range explanations {
		if strings.Contains(message, e.says) {
			return "not YAML: " + e.means, line, e.ofLine
		}
	}
	return "not YAML: " + message, line, true
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
