package detect

import (
	"slices"

	"github.com/auditship/auditship/agent/mask/chars"
)

// ID is the row of a detector in Table.
type ID uint8

// Count is how many detectors there are.
const Count = len(Table)

// Adding rows beyond what a Set can hold does not compile.
var _ [setBits - Count]struct{}

// Span is a stretch of a text, in bytes.
type Span struct{ Start, End int }

// Row is one detector.
type Row struct {
	// Name is what rules call it.
	Name string
	// Vendor: it belongs to the group that rules call "vendors".
	Vendor bool
	// Tokens say what it looks for, where a fixed start is enough to know it.
	Tokens []Token

	// Needs are the literals of which one stands in every text that Find finds
	// something in, of three bytes or more, or a single byte. Digits says the
	// same of so many digits. Rows with Tokens have none of the three.
	Needs  []string
	Digits int
	// Find appends what it finds in text. torn says that the text may have been
	// cut off at its end, so that the start of a secret is enough.
	Find func(dst []Span, text []byte, torn bool) []Span

	// Finds are texts in which it finds what stands between « and », and Keeps
	// those in which it finds nothing. {40} stands for forty made letters and
	// digits, {h40} for hexadecimal ones, {d40} for digits, {U40} for capitals
	// and digits.
	Finds, Keeps []string
}

// MinText is the length below which no detector finds anything: pin=1.
const MinText = 5

// Named gives the row with a name, or those of a group.
func Named(name string) (rows []ID) {
	for i := range Table {
		if Table[i].Name == name || name == Vendors && Table[i].Vendor {
			rows = append(rows, ID(i))
		}
	}
	return rows
}

// Vendors is the name of the group of all tokens of vendors.
const Vendors = "vendors"

// Names lists what Named knows.
func Names() []string {
	out := []string{Vendors}
	for i := range Table {
		out = append(out, Table[i].Name)
	}
	return out
}

// Find appends what a detector finds in text.
func Find(id ID, dst []Span, text []byte, torn bool) []Span {
	row := &Table[id]
	for i := range row.Tokens {
		dst = row.Tokens[i].find(dst, text, torn)
	}
	if row.Find != nil {
		dst = row.Find(dst, text, torn)
	}
	return dst
}

// needs are the literals and digits of a row.
func (r *Row) needs() []string {
	out := slices.Clone(r.Needs)
	for i := range r.Tokens {
		if t := &r.Tokens[i]; len(t.Prefix) < 3 {
			out = append(out, each(t.Prefix, t.Of)...)
		} else {
			out = append(out, t.Prefix)
		}
	}
	return out
}

// Personal says whether a detector can find something in the name of a person
// or a thing: nobody is named like a key or a card.
func Personal(id ID) bool {
	switch Table[id].Name {
	case "email", "phone", "iban", "ip":
		return true
	}
	return false
}

// looksMade tells a generated value from a word: it holds a digit, a capital
// that does not open it, or is longer than words are.
func looksMade(b []byte) bool {
	if len(b) >= 20 {
		return true
	}
	return slices.ContainsFunc(b, chars.IsDigit) || slices.ContainsFunc(b[1:], chars.IsUpper)
}
