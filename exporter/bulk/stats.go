package bulk

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats are counts since the Sender was made.
type Stats struct {
	Requests  int64 // bulk requests sent
	Bytes     int64 // their bodies before compression
	WireBytes int64 // their bodies as sent
	// Lookups are requests that asked an index for documents, LookedUp the
	// documents that were asked for, each once however many indices there are.
	Lookups, LookedUp int64
	// Verdicts by kind. Index it with Kind.String().
	Verdicts map[string]int64
	// Retries are documents that had to be sent again, by reason.
	Retries map[Reason]int64
	// PossibleDuplicates are documents that may be there twice: they went into
	// a new write index while an older one turned out to hold them, or while
	// that could not be asked. A key that may only create cannot remove them.
	PossibleDuplicates int64
}

type stats struct {
	requests, bytes, wireBytes    atomic.Int64
	lookups, lookedUp, duplicates atomic.Int64
	verdicts                      [TooLarge + 1]atomic.Int64
	mu                            sync.Mutex
	retries                       map[Reason]int64
}

func (s *stats) retry(why Reason, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retries == nil {
		s.retries = map[Reason]int64{}
	}
	s.retries[why] += int64(n)
}

// Stats returns the counts of this moment.
func (s *Sender) Stats() Stats {
	c := &s.stats
	out := Stats{
		Requests:           c.requests.Load(),
		Bytes:              c.bytes.Load(),
		WireBytes:          c.wireBytes.Load(),
		Lookups:            c.lookups.Load(),
		LookedUp:           c.lookedUp.Load(),
		PossibleDuplicates: c.duplicates.Load(),
		Verdicts:           map[string]int64{},
	}
	for k := Indexed; k <= TooLarge; k++ {
		out.Verdicts[k.String()] = c.verdicts[k].Load()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Retries = maps.Clone(c.retries)
	return out
}
