package health

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// Inputs is how far the inputs are: when each was read to its end, and what it owes.
// An agent is ready while every input was read to its end within its interval and owes
// nothing. The zero value has no inputs.
type Inputs struct {
	mu     sync.Mutex
	inputs map[event.InputID]*inputState
}

type inputState struct {
	within time.Duration // how long ago its end may have been reached; 0: for ever
	began  time.Time
	end    time.Time // when its end was reached last; zero: not yet
	owed   map[debtKey]event.Debt
}

type debtKey struct {
	kind event.DebtKind
	key  string
}

// patience is how many intervals an input has to reach its end again, and a time that
// a busy machine may take in any case.
const (
	patience     = 3
	leastPatient = 30 * time.Second
)

// Follow adds an input that is looked at once in every interval.
func (i *Inputs) Follow(input event.InputID, interval time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.of(input)
	s.within, s.began = max(patience*interval, leastPatient), time.Now()
}

func (i *Inputs) of(input event.InputID) *inputState {
	if i.inputs == nil {
		i.inputs = map[event.InputID]*inputState{}
	}
	s := i.inputs[input]
	if s == nil {
		s = &inputState{owed: map[debtKey]event.Debt{}}
		i.inputs[input] = s
	}
	return s
}

// ReachedEnd notes that everything that an input had just now was read.
func (i *Inputs) ReachedEnd(input event.InputID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of(input).end = time.Now()
}

// Owe takes what a source says of a debt of d.Input. It reports whether it is news
// that a debt arose or ended, so that the caller logs it once.
func (i *Inputs) Owe(d event.Debt) (news bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, key := i.of(d.Input), debtKey{d.Kind, d.Key}
	before, open := s.owed[key]
	if d.Ended != "" {
		delete(s.owed, key)
		return open
	}
	switch {
	case open:
		d.Since = before.Since
	case d.Since.IsZero():
		d.Since = time.Now()
	}
	s.owed[key] = d
	return !open
}

// Owed lists what is owed, by input, kind and age. That an input was not read to its
// end in time is among it.
func (i *Inputs) Owed() []event.Debt {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, list := time.Now(), []event.Debt{}
	for input, s := range i.inputs {
		if d, unread := s.unread(now); unread {
			d.Input = input
			list = append(list, d)
		}
		for _, d := range s.owed {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b event.Debt) int {
		return cmp.Or(cmp.Compare(a.Input, b.Input), cmp.Compare(a.Kind, b.Kind), a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key))
	})
	return list
}

// unread is the debt of an input whose end was not reached in time.
func (s *inputState) unread(now time.Time) (event.Debt, bool) {
	switch {
	case s.within == 0 || !s.end.IsZero() && now.Sub(s.end) <= s.within:
		return event.Debt{}, false
	case s.end.IsZero():
		return event.Debt{Kind: event.DebtUnread, Since: s.began, Reason: "is being read; its end was not reached yet since the start"}, true
	}
	return event.Debt{Kind: event.DebtUnread, Since: s.end, Reason: fmt.Sprintf(
		"was last read to its end at %s, though it should be every %s", s.end.UTC().Format(time.RFC3339), s.within)}, true
}

// counts is how many debts of each kind an input has.
func (i *Inputs) counts() map[event.InputID]map[event.DebtKind]int64 {
	counts := map[event.InputID]map[event.DebtKind]int64{}
	i.mu.Lock()
	for input := range i.inputs {
		counts[input] = map[event.DebtKind]int64{}
	}
	i.mu.Unlock()
	for _, d := range i.Owed() {
		counts[d.Input][d.Kind] += max(d.Count, 1)
	}
	return counts
}

// ends is when the end of each input was reached last.
func (i *Inputs) ends() map[event.InputID]time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	ends := map[event.InputID]time.Time{}
	for input, s := range i.inputs {
		if !s.end.IsZero() {
			ends[input] = s.end
		}
	}
	return ends
}
