package bulk

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/auditship/auditship/exporter/jsonscan"
)

// Document is one document to be created. The Sender reads it until Send
// returns, and never changes it.
type Document struct {
	// ID is its _id: 22 characters of base64url.
	ID [22]byte
	// Source is one JSON object without a line break.
	Source []byte
	// EventAt is the offset in Source at which the members of its object "event"
	// begin: there event.ingested is put, the time at which it is sent. 0: it is
	// sent as it is. See Stampable.
	EventAt int
	// Time is its @timestamp in milliseconds since 1970.
	Time int64
	// Doubtful says that it may have been sent before, by this process or
	// another: it is looked up in every backing index before it is sent.
	Doubtful bool
}

// The action line before each document.
const (
	actionHead = `{"create":{"_id":"`
	actionTail = "\"}}\n"
	actionSize = len(actionHead) + 22 + len(actionTail)
)

// size is what a document adds to a request's body.
func (d *Document) size() int {
	n := actionSize + len(d.Source) + 1
	if d.EventAt > 0 {
		n += stampSize
	}
	return n
}

// The stamp of a document that is sent now.
const (
	stampLayout = `"ingested":"2006-01-02T15:04:05.000Z",`
	stampSize   = len(stampLayout)
)

// Stampable makes a document ready that was put away: without the stamp of an earlier
// time, and with its EventAt. It gives source as it is, and 0, where there is no object
// "event" with other members.
func Stampable(source []byte) ([]byte, int) {
	var s jsonscan.Scanner
	s.Reset(source)
	if s.Next() != jsonscan.BeginObject {
		return source, 0
	}
	for s.Next() == jsonscan.Key {
		isEvent := string(s.Bytes()) == `"event"`
		first := s.Next()
		if isEvent && first == jsonscan.BeginObject {
			return unstamped(source, &s)
		}
		if !s.Skip(first) {
			break
		}
	}
	return source, 0
}

// unstamped goes through the object "event", which was just opened.
func unstamped(source []byte, s *jsonscan.Scanner) ([]byte, int) {
	begin, others := s.End(), 0
	from, to := 0, 0 // the stamp
	for s.Next() == jsonscan.Key {
		start, isStamp := s.Start(), string(s.Bytes()) == `"ingested"`
		if !s.Skip(s.Next()) {
			return source, 0
		}
		if isStamp {
			from, to = start, s.End()
		} else {
			others++
		}
	}
	if others == 0 {
		return source, 0
	}
	if to == 0 {
		return source, begin
	}
	if rest := bytes.TrimLeft(source[to:], " \t\r\n"); rest[0] == ',' {
		to = len(source) - len(rest) + 1
	} else { // it is the last
		from = bytes.LastIndexByte(source[:from], ',')
	}
	return slices.Concat(source[:from], source[to:]), begin
}

// malformed is the type of the refusal of a document that would break the body
// of its request and so harm its neighbours; "" for a good one.
func (d *Document) malformed() string {
	for _, c := range d.ID {
		if !inID[c] {
			return TypeMalformedID
		}
	}
	if len(d.Source) < 2 || d.Source[0] != '{' || d.EventAt < 0 || d.EventAt > len(d.Source) || bytes.IndexByte(d.Source, '\n') >= 0 {
		return TypeMalformedSource
	}
	return ""
}

// inID is the alphabet of base64url.
var inID = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		set[c] = true
	}
	return set
}()

// body is the memory of one request and its answer, used again and again.
type body struct {
	buf    bytes.Buffer
	gzip   *gzip.Writer
	stage  *bufio.Writer // before gzip, which is slow with small pieces
	answer []byte
	parsed answer
}

// bodies hands out the memory of requests: the one that came back last first, so that
// there are never more than calls of Send at one time.
type bodies struct {
	mu   sync.Mutex
	free []*body
}

func (p *bodies) get() *body {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return new(body)
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	return b
}

// put takes b back. bufFree says that the transport does not read its buffer
// any more; otherwise the buffer is left to it. What one outsize document blew
// up is not kept.
func (p *bodies) put(b *body, bufFree bool, keep int) {
	if !bufFree || b.buf.Cap() > keep {
		b.buf = bytes.Buffer{}
	}
	if cap(b.answer) > keep {
		b.answer = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}

// build writes the documents named by chunk into b.buf, compressed if asked.
// It returns the size before compression.
func (b *body) build(docs []Document, chunk []int32, compress bool) (int, error) {
	b.buf.Reset()
	size := 0
	for _, i := range chunk {
		size += docs[i].size()
	}
	var w io.Writer = &b.buf
	if !compress {
		b.buf.Grow(size) // by appending it would become twice as large as needed
	} else {
		if b.gzip == nil {
			b.gzip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
			b.stage = bufio.NewWriterSize(b.gzip, 64<<10)
		}
		b.gzip.Reset(&b.buf)
		w = b.stage
	}
	stamp := time.Now().UTC().AppendFormat(nil, stampLayout)
	var line [actionSize]byte
	copy(line[:], actionHead)
	copy(line[len(actionHead)+22:], actionTail)
	for _, i := range chunk {
		d := &docs[i]
		copy(line[len(actionHead):], d.ID[:])
		if err := writeDocument(w, line[:], d, stamp); err != nil {
			return 0, err
		}
	}
	if !compress {
		return size, nil
	}
	if err := b.stage.Flush(); err != nil {
		return 0, err
	}
	return size, b.gzip.Close()
}

var newline = []byte{'\n'}

func writeDocument(w io.Writer, action []byte, d *Document, stamp []byte) error {
	if d.EventAt == 0 {
		stamp = nil
	}
	for _, part := range [...][]byte{action, d.Source[:d.EventAt], stamp, d.Source[d.EventAt:], newline} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
