package eventtime

import (
	"bytes"
	"time"
)

// Longest is how many bytes a time may have.
const Longest = 96

// oldest is the first time that is believed: what lies before is how an unset time,
// a spreadsheet's day number or a wrong unit comes out.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// ahead is how far a time may lie in the future, for clocks and zones that are wrong.
const ahead = 24 * time.Hour

// Reader reads times. Its zero value reads times without a zone as UTC and judges
// the future by the machine's clock.
type Reader struct {
	Location *time.Location   // of times that name no zone; nil is UTC
	Now      func() time.Time // nil is time.Now
}

// Read reads one time, as UTC. The error is a *Fault.
func (r Reader) Read(text []byte) (time.Time, error) {
	t, fault := r.read(text)
	if fault != nil {
		fault.Shape = shape(bytes.TrimSpace(text))
		return time.Time{}, fault
	}
	return t.UTC(), nil
}

func (r Reader) read(text []byte) (time.Time, *Fault) {
	text = bytes.TrimSpace(text)
	if len(text) > Longest {
		return time.Time{}, &Fault{Problem: TooLong}
	}
	if len(text) == 0 {
		return time.Time{}, &Fault{Problem: Empty}
	}
	var t time.Time
	if len(text) < len("2006-01-02T15:04:05Z") || t.UnmarshalText(text) != nil { // RFC 3339, without allocating
		var problem Problem
		if t, problem = r.parse(text); problem != "" {
			return t, &Fault{Problem: problem}
		}
	}
	return t, r.judge(t)
}

func (r Reader) parse(text []byte) (time.Time, Problem) {
	if t, problem, ok := readNumber(text); ok {
		return t, problem
	}
	local := r.Location
	if local == nil {
		local = time.UTC
	}
	return readWritten(plain(text), local)
}

// judge refuses times that no record can have.
func (r Reader) judge(t time.Time) *Fault {
	if t.Before(oldest) {
		return &Fault{Problem: TooOld}
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	// A clock that is itself before the first release judges nothing.
	if at := now(); at.Year() >= 2024 && t.After(at.Add(ahead)) {
		return &Fault{Problem: Ahead}
	}
	return nil
}
