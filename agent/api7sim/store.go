package api7sim

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// Store is what a gateway has recorded. It may be used by several goroutines; its
// zero value is empty and ready for use.
type Store struct {
	mu      sync.RWMutex
	entries []entry // by time; of one instant, in the order they came
	delayed []delayed
}

type entry struct {
	at                                int64 // milliseconds since 1970
	id, eventType, operator, resource string
	text                              []byte // the record's JSON
}

type delayed struct {
	until time.Time
	entry entry
}

// Add records something. Where it stands among the others is decided by its event
// time, so one that comes late is inserted.
func (s *Store) Add(records ...Record) {
	for _, r := range records {
		s.insert(newEntry(r))
	}
}

// AddLate keeps a record back until the gateway's clock says so.
func (s *Store) AddLate(r Record, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delayed = append(s.delayed, delayed{until, newEntry(r)})
}

// AddText records any JSON text as a record of that time.
func (s *Store) AddText(at time.Time, id string, text []byte) {
	s.insert(entry{at: at.UnixMilli(), id: id, text: text})
}

func newEntry(r Record) entry {
	return entry{
		at: milliseconds(r.EventTime), id: r.ID, eventType: r.EventType,
		operator: r.Operator.ID, resource: r.ResourceID, text: r.JSON(),
	}
}

// milliseconds reads an event time of either unit, told by its size.
func milliseconds(eventTime int64) int64 {
	if eventTime < 100_000_000_000 {
		return eventTime * 1000
	}
	return eventTime
}

func (s *Store) insert(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insertLocked(e)
}

func (s *Store) insertLocked(e entry) {
	at := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].at > e.at })
	s.entries = slices.Insert(s.entries, at, e)
}

// release records what was kept back until now.
func (s *Store) release(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delayed = slices.DeleteFunc(s.delayed, func(d delayed) bool {
		if d.until.After(now) {
			return false
		}
		s.insertLocked(d.entry)
		return true
	})
}

// Delete removes what was recorded before a time, as the gateway's retention does,
// and says how many that were.
func (s *Store) Delete(before time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].at >= before.UnixMilli() })
	s.entries = slices.Delete(s.entries, 0, n)
	return n
}

// IDs lists the ids of all records, sorted, those kept back included.
func (s *Store) IDs() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make([]string, 0, len(s.entries)+len(s.delayed))
	for _, e := range s.entries {
		ids = append(ids, e.id)
	}
	for _, d := range s.delayed {
		ids = append(ids, d.entry.id)
	}
	slices.Sort(ids)
	return ids
}

// Len is how many records there are, without those kept back.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries)
}

// filter says which records are asked for.
type filter struct {
	from, to                      int64 // milliseconds, both included
	eventType, operator, resource string
}

// find gives the records that a filter lets pass, by time. The texts are shared
// and never changed.
func (s *Store) find(f filter) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	first := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].at >= f.from })
	last := sort.Search(len(s.entries), func(i int) bool { return s.entries[i].at > f.to })
	if first >= last {
		return nil
	}
	found := s.entries[first:last]
	if f.eventType == "" && f.operator == "" && f.resource == "" {
		return slices.Clone(found)
	}
	var passed []entry
	for _, e := range found {
		if pass(f.eventType, e.eventType) && pass(f.operator, e.operator) && pass(f.resource, e.resource) {
			passed = append(passed, e)
		}
	}
	return passed
}

func pass(want, have string) bool { return want == "" || want == have }

// appendTexts appends the records as a JSON array.
func appendTexts(dst []byte, entries []entry) []byte {
	dst = append(dst, '[')
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, e.text...)
	}
	return append(dst, ']')
}
