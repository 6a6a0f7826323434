package reconcile

import (
	"time"

	"github.com/auditship/auditship/agent/event"
)

// Kind is what is wrong with a record or document.
type Kind string

// The kinds.
const (
	Missing    Kind = "missing"    // the gateway has it, Elasticsearch does not
	Altered    Kind = "altered"    // a field is not what the gateway says
	Unexpected Kind = "unexpected" // Elasticsearch has it, the gateway does not
	Twice      Kind = "twice"      // more than one backing index has it
)

// Difference is one thing that is wrong. What it says of the record is masked.
type Difference struct {
	Kind       Kind      `json:"kind"`
	Gateway    string    `json:"gateway"`
	Time       time.Time `json:"time"` // of the record; of the document where there is no record
	DocumentID string    `json:"document_id"`
	EventID    string    `json:"event_id,omitempty"`
	EventType  string    `json:"event_type,omitempty"`
	Operator   string    `json:"operator,omitempty"` // the user name
	// Indices are the backing indices that hold it.
	Indices []string `json:"indices,omitempty"`
	// Fields are those that were altered.
	Fields []Change `json:"fields,omitempty"`
	// Repaired says that the missing document is there now.
	Repaired bool `json:"repaired,omitempty"`
	// Refused is why Elasticsearch did not take the missing document.
	Refused string `json:"refused,omitempty"`
}

// Change is a field that the two sides do not agree on, nil where one has none.
type Change struct {
	Field         string  `json:"field"`
	Gateway       *string `json:"gateway"`
	Elasticsearch *string `json:"elasticsearch"`
}

// Summary is the comparison of one gateway.
type Summary struct {
	Gateway string        `json:"gateway"`
	Input   event.InputID `json:"input"`
	Stream  string        `json:"stream"`
	// From and To are the period, To not included; Until is how far it was
	// compared, To if nothing went wrong.
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Until time.Time `json:"until"`

	Records   int64 `json:"records"`   // at the gateway
	Documents int64 `json:"documents"` // of this gateway, in all backing indices

	Missing    int64 `json:"missing"`
	Repaired   int64 `json:"repaired"` // of the missing
	Altered    int64 `json:"altered"`
	Unexpected int64 `json:"unexpected"`
	Twice      int64 `json:"twice"`

	// Records that become no document, and documents that cannot be compared.
	// None of them is a difference.
	Rejected  int64 `json:"rejected"`  // not readable: the agent makes a dead letter of them
	Dropped   int64 `json:"dropped"`   // by a masking rule
	Expired   int64 `json:"expired"`   // records older than retention, which Elasticsearch deleted in time
	Forgotten int64 `json:"forgotten"` // documents older than all that the gateway still has
	WithoutID int64 `json:"without_id"`

	// Unrefreshed says which changes Elasticsearch's search may not have seen, ""
	// if it saw all that were made before the comparison began.
	Unrefreshed string `json:"unrefreshed,omitempty"`

	Compared []string `json:"compared_fields"`
	Masked   []string `json:"masked_fields"`
}

// Differs says whether the two sides still do.
func (s Summary) Differs() bool {
	return s.Missing-s.Repaired+s.Altered+s.Unexpected+s.Twice > 0
}

func (s *Summary) count(d Difference) {
	switch d.Kind {
	case Missing:
		s.Missing++
		if d.Repaired {
			s.Repaired++
		}
	case Altered:
		s.Altered++
	case Unexpected:
		s.Unexpected++
	case Twice:
		s.Twice++
	}
}
