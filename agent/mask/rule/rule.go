package rule

import (
	"cmp"
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
)

// ID is the number of a rule in its Set, in the order of the files.
type ID int32

// None stands for no rule.
const None ID = -1

// Kind is what an action does. The kinds are ordered: where several rules
// select one value, the smallest is applied.
type Kind byte

// The kinds of actions.
const (
	DropEvent Kind = iota
	DropField
	Redact
	HMAC
	Partial
	TruncateIP
	Truncate
)

// KindNames are the words for the kinds in a rules file.
var KindNames = []string{"drop_event", "drop_field", "redact", "hmac", "partial", "truncate_ip", "truncate"}

func (k Kind) String() string { return KindNames[k] }

// Action is what a rule does to a value.
type Action struct {
	Kind        Kind
	First, Last int    // Partial: characters kept at both ends
	Chars       int    // Truncate: characters kept; HMAC: characters of the hash
	V4, V6      int    // TruncateIP: bits kept
	Key         *Key   // HMAC
	Domain      string // HMAC: hashes are comparable within one domain
}

// Key is a key of the rules files.
type Key struct {
	ID     string
	Secret []byte
	lens   []int // lengths of hashes in use, to recognise markers
}

// OnError is what becomes of a record in which a rule could not be applied. The
// value is replaced either way; the later ones are the stricter.
type OnError byte

// What can become of it.
const (
	DropValue  OnError = iota // the record goes on
	DeadLetter                // it becomes a dead letter
	Stop                      // the agent stops before it
)

// Zones is a set of the in: lists of rules, a bit for each.
type Zones uint64

// MaxZones is how many rules can have an in: list.
const MaxZones = 64

// Rule is one compiled rule.
type Rule struct {
	Name   string // its id in the file
	Action Action
	// Zone is the bit of the in: paths, or 0 where the rule works everywhere.
	Zone Zones
	// Overrides is the rule that gives way to this one, or None.
	Overrides ID
	// KeepObjects: an object below a key that the rule selects by name is
	// looked into instead of being masked as a whole.
	KeepObjects bool
	// ByName: it selects by the names of keys.
	ByName bool
	// KeepWords: values that are words of a language stay.
	KeepWords bool
	Failure   OnError
	When      *Condition // or nil

	Marker []byte // [REDACTED:<id>], made by Add
	Quoted []byte // the same as a JSON string
}

// WorksIn says whether the rule works where these zones are.
func (r *Rule) WorksIn(zones Zones) bool { return r.Zone == 0 || r.Zone&zones != 0 }

// Set are the rules in force. After the last Add it never changes and may be
// shared.
type Set struct {
	Rules  []Rule
	byName map[string]ID
	keys   map[string]*Key
}

// NewSet makes a set without rules.
func NewSet() *Set { return &Set{byName: map[string]ID{}, keys: map[string]*Key{}} }

// Add gives a rule its number. There must be none of its name yet.
func (s *Set) Add(r Rule) ID {
	id := ID(len(s.Rules))
	r.Marker, r.Quoted = []byte(MarkerStart+r.Name+"]"), []byte(`"`+MarkerStart+r.Name+`]"`)
	s.byName[r.Name] = id
	s.Rules = append(s.Rules, r)
	return id
}

// AddKey adds a key. There must be none of its id yet.
func (s *Set) AddKey(k *Key) { s.keys[k.ID] = k }

// Through is the set for records in which fields stand at other places: see
// Condition.Through.
func (s *Set) Through(elsewhere func(path string) [][]string) *Set {
	out := *s
	out.Rules = slices.Clone(s.Rules)
	for i := range out.Rules {
		out.Rules[i].When = out.Rules[i].When.Through(elsewhere)
	}
	return &out
}

// Named finds a rule by its id in the file.
func (s *Set) Named(name string) (ID, bool) {
	id, ok := s.byName[name]
	return id, ok
}

// Key finds a key by its id.
func (s *Set) Key(id string) (*Key, bool) {
	k, ok := s.keys[id]
	return k, ok
}

// Sign lets a rule of kind HMAC use a key, for hashes of so many characters.
func (s *Set) Sign(id ID, key *Key) {
	a := &s.Rules[id].Action
	if a.Key = key; !slices.Contains(key.lens, a.Chars) {
		key.lens = append(key.lens, a.Chars)
	}
}

// Names lists the ids of the rules by their number.
func (s *Set) Names() []string {
	out := make([]string, len(s.Rules))
	for i := range s.Rules {
		out[i] = s.Rules[i].Name
	}
	return out
}

// Of is the rule with a number.
func (s *Set) Of(id ID) *Rule { return &s.Rules[id] }

// Stronger picks the rule to apply where two select the same value. An
// override wins; otherwise the stronger action, then the one that spares no words,
// then the first.
func (s *Set) Stronger(a, b ID) ID {
	switch {
	case a < 0:
		return b
	case b < 0 || a == b:
		return a
	case s.Rules[a].Overrides == b:
		return a
	case s.Rules[b].Overrides == a:
		return b
	case s.Rules[b].Action.Kind < s.Rules[a].Action.Kind:
		return b
	case s.Rules[b].Action.Kind == s.Rules[a].Action.Kind && s.Rules[a].KeepWords && !s.Rules[b].KeepWords:
		return b
	}
	return a
}

// Compare orders rules by their strength, the strongest first.
func (s *Set) Compare(a, b ID) int {
	if a == b {
		return 0
	}
	if s.Stronger(a, b) == a && s.Stronger(b, a) == a {
		return -1
	}
	if s.Stronger(a, b) == b && s.Stronger(b, a) == b {
		return 1
	}
	return cmp.Compare(a, b)
}

// MarkerStart is what the marker of every redacted value starts with.
const MarkerStart = "[REDACTED:"

const hmacPrefix = "hmac:"

// MaxName bounds the ids of rules and keys, which stand in every marker, in
// bytes.
const MaxName = 48

// IsMarker says whether text is exactly what some rule of this set leaves
// behind. Such a value is left alone, so that masking twice changes nothing.
func (s *Set) IsMarker(text []byte) bool { return len(text) > 0 && s.MarkerLength(text) == len(text) }

// MarkerLength is the length of the marker that text starts with, or 0.
func (s *Set) MarkerLength(text []byte) int {
	switch {
	case chars.HasPrefix(text, MarkerStart):
		rest := text[len(MarkerStart):]
		end := slices.Index(rest[:min(len(rest), MaxName+1)], ']')
		if end < 0 {
			return 0
		}
		if _, known := s.byName[string(rest[:end])]; known {
			return len(MarkerStart) + end + 1
		}
	case chars.HasPrefix(text, hmacPrefix):
		rest := text[len(hmacPrefix):]
		end := slices.Index(rest[:min(len(rest), MaxName+1)], ':')
		if end < 0 {
			return 0
		}
		if key, known := s.keys[string(rest[:end])]; known {
			return key.markerLength(rest[end+1:], len(hmacPrefix)+end+1)
		}
	}
	return 0
}

// markerLength says how long a marker with this key is whose hash starts at
// text; before is the length of what stands in front.
func (k *Key) markerLength(text []byte, before int) int {
	n := hashChars.Run(text, 0)
	if slices.Contains(k.lens, n) {
		return before + n
	}
	return 0
}

var hashChars = chars.Alnum("-_")
