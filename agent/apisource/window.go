package apisource

import (
	"net/url"
	"strconv"
)

// Bounds is what was found out of how the gateway takes start_at and end_at.
type Bounds struct {
	// Unit of both, in milliseconds: 1000 or 1.
	Unit int64
	// StartIncluded and EndIncluded say that a record of just that time is in
	// the window. They are only true where it was seen.
	StartIncluded, EndIncluded bool
}

// floor is the last bound at or before a time.
func (b Bounds) floor(at int64) int64 { return at - at%b.Unit }

// end is the exclusive end of a window that reaches to the gateway's clock and asks
// for nothing behind it.
func (b Bounds) end(now int64) int64 {
	if b.EndIncluded {
		return b.floor(now) + b.Unit
	}
	return b.floor(now)
}

// query asks for the records from one time to before another, both multiples of the
// unit. Where it is not known that a bound belongs to the window it is moved by one,
// so that nothing can be missing.
func (b Bounds) query(from, to int64) url.Values {
	start, end := from/b.Unit, to/b.Unit
	if !b.StartIncluded {
		start = max(start-1, 0)
	}
	if b.EndIncluded {
		end--
	}
	return url.Values{"start_at": {strconv.FormatInt(start, 10)}, "end_at": {strconv.FormatInt(end, 10)}}
}
