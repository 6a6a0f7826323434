package bulk

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// Config of a Sender. Everything but Stream has a working zero value.
type Config struct {
	// Stream is the data stream.
	Stream string
	// MaxBytes bounds the body of one request before compression; a larger
	// document has a request of its own. Each Send under way needs about as
	// much memory without Gzip, and a sixth of it with. Default 5 MiB.
	MaxBytes int
	// Gzip compresses requests.
	Gzip bool
	// ClockSkew is how far the clocks of the documents' @timestamp and of
	// Elasticsearch may differ. Default 2 h; negative for none.
	ClockSkew time.Duration
	// Backoff is the pause before something is tried again. Default from 250 ms
	// to 10 s, and 1 min if the server asks for it.
	Backoff peer.Backoff
	// RefreshEvery is how old the list of backing indices may be for documents
	// newer than all that is known of them; a list may never be older for
	// others. Default 1 s.
	RefreshEvery time.Duration
	// Settle is how long a request whose answer was not heard may go on. What it
	// held is not looked up before, since a rollover could then come between.
	// Default 2 s.
	Settle time.Duration
	// Unsettled says that an earlier process may have left such requests behind:
	// Doubtful documents wait as long, counted from New.
	Unsettled bool
	// Notify is told when documents begin to wait for Elasticsearch, when the
	// reason changes and when they got through. It must return soon and must
	// not call the Sender.
	Notify func(Condition)
	// Observe is told of each bulk request that got an answer, from the
	// goroutine that sent it.
	Observe func(Exchange)
}

// Exchange is one bulk request and its answer.
type Exchange struct {
	Documents        int
	Bytes, WireBytes int // before and after compression
	Status           int
	Took             time.Duration
}

// freshEnough is how old the list of backing indices may be for documents that
// an older index may hold although they were not sent before.
const freshEnough = time.Second

// leastRequest is the size to which requests shrink while answers are lost.
const leastRequest = 64 << 10

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 5 << 20
	}
	def(&c.ClockSkew, 2*time.Hour)
	c.ClockSkew = max(c.ClockSkew, 0)
	c.Backoff = c.Backoff.Or(peer.Backoff{Min: 250 * time.Millisecond, Max: 10 * time.Second, AskedMax: time.Minute})
	def(&c.RefreshEvery, time.Second)
	def(&c.Settle, 2*time.Second)
	return c
}

// Sender puts documents into one data stream. It may be used by several
// goroutines at once.
type Sender struct {
	client     *exporter.Client
	cfg        Config
	path       string
	backings   *backings
	bodies     bodies
	conditions conditions
	stats      stats
	claims     claims
	quiet      time.Time // when what an earlier process left behind has come to its end
	// limit is the largest request that is known not to be too large: it
	// shrinks with each 413.
	limit atomic.Int64
}

// New makes a Sender. It sends nothing.
func New(client *exporter.Client, cfg Config) *Sender {
	cfg = cfg.withDefaults()
	s := &Sender{
		client:   client,
		cfg:      cfg,
		path:     "/" + url.PathEscape(cfg.Stream) + "/_bulk?" + filter,
		backings: newBackings(client, cfg.Stream),
	}
	if cfg.Unsettled {
		s.quiet = time.Now().Add(cfg.Settle)
	}
	s.conditions.now, s.conditions.notify = time.Now, cfg.Notify
	s.limit.Store(int64(cfg.MaxBytes))
	return s
}

// Send blocks until every document has its final verdict, which verdict is told
// once for each, from this goroutine and in no certain order. It returns early
// with ctx.Err() when ctx ends, and with verdict's error when that returns one;
// the documents without a verdict are then unsent or in doubt, and the caller
// must mark them Doubtful when it sends them again.
func (s *Sender) Send(ctx context.Context, docs []Document, verdict func(i int, v Verdict) error) error {
	r := &run{s: s, docs: docs, verdict: verdict, state: make([]state, len(docs)), limit: int64(s.cfg.MaxBytes), doubtSince: time.Now(), quiet: s.quiet}
	r.pending = make([]int32, len(docs))
	for i := range docs {
		r.pending[i] = int32(i)
	}
	defer func() {
		s.conditions.clear(r)
		for _, i := range r.pending {
			r.disclaim(i)
		}
	}()
	for len(r.pending) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		out, err := r.round(ctx)
		if caller := (callerError{}); errors.As(err, &caller) {
			return caller.error
		}
		if err != nil {
			return err
		}
		if err := r.pause(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// pause waits as the outcome of a round asks for.
func (r *run) pause(ctx context.Context, out outcome) error {
	if out.why == "" {
		r.tries = 0
		r.s.conditions.clear(r)
		return nil
	}
	r.tries++
	if out.progress {
		r.tries = 1
	}
	// One hiccup is not worth a word; what needs a person is, at once.
	if out.why.Lasting() || r.tries > 1 {
		r.s.conditions.set(r, out.why, out.detail)
	}
	return peer.Sleep(ctx, r.s.cfg.Backoff.Pause(r.tries, out.retryAfter))
}
