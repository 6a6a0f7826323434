package unwrap

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// Kind is what stands around the records of a file.
type Kind string

// The kinds.
const (
	None     Kind = "none"
	Docker   Kind = "docker"   // json-file: {"log":"...\n","stream":"stdout","time":"..."}
	CRI      Kind = "cri"      // 2026-11-28T10:00:00.123Z stdout F ...
	Syslog   Kind = "syslog"   // <14>1 ..., <14>Nov 28 ..., Nov 28 10:00:00 host tag: ..., @cee:
	Journald Kind = "journald" // journalctl -o json: {"MESSAGE":"..."}
	Prefix   Kind = "prefix"   // anything in front of a record on its line; colours
)

// Kinds lists all of them.
func Kinds() []Kind { return []Kind{None, Docker, CRI, Syslog, Journald, Prefix} }

// Parse finds a kind by its name.
func Parse(name string) (Kind, error) {
	for _, k := range Kinds() {
		if string(k) == name {
			return k, nil
		}
	}
	return None, fmt.Errorf("%q is none of the wraps docker, cri, syslog, journald, prefix, none", name)
}

const (
	// looked is how many of the first lines are looked at.
	looked = 8
	// longest is how far the end of the first line is looked for.
	longest = 1 << 20
)

// Detect tells what stands around the records of a file that begins with text. told
// is false while more bytes are needed to know; final says that no more will come.
func Detect(text []byte, final bool) (k Kind, told bool) {
	text = bytes.TrimLeft(text, "\xef\xbb\xbf \r\n\x00")
	if len(text) == 0 {
		return None, final
	}
	if plain, sure := isPlain(text); plain {
		return None, sure || final
	}
	for n := range looked {
		line, rest, ended := bytes.Cut(text, []byte{'\n'})
		if !ended && !final && len(line) < longest {
			break
		}
		if k := kindOf(line); k != None && (k != Prefix || n == 0) { // further down it may be a row that ends with JSON
			return k, true
		}
		if text = bytes.TrimLeft(rest, " \t\r\n"); len(text) == 0 || text[0] == '{' || text[0] == '[' {
			return None, true
		}
		told = true
	}
	return None, told
}

// isPlain reports whether a text begins as a record does that nothing is around, and
// whether that is sure yet.
func isPlain(text []byte) (plain, sure bool) {
	switch {
	case text[0] == '[':
		inside := bytes.TrimLeft(text[1:], " \t\r\n")
		return len(inside) == 0 || inside[0] == '{' || inside[0] == ']', len(inside) > 0
	case text[0] != '{':
		return false, false
	}
	inside := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(inside) == 0 {
		return true, false
	}
	if inside[0] != '"' {
		return true, true
	}
	key, _, whole := bytes.Cut(inside[1:], []byte{'"'})
	if !whole {
		return true, len(key) > longestKey
	}
	return !wrapKeys[string(key)] && !isJournalKey(key), true
}

const longestKey = 64

// wrapKeys are the keys that a line of Docker's json-file may begin with.
var wrapKeys = map[string]bool{"log": true, "stream": true, "time": true, "attrs": true}

// isJournalKey reports whether a key is one of the systemd journal: capitals.
func isJournalKey(key []byte) bool {
	return len(key) > 1 && bytes.IndexFunc(key, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// kindOf tells how one line is wrapped.
func kindOf(line []byte) Kind {
	line = bytes.TrimRight(line, " \t\r")
	var s jsonscan.Scanner
	var p part
	switch {
	case readDocker(&s, line, &p) && p.time != "":
		return Docker
	case readJournald(&s, line, &p):
		return Journald
	case readCRI(line, &p):
		return CRI
	case isSyslog(line):
		return Syslog
	case hasColours(line), standsBefore(&s, line) > 0:
		return Prefix
	}
	return None
}

// A number in front of every line: cat -n, grep -n.
var numbered = regexp.MustCompile(`^[ ]{0,8}[0-9]{1,9}[:\t]`)

// longestPrefix bounds what may stand before a record on its line.
const longestPrefix = 512

// standsBefore is the length of what stands before the record on a line: all up to
// the object that the line ends with; 0 for nothing.
func standsBefore(s *jsonscan.Scanner, line []byte) int {
	n := bytes.IndexByte(line, '{')
	if n <= 0 || n > longestPrefix || bytes.ContainsAny(line[:n], "\"}") || len(bytes.Trim(line[:n], " \t,[\x1e\x00\xef\xbb\xbf")) == 0 {
		return 0
	}
	s.Reset(line[n:])
	if s.Next() != jsonscan.BeginObject || !s.Skip(jsonscan.BeginObject) || s.Next() != jsonscan.EOF {
		return 0
	}
	return n
}

// hasColours reports whether a line holds sequences that set a terminal's colours.
func hasColours(line []byte) bool {
	return bytes.IndexByte(line, 0x1b) >= 0 && colours.Match(line)
}

// colours are the sequences of jq -C, grep --color and most loggers. No JSON holds
// them: it writes the escape character as \u001b.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*[mK]")
