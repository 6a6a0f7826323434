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
	return p, nil
}

// encode is the position that everything before next is settled.
func encodePosition(next int64) []byte {
	data, _ := json.Marshal(position{time.UnixMilli(next).UTC()}) // times before the year 10000 always have a JSON form
	return data
}

// Describe renders a saved position for a person.
func Describe(data []byte) (string, error) {
	p, err := parsePosition(data)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("audit API up to %s", p.Next.UTC().Format(time.RFC3339)), nil
}
