package apisource

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// position is where reading stands, as saved.
type position struct {
	// Next is where the next window starts: every record before it was emitted,
	// and it is too long ago for another one to come late. RFC 3339, UTC.
	Next time.Time `json:"next"`
	// Owed are the stretches of time that were read and are not complete.
	Owed []debt `json:"owed,omitempty"`
	// Oldest is the time of the oldest record that the gateway had.
	Oldest *time.Time `json:"oldest,omitempty"`
}

// position is where the source stands.
func (s *Source) position() position {
	p := position{Next: time.UnixMilli(s.next).UTC(), Owed: s.debts.open}
	if s.retention.oldest != 0 {
		oldest := time.UnixMilli(s.retention.oldest).UTC()
		p.Oldest = &oldest
	}
	return p
}

// latest is far enough in the future for any clock, and well within what
// milliseconds can say.
var latest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// parsePosition decodes a saved position. The error says that no version of this
// package wrote it.
func parsePosition(data []byte) (position, error) {
	var p position
	if err := json.Unmarshal(data, &p); err != nil {
		return position{}, errors.New("read the position: not one of an audit API")
	}
	if p.Next.Before(time.UnixMilli(1)) || p.Next.After(latest) {
		return position{}, errors.New("read the position: no time")
	}
	if len(p.Owed) > maxDebts {
		return position{}, errors.New("read the position: too many debts")
	}
	if p.Oldest != nil && (p.Oldest.Before(time.UnixMilli(0)) || p.Oldest.After(latest)) {
		return position{}, errors.New("read the position: no time of the oldest record")
	}
	for _, d := range p.Owed {
		if !d.From.Before(d.To) || d.From.Before(time.UnixMilli(0)) || d.To.After(latest) {
			return position{}, errors.New("read the position: a debt without a time")
		}
	}
	return p, nil
}

func (p position) encode() []byte {
	data, _ := json.Marshal(p) // times before the year 10000 always have a JSON form
	return data
}

// Describe renders a saved position for a person.
func Describe(data []byte) (string, error) {
	p, err := parsePosition(data)
	if err != nil {
		return "", err
	}
	text := "audit API up to " + p.Next.UTC().Format(time.RFC3339)
	for _, d := range p.Owed {
		text += fmt.Sprintf(", without %d from %s to %s", d.Missing, d.From.UTC().Format(time.RFC3339), d.To.UTC().Format(time.RFC3339))
	}
	return text, nil
}
