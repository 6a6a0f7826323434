package sink

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/bench/events"
)

// Counts is what a Sink saw.
type Counts struct {
	Requests  int64 // bulk requests
	Documents int64 // in them
	Bytes     int64 // their bodies before compression
	WireBytes int64 // their bodies as they came
	Arrived   int64 // different events
	Again     int64 // documents with the _id of one that was there: answered by 409
	Doubled   int64 // events that came under more than one _id, or without one
	Unknown   int64 // documents that are no event
	Checked   int64 // documents that were looked into
	Leaked    int64 // of these, with a secret
	Untimed   int64 // of these, without @timestamp
	Cut       int64 // of these, without the body of the request
	LookedUp  int64 // documents that were asked for
}

// Sink takes the events 0 to n-1.
type Sink struct {
	n     int
	every int
	seed  maphash.Seed
	all   chan struct{}

	mu     sync.Mutex
	counts Counts
	seen   []uint64            // a bit for each event
	ids    map[uint64]struct{} // hashes of every _id
	last   time.Time
}

// New makes a sink for n events that looks for secrets in one of every documents.
func New(n, every int) *Sink {
	return &Sink{
		n: n, every: max(every, 1), seed: maphash.MakeSeed(), all: make(chan struct{}),
		seen: make([]uint64, (n+63)/64), ids: make(map[uint64]struct{}, n),
	}
}

// All is closed once every event arrived.
func (s *Sink) All() <-chan struct{} { return s.all }

// Counts returns the counts of this moment.
func (s *Sink) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Lost lists the numbers of events that did not arrive, at most n of them.
func (s *Sink) Lost(n int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lost []int
	for w, word := range s.seen {
		for free := ^word; free != 0 && len(lost) < n; free &= free - 1 {
			if i := w*64 + bits.TrailingZeros64(free); i < s.n {
				lost = append(lost, i)
			}
		}
	}
	return lost
}

// item is a document of a bulk request and its answer.
type item struct {
	id, doc []byte
	number  int // of its event, -1 for none
	status  int
}

// parse reads the body of a bulk request; false if it is none.
func parse(items []item, body []byte) ([]item, bool) {
	for len(body) > 0 {
		var action, doc []byte
		action, body, _ = bytes.Cut(body, []byte("\n"))
		if len(bytes.TrimSpace(action)) == 0 {
			continue
		}
		if !bytes.Contains(action[:min(len(action), 24)], []byte(`"create"`)) {
			return items, false
		}
		doc, body, _ = bytes.Cut(body, []byte("\n"))
		it := item{id: member(action, `"_id"`), doc: doc, number: number(doc), status: 201}
		if it.number < 0 && len(it.id) > len(events.IDPrefix) {
			it.number = parseNumber(it.id) // a shipper that moves the id out of the document
		}
		items = append(items, it)
	}
	return items, true
}

// member is the string that follows a quoted name.
func member(text []byte, name string) []byte {
	_, rest, found := bytes.Cut(text, []byte(name))
	if !found {
		return nil
	}
	rest = bytes.TrimLeft(rest, " :")
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	value, _, found := bytes.Cut(rest[1:], []byte{'"'})
	if !found {
		return nil
	}
	return value
}

// idMembers are how the id of an event may stand in a document.
var idMembers = [][]byte{
	[]byte(`"id":"` + events.IDPrefix), []byte(`"id": "` + events.IDPrefix), []byte(`\"id\":\"` + events.IDPrefix),
}

// number is that of the event in a document, -1 if it holds none.
func number(doc []byte) int {
	for _, m := range idMembers {
		if i := bytes.Index(doc, m); i >= 0 {
			return parseNumber(doc[i+len(m)-len(events.IDPrefix):])
		}
	}
	return -1
}

// parseNumber reads HHHH-LLLL behind the prefix of an id.
func parseNumber(id []byte) int {
	const digits = len(events.IDPrefix)
	if len(id) < digits+9 || string(id[:digits]) != events.IDPrefix || id[digits+4] != '-' {
		return -1
	}
	n := 0
	for i, c := range id[digits : digits+9] {
		switch {
		case i == 4:
		case '0' <= c && c <= '9':
			n = n<<4 | int(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | int(c-'a'+10)
		default:
			return -1
		}
	}
	return n
}

// faults looks for what a shipper should have done and did not.
func faults(doc []byte) (leaked, untimed, cut bool) {
	for _, secret := range events.Secrets {
		leaked = leaked || bytes.Contains(doc, []byte(secret))
	}
	return leaked, !bytes.Contains(doc, []byte(`"@timestamp"`)), !bytes.Contains(doc, []byte(`"upstream"`))
}

// take accounts for the documents of a request and sets their answers. It returns
// whether one of them is an error.
func (s *Sink) take(items []item, wire, size int, offset int) (errs bool) {
	var found Counts
	for i := offset % s.every; i < len(items); i += s.every {
		found.Checked++
		leaked, untimed, cut := faults(items[i].doc)
		found.Leaked += count(leaked)
		found.Untimed += count(untimed)
		found.Cut += count(cut)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counts
	c.Requests++
	c.Documents += int64(len(items))
	c.Bytes += int64(size)
	c.WireBytes += int64(wire)
	c.Checked += found.Checked
	c.Leaked += found.Leaked
	c.Untimed += found.Untimed
	c.Cut += found.Cut
	before := c.Arrived
	for i := range items {
		errs = s.one(&items[i]) || errs
	}
	s.last = time.Now()
	if before < int64(s.n) && c.Arrived == int64(s.n) {
		close(s.all)
	}
	return errs
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// one accounts for one document.
func (s *Sink) one(it *item) (conflict bool) {
	if it.id != nil {
		id := maphash.Bytes(s.seed, it.id)
		if _, there := s.ids[id]; there {
			s.counts.Again++
			it.status = 409
			return true
		}
		s.ids[id] = struct{}{}
	}
	if it.number < 0 || it.number >= s.n {
		s.counts.Unknown++
		return false
	}
	word, bit := it.number/64, uint64(1)<<(it.number%64)
	if s.seen[word]&bit != 0 {
		s.counts.Doubled++
		return false
	}
	s.seen[word] |= bit
	s.counts.Arrived++
	return false
}

// Last is when the last bulk request was accounted for.
func (s *Sink) Last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}
