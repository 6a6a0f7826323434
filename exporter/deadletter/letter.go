package deadletter

import (
	"encoding/json"
	"time"
)

// Letter is one rejected record. Everything in it is masked.
type Letter struct {
	Time   time.Time `json:"time"`            // when it was written
	Reason string    `json:"reason"`          // one word, for example "refused" or "no_time"
	Error  *Error    `json:"error,omitempty"` // Elasticsearch's answer, where it was asked

	Input   string `json:"input"`
	Gateway string `json:"gateway,omitempty"`
	Path    string `json:"path,omitempty"`
	Offset  int64  `json:"offset"` // in the file after decompression; -1 where there is none
	Length  int64  `json:"length"` // of the record in bytes
	// Hash is the keyed hash of a record whose bytes were not kept.
	Hash string `json:"hash,omitempty"`

	// ID and Document are what was, or is to be, sent. Without them the letter
	// can be replayed only from its file.
	ID       string          `json:"_id,omitempty"`
	Document json.RawMessage `json:"document,omitempty"`
	// Record is the masked text of what could not become a document.
	Record string `json:"record,omitempty"`
}

// Error is why Elasticsearch refused a document, reduced: never its reason text.
type Error struct {
	Status int    `json:"status"`
	Type   string `json:"type,omitempty"`
	Field  string `json:"field,omitempty"`
}
