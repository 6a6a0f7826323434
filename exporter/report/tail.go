package report

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// TailOptions say how Tail follows.
type TailOptions struct {
	Columns  []Column       // default PageColumns
	Location *time.Location // of times; default UTC
	JSON     bool           // an object a line instead of text
	Colours  bool           // of the outcome, in text
	// Every is how often Elasticsearch is asked; default 1s.
	Every time.Duration
	// Waiting, if set, is told once that Elasticsearch cannot be asked, and with nil
	// once it can be again.
	Waiting func(error)

	looked func() // for tests: after each look
}

const (
	// arrivalSlack is how far the clocks of agents and the time until a document can
	// be found may be apart: each question looks so far back again.
	arrivalSlack = 2 * time.Minute
	// tailReach is how old a record may be when Tail begins. What is older and arrives
	// now is a back-fill, which would bury what happens.
	tailReach = time.Hour
	// arrived is the field by which the order of arrival is known.
	arrived = "event.ingested"
)

// Tail writes each record that q describes once, as it can be found, until ctx ends or
// the output cannot be written. It waits where Elasticsearch is away or busy. Records
// that were there before it began, or happened more than an hour before, are left out.
func Tail(ctx context.Context, client *exporter.Client, q Query, w io.Writer, opts TailOptions) error {
	if err := q.Validate(); err != nil {
		return err
	}
	if opts.Columns == nil {
		opts.Columns = PageColumns()
	}
	if opts.Every == 0 {
		opts.Every = time.Second
	}
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	begun := time.Now()
	q.From = begun.Add(-tailReach)
	f := &follower{client: client, query: q, opts: opts, since: begun.Add(-arrivalSlack), seen: map[tie]int64{}}
	out := bufio.NewWriter(w)
	f.out, f.enc = out, f.encoder(out)
	return f.run(ctx)
}

// follower is one Tail.
type follower struct {
	client *exporter.Client
	query  Query
	opts   TailOptions
	out    *bufio.Writer
	enc    encoder

	since time.Time     // what arrived before it is not asked for
	seen  map[tie]int64 // when those arrived that are, in milliseconds since 1970
	quiet bool          // the first look only notes what is there
	told  bool          // of an Elasticsearch that cannot be asked
}

func (f *follower) encoder(out *bufio.Writer) encoder {
	opts := Options{Location: f.opts.Location, Format: NDJSON}
	if f.opts.JSON {
		return newJSONEncoder(out, f.opts.Columns, opts)
	}
	return &lineEncoder{w: out, columns: f.opts.Columns, opts: opts, colours: f.opts.Colours}
}

func (f *follower) run(ctx context.Context) error {
	f.quiet = true
	for {
		err := f.look(ctx)
		if f.opts.looked != nil {
			f.opts.looked()
		}
		switch {
		case ctx.Err() != nil:
			return nil // who follows ends it
		case err == nil:
			f.quiet = false
			f.tell(nil)
		case worthRetrying(err), !f.quiet && isRefusal(err): // rights are unknown too while Elasticsearch starts
			f.tell(err)
		case errors.Is(err, ErrNoStream):
			f.quiet = false // the first record makes it
		default:
			return err
		}
		if peer.Sleep(ctx, f.opts.Every) != nil {
			return nil
		}
	}
}

func (f *follower) tell(err error) {
	if f.opts.Waiting != nil && f.told != (err != nil) {
		f.opts.Waiting(err)
	}
	f.told = err != nil
}

// look writes what can be found now and was not there at the last look.
func (f *follower) look(ctx context.Context) error {
	p := newPager(f.client, f.query, f.opts.Columns, Options{Order: OldestFirst, PageBytes: 4 << 20, Backoff: defaultBackoff})
	p.by, p.source = arrived, append(sourceFilter(f.opts.Columns, false).([]string), arrived, "event.outcome")
	p.query.arrivedFrom = f.since
	defer p.close(ctx)
	for {
		hits, err := p.next(ctx)
		if err != nil || len(hits) == 0 {
			f.forget()
			return errors.Join(err, f.out.Flush())
		}
		for i := range hits {
			if err := f.take(&hits[i]); err != nil {
				return err
			}
		}
	}
}

// take writes a hit unless it was written before.
func (f *follower) take(h *hit) error {
	name := tie{h.Index, h.ID}
	if _, known := f.seen[name]; known {
		return nil
	}
	f.seen[name] = h.Sort[0]
	if f.quiet {
		return nil
	}
	return f.enc.record(newRecord(h))
}

// forget moves on to what arrived latest, less the slack.
func (f *follower) forget() {
	for _, at := range f.seen {
		if since := time.UnixMilli(at).Add(-arrivalSlack); since.After(f.since) {
			f.since = since
		}
	}
	for name, at := range f.seen {
		if at < f.since.UnixMilli() {
			delete(f.seen, name)
		}
	}
}
