package exporter

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// How much of an answer is read unless the request says it, so that a peer that is
// broken or hostile cannot fill the memory: many times what is ever needed. JSON is
// decoded into values that may take several times the room of their text.
const (
	maxAnswer = 32 << 20
	maxJSON   = 8 << 20
	// smallAnswer bounds what a running agent asks beside documents.
	smallAnswer = 1 << 20
)

// Answer is what the server said, whatever its status.
type Answer struct {
	Status int
	// RetryAfter is how long the server asked to be left alone; 0 if it did
	// not. It is the peer's wish, not capped.
	RetryAfter time.Duration
	Body       []byte
	// BodyFree says that nothing reads the request's Body any more, so that
	// its memory may be used again. It is set with an error too. When the
	// server answers before it read everything, the request may still be under
	// way in the transport, and BodyFree is false.
	BodyFree bool
}

// Err is nil for a status below 300, else an *Error.
func (a Answer) Err() error {
	if a.Status < 300 {
		return nil
	}
	e := parseError(a.Status, a.Body)
	e.RetryAfter = a.RetryAfter
	return e
}

// Perform sends one request and reads the whole answer, whatever its status,
// into buf, which it grows as needed (nil is fine). An error means that no
// answer came; see NotSent.
func (c *Client) Perform(ctx context.Context, r Request, buf []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return Answer{BodyFree: true}, &peer.NoAnswer{Err: err}
	}
	var sent atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	}))
	readers := attachBody(req, r.Body)
	res, err := c.es.Perform(req)
	if err != nil {
		err = fmt.Errorf("%s %s: %w", r.Method, req.URL.Path, peer.WithoutURL(err))
		return Answer{BodyFree: readers.Load() == 0}, &peer.NoAnswer{Err: err, Made: true, Sent: sent.Load()}
	}
	body, err := readAnswer(res, buf, cmp.Or(r.MaxAnswer, maxAnswer))
	a := Answer{
		Status:     res.StatusCode,
		RetryAfter: peer.RetryAfter(res.Header, time.Now()),
		Body:       body,
		BodyFree:   readers.Load() == 0,
	}
	if err != nil {
		err = fmt.Errorf("%s %s: read the answer: %w", r.Method, req.URL.Path, peer.WithoutURL(err))
		return a, &peer.NoAnswer{Err: err, Made: true, Sent: true}
	}
	return a, nil
}

// attachBody gives the request its body and counts who still reads it. The
// transport reads in a goroutine of its own that may outlive the answer, and it
// asks for a second reader only after a connection failed before anything was
// written.
func attachBody(req *http.Request, body []byte) *atomic.Int32 {
	var readers atomic.Int32
	if body == nil {
		return &readers
	}
	open := func() (io.ReadCloser, error) {
		readers.Add(1)
		b := &bodyReader{readers: &readers}
		b.rest.Reset(body)
		return b, nil
	}
	req.Body, _ = open() // cannot fail
	req.GetBody = open
	req.ContentLength = int64(len(body))
	return &readers
}

// bodyReader reads a body until its end, after which it does not touch it any
// more, or until it is closed.
type bodyReader struct {
	rest    bytes.Reader
	readers *atomic.Int32
	ended   atomic.Bool
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if b.rest.Len() == 0 {
		b.end()
	}
	return n, err
}

func (b *bodyReader) Close() error {
	b.end()
	return nil
}

func (b *bodyReader) end() {
	if b.ended.CompareAndSwap(false, true) {
		b.readers.Add(-1)
	}
}

func readAnswer(res *http.Response, buf []byte, bound int64) ([]byte, error) {
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	w := bytes.NewBuffer(buf[:0])
	if res.ContentLength > bound {
		return nil, ErrAnswerTooLong
	}
	if n := res.ContentLength; n > 0 {
		w.Grow(int(n) + bytes.MinRead)
	}
	if _, err := w.ReadFrom(io.LimitReader(res.Body, bound+1)); err != nil {
		return nil, err
	}
	if int64(w.Len()) > bound {
		return nil, ErrAnswerTooLong
	}
	return w.Bytes(), nil
}

// NotSent reports whether err is that of a request which surely never reached
// the server: no connection came about, or the request could not be made. Any
// other error without an answer leaves open whether the server did what it was
// asked.
func NotSent(err error) bool {
	var e *peer.NoAnswer
	return errors.As(err, &e) && !e.Sent
}
