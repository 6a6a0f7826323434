package apisource

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// Record is one record of an answer.
type Record struct {
	// Raw is its JSON as it stood in the answer. It aliases the answer, which
	// belongs to whoever was given the record.
	Raw []byte
	// At is its event time in milliseconds since 1970; 0 where it has none that
	// can be read.
	At int64
	// Fault is set where the answer is broken and Raw is all of it.
	Fault *event.Fault

	key       key
	coarse    bool // At was given in seconds
	eventType []byte
}

// key stands for a record's id, or for its text where it has none.
type key [16]byte

// page is one answer of the list of records.
type page struct {
	total   int64 // -1 where the answer has none
	records []Record
}

var errNoList = errors.New("no list of records")

// pageParser reads pages. It belongs to one goroutine.
type pageParser struct {
	scan jsonscan.Scanner
	text []byte
	twin map[key]int // records without an id that this page holds
	most int         // records that are taken, wholePage if 0; more are an error
}

var errTooManyRecords = &Error{Reason: "gives more records at once than it was asked for; does the audit API answer at this address?", class: lasting}

// parse reads an answer. Its records alias body. The error carries nothing of it.
func (p *pageParser) parse(body []byte) (page, error) {
	got := page{total: -1}
	listed := false
	clear(p.twin)
	p.scan.Reset(body)
	if p.scan.Next() != jsonscan.BeginObject {
		return page{}, errNoList
	}
	for {
		switch p.scan.Next() {
		case jsonscan.Key:
		case jsonscan.EndObject:
			if p.scan.Next() != jsonscan.EOF || !listed {
				return page{}, errNoList
			}
			return got, nil
		default:
			return page{}, errNoList
		}
		name := string(p.name())
		first := p.scan.Next()
		switch {
		case name == "total" && first == jsonscan.Number:
			if n, err := strconv.ParseInt(string(p.scan.Bytes()), 10, 64); err == nil && n >= 0 {
				got.total = n
			}
		case name == "list" && first == jsonscan.Null:
			listed, got.records = true, nil
		case name == "list" && first == jsonscan.BeginArray:
			listed = true
			var ok bool
			got.records, ok = p.list(body)
			if len(got.records) > cmp.Or(p.most, wholePage) {
				return page{}, errTooManyRecords
			}
			if !ok {
				return page{}, errNoList
			}
		default:
			if !p.scan.Skip(first) {
				return page{}, errNoList
			}
		}
	}
}

// list reads the array that was just opened.
func (p *pageParser) list(body []byte) ([]Record, bool) {
	var records []Record
	for {
		first := p.scan.Next()
		if first == jsonscan.EndArray {
			return records, true
		}
		start := p.scan.Start()
		var r Record
		ok := first != jsonscan.Invalid && first != jsonscan.EOF
		if first == jsonscan.BeginObject {
			ok = p.record(&r)
		} else if ok {
			ok = p.scan.Skip(first)
		}
		if !ok {
			return nil, false
		}
		r.Raw = body[start:p.scan.End():p.scan.End()]
		if r.key == (key{}) {
			r.key = p.keyOfText(r.Raw)
		} else { // another time under the same id is another record
			r.key = keyOf(binary.BigEndian.AppendUint64(r.key[:], uint64(r.At)))
		}
		if records = append(records, r); len(records) > cmp.Or(p.most, wholePage) {
			return records, false
		}
	}
}

// record reads the object that was just opened, as far as it matters here.
func (p *pageParser) record(r *Record) bool {
	for {
		switch p.scan.Next() {
		case jsonscan.Key:
		case jsonscan.EndObject:
			return true
		default:
			return false
		}
		name := p.name()
		isID, isTime, isType := string(name) == "id", string(name) == "event_time", string(name) == "event_type"
		first := p.scan.Next()
		if !p.scan.Skip(first) {
			return false
		}
		if !first.IsScalar() || first == jsonscan.Null {
			continue
		}
		token := p.scan.Bytes()
		switch {
		case isID && event.Token(token).NamesRecord():
			p.text = event.Token(token).AppendText(append(p.text[:0], "id\x00"...))
			r.key = keyOf(p.text)
		case isTime:
			p.text = event.Token(token).AppendText(p.text[:0])
			r.At, r.coarse = readTime(p.text)
		case isType:
			r.eventType = event.Token(token).AppendText(nil)
		}
	}
}

func (p *pageParser) name() []byte {
	token := p.scan.Bytes()
	if !p.scan.Escaped() {
		return token[1 : len(token)-1]
	}
	p.text = jsonscan.AppendUnquoted(p.text[:0], token)
	return p.text
}

// keyOfText is the key of a record without an id. Equal ones of one page are told
// apart by their number.
func (p *pageParser) keyOfText(raw []byte) key {
	p.text = append(append(p.text[:0], "text\x00"...), raw...)
	k := keyOf(p.text)
	if p.twin == nil {
		p.twin = map[key]int{}
	}
	p.twin[k]++
	return keyOf(strconv.AppendInt(p.text, int64(p.twin[k]), 10))
}

func keyOf(text []byte) key {
	sum := sha256.Sum256(text)
	return key(sum[:16])
}

// Below these a number is seconds (until the year 5138), milliseconds, microseconds;
// above, nanoseconds. The decoder of records tells units apart in the same way.
const (
	maxSeconds      = 100_000_000_000
	maxMilliseconds = 1000 * maxSeconds
	maxMicroseconds = 1000 * maxMilliseconds
)

// readTime reads an event time, 0 for one that it cannot read. coarse says that it
// is given in seconds.
func readTime(text []byte) (at int64, coarse bool) {
	if t, err := time.Parse(time.RFC3339, string(text)); err == nil {
		return max(t.UnixMilli(), 0), false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
		if err != nil || !(f > 0 && f < math.MaxInt64/2000) {
			return 0, false
		}
		if f < maxSeconds {
			return int64(f * 1000), false
		}
		n = int64(f)
	}
	switch {
	case n <= 0:
		return 0, false
	case n < maxSeconds:
		return n * 1000, true
	case n < maxMilliseconds:
		return n, false
	case n < maxMicroseconds:
		return n / 1000, false
	}
	return n / 1_000_000, false
}
