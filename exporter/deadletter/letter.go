package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Letter is one rejected record. Everything in it is masked.
type Letter struct {
	Time   time.Time `json:"time"`            // when it was written
	Reason string    `json:"reason"`          // one word, for example "refused" or "no_time"
	Error  *Error    `json:"error,omitempty"` // Elasticsearch's answer, where it was asked
	// Detail says more about the reason, in words; nothing of what the record says.
	Detail string `json:"detail,omitempty"`

	Input   string `json:"input"`
	Gateway string `json:"gateway,omitempty"`
	Path    string `json:"path,omitempty"`
	Offset  int64  `json:"offset"` // in the file after decompression; -1 where there is none
	Length  int64  `json:"length"` // of the record in bytes
	// Count is how many rejected records that are alike the letter stands for, 0 for
	// one; Last is the offset of the last of them.
	Count int64 `json:"count,omitempty"`
	Last  int64 `json:"last_offset,omitempty"`
	// Hash is the keyed hash of a record whose bytes were not kept.
	Hash string `json:"hash,omitempty"`

	// ID and Document are what was, or is to be, sent. Without them the letter
	// can be replayed only from its file.
	ID       string          `json:"_id,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
	// Record is the masked text of what could not become a document.
	Record string `json:"record,omitempty"`
}

// Records is how many records the letter stands for.
func (l *Letter) Records() int64 { return max(l.Count, 1) }

// Error is why Elasticsearch refused a document, reduced: never its reason text.
type Error struct {
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"`
	Field  string `json:"field,omitempty"`
}

// Finished reports whether the letter holds a document that can be sent.
func (l *Letter) Finished() bool { return l.ID != "" && len(l.Document) > 0 }

// appendTo adds the letter's line to text. The document keeps its bytes, but
// for white space between its values.
func (l Letter) appendTo(text *bytes.Buffer) error {
	if len(l.Document) > 0 && !json.Valid(l.Document) {
		// It could not be sent as it is, but must not keep the letter from
		// being written.
		l.Record, l.Document = string(l.Document), nil
	}
	line := json.NewEncoder(text)
	line.SetEscapeHTML(false)
	if err := line.Encode(l); err != nil {
		return fmt.Errorf("encode a dead letter: %w", err)
	}
	return nil
}

// parseLetter reads a line.
func parseLetter(line []byte) (Letter, error) {
	var l Letter
	if err := json.Unmarshal(line, &l); err != nil {
		return Letter{}, fmt.Errorf("not a dead letter: %w", withoutValues(err))
	}
	if l.Reason == "" || l.Time.IsZero() {
		return Letter{}, fmt.Errorf("not a dead letter: no reason or time")
	}
	return l, nil
}

// withoutValues reduces an error of encoding/json, which may quote what it read.
func withoutValues(err error) error {
	var wrongType *json.UnmarshalTypeError
	var broken *json.SyntaxError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Errorf("a wrong type at %s", wrongType.Field)
	case errors.As(err, &broken):
		return fmt.Errorf("broken JSON at byte %d", broken.Offset)
	}
	return errors.New("a value is not valid")
}
