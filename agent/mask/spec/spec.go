package spec

import (
	"regexp"

	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/paths"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Place is where something stands in a rules file.
type Place struct {
	File         string
	Line, Column int    // from 1
	Key          string // such as masking.rules[2].action
}

// File is a rules file after parsing.
type File struct {
	Off     bool // defaults: off
	Failure rule.OnError
	Limits  Limits
	Stated  map[string]bool // the limits that the file states, by their keys
	Keys    []Key
	Allow   []Allow
	Rules   []Rule
	Tests   []Test
}

// Limits bound the work for one value.
type Limits struct {
	Depth  int // of containers in a record
	Decode int // of texts inside texts: JSON in a string, base64, percent-encoding
	Length int // of a string, in bytes
	Regex  int // of a regular expression, in bytes
}

// DefaultLimits are those of a file that states none.
var DefaultLimits = Limits{Depth: 10_000, Decode: 4, Length: 8 << 20, Regex: 1000}

// Key is an entry of keys: either File or Env says where the key is.
type Key struct {
	At        Place
	ID        string
	File, Env string
	MinBytes  int
}

// Allow is an entry of allow: what has one of the paths, if there are any, and the
// value, if there is one.
type Allow struct {
	At            Place
	Paths         []Path
	Value, Reason string
}

// Rule is an entry of rules. It has exactly one of Paths, Keys, Detect and
// Match.
type Rule struct {
	At       Place
	Builtin  bool
	ID       string
	When     *rule.Condition // or nil
	In       []Path          // where Keys, Detect and Match work; empty for everywhere
	Paths    []Path
	Keys     []Text
	Detect   []detect.ID
	Match    []*regexp.Regexp
	Literal  string // that every match holds, or ""
	Objects  bool   // objects are masked as a whole, too
	Whole    bool   // of Keys: the entry is all of the name
	Words    bool   // values that are words of a language go, too
	Action   rule.Action
	KeyID    string // of action hmac
	KeyAt    Place
	Failure  *rule.OnError // or nil
	Override string        // id of the rule that gives way, or ""
	Reason   string
}

// Path is a path with its place.
type Path struct {
	At   Place
	Text string
	Path paths.Path
}

// Text is a text with its place.
type Text struct {
	At   Place
	Text string
}

// Test is an example in a rules file.
type Test struct {
	At      Place
	Name    string
	In, Out []byte // JSON
	Dropped bool   // instead of Out
}
