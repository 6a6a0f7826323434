package apisource

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/peer"
)

// Config says what to read, and how. Input and Client are needed; the zero value of
// everything else has the default that is named.
type Config struct {
	Input   event.InputID
	Gateway string // part of every _id
	Client  ClientConfig
	// Names takes the display names of event types; nil lets them be.
	Names *EventNames

	PollInterval time.Duration // between looks for new records; 10 s
	Overlap      time.Duration // how late a record may come and is found at once; none
	Since        time.Duration // how far back the first start reads; none
	PageSize     int           // records asked for at once; 100
	MaxRecord    int64         // bytes of the largest record that is taken; 8 MiB
	// Retention is how long the gateway keeps its records; DefaultRetention. Where
	// it is seen to delete some, that counts.
	Retention time.Duration

	// Once reads up to now and returns.
	Once bool
	// Stalled is how many polls may pass without the cursor moving before that
	// is told; 10.
	Stalled int
	// Condition is told why reading waits, and "" when it goes on. It is called
	// again and again with the same reason.
	Condition func(reason string)
	// ReachedEnd is told each time everything up to the gateway's clock was read.
	ReachedEnd func()
	// Owe is told what the gateway has, or had, and did not show.
	Owe func(event.Debt)
	Log zerolog.Logger

	pageBytes int64            // for tests
	now       func() time.Time // the agent's clock, for tests
}

func (c Config) withDefaults() Config {
	if c.PollInterval == 0 {
		c.PollInterval = 10 * time.Second
	}
	if c.Stalled == 0 {
		c.Stalled = 10
	}
	if c.Condition == nil {
		c.Condition = func(string) {}
	}
	if c.ReachedEnd == nil {
		c.ReachedEnd = func() {}
	}
	if c.Retention == 0 {
		c.Retention = DefaultRetention
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.Owe == nil {
		c.Owe = func(event.Debt) {}
	}
	return c
}

// Emit takes a batch; it blocks while the pipeline is full.
type Emit = func(context.Context, event.Batch) error

// Stats are running totals, safe to read at any time.
type Stats struct {
	Polls    atomic.Int64 // rounds of looking for new records
	Stalled  atomic.Int64 // polls in a row in which the cursor did not move
	Failures atomic.Int64 // requests that failed, those that were tried again included
	Records  atomic.Int64 // records emitted
	Repeated atomic.Int64 // records read again and recognised
	Late     atomic.Int64 // records emitted after a later window had been read
	// Until is the gateway's time, in milliseconds, up to which records were
	// read; 0 before the first.
	Until atomic.Int64
	// Behind is how many milliseconds that is before the gateway's clock.
	Behind atomic.Int64
	// Oldest is the time of the oldest record that the gateway had when it was asked
	// last, in milliseconds; 0: not known. Kept is how many milliseconds it keeps
	// them, and Forgets when it begins to delete what was not read; 0: not known.
	Oldest, Kept, Forgets atomic.Int64
	// Gap is of how many milliseconds it had deleted records before they were read.
	Gap atomic.Int64
	// Skew is how many milliseconds the gateway's clock is ahead of the agent's.
	Skew atomic.Int64
}

// Source reads the audit API of one input.
type Source struct {
	cfg    Config
	client *Client
	reader *Reader
	stats  Stats
	emit   Emit

	next    int64 // the cursor: see position
	until   int64 // the end of the last window that was read
	settled int64 // the gateway's clock when everything after next was read last
	resumed bool  // an earlier run emitted records after next
	known   bool  // Probe succeeded

	// doubtful is the time up to which records may have been emitted before.
	doubtful int64
	seen     seen

	overlap count // of the records after next that were read long enough ago
	day     count // of those before next
	misled  int   // how often the overlap's total changed and nothing was late
	skip    int   // polls in which it is not asked for

	debts     debts
	savedLast time.Time // when the position that was found was saved

	retention  retention
	forgetting bool // it was told that the gateway forgets

	trouble    string // why the client waits
	stalled    string // why the source does
	namesAsked time.Time
	nameless   bool // a record had an event type without a name
	progress   progress
}

// New makes a source. It sends nothing yet.
func New(cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	s := &Source{cfg: cfg, seen: seen{}, retention: retention{assumed: cfg.Retention}}
	cfg.Client.Notify = s.notify
	client, err := NewClient(cfg.Client)
	if err != nil {
		return nil, err
	}
	s.client, s.reader = client, NewReader(client, cfg.PageSize)
	if cfg.MaxRecord > 0 {
		s.reader.MaxRecord = cfg.MaxRecord
	}
	if cfg.pageBytes > 0 {
		s.reader.bound = cfg.pageBytes
	}
	return s, nil
}

// Stats returns the source's totals.
func (s *Source) Stats() *Stats { return &s.stats }

// Reader returns the source's reader, for its totals.
func (s *Source) Reader() *Reader { return s.reader }

// notify takes what the client says of its tries.
func (s *Source) notify(reason string) {
	if reason != "" {
		s.stats.Failures.Add(1)
	}
	s.trouble = reason
	s.countDown(reason != "")
	s.tell()
}

// tell says what is wrong, the client's trouble before the source's own.
func (s *Source) tell() {
	reason := s.trouble
	if reason != "" {
		reason = "the gateway " + reason
	} else {
		reason = s.stalled
	}
	s.cfg.Condition(reason)
}

func (s *Source) stream() event.Stream { return event.Stream{Input: s.cfg.Input, Name: "api"} }

// Run reads until ctx ends, or with Once up to now. saved is the stream's position
// of an earlier run.
func (s *Source) Run(ctx context.Context, saved []event.Saved, emit Emit) error {
	defer s.client.Close()
	s.emit = emit
	s.restore(saved)
	for {
		began := time.Now()
		s.learnNames(ctx)
		moved, err := s.poll(ctx)
		if err != nil && !s.waitsOut(err) {
			return err
		}
		if err == nil {
			s.cfg.ReachedEnd()
		}
		if err == nil && s.cfg.Once {
			return nil
		}
		s.watch(moved, err)
		if err := peer.Sleep(ctx, max(s.cfg.PollInterval-time.Since(began), s.cfg.PollInterval/10)); err != nil {
			return err
		}
	}
}

// waitsOut reports whether an error is the gateway's.
func (s *Source) waitsOut(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// restore takes the saved position, if there is one.
func (s *Source) restore(saved []event.Saved) {
	for _, e := range saved {
		if e.Stream != s.stream() {
			continue
		}
		p, err := parsePosition(e.Position)
		if err != nil {
			s.cfg.Log.Warn().Err(err).Msg("saved position not understood; the audit API is read from its beginning")
			continue
		}
		s.next, s.resumed = p.Next.UnixMilli(), true
		s.savedLast = s.cfg.now().Add(-e.Age)
		s.debts.open = p.Owed
		if p.Oldest != nil {
			s.retention.oldest = p.Oldest.UnixMilli()
		}
		s.tellDebts()
	}
}

// watch tells when the cursor does not move, or the gateway answers and cannot be
// followed.
func (s *Source) watch(moved bool, err error) {
	s.stats.Polls.Add(1)
	s.stalled = ""
	if moved {
		s.stats.Stalled.Store(0)
	} else if s.stats.Stalled.Add(1) >= int64(s.cfg.Stalled) {
		s.stalled = "the gateway's clock does not move, so the cursor does not either"
	}
	if err != nil {
		s.stats.Failures.Add(1)
		s.stalled = err.Error()
	}
	s.tell()
}

// learnNames asks for display names when it is time to.
func (s *Source) learnNames(ctx context.Context) {
	if s.cfg.Names == nil {
		return
	}
	age := time.Since(s.namesAsked)
	recovering := s.nameless && s.stalled != "" // no record was read since they were refused too
	if !recovering && (age < namesAgain || age < namesEvery && !s.nameless) {
		return
	}
	s.namesAsked = time.Now()
	// What goes wrong is waited out by the requests for records.
	if s.cfg.Names.Fetch(ctx, s.client) {
		s.nameless = false
	} else {
		s.nameless = true // ask again
	}
}

// poll reads what is new and reports whether the cursor moved.
func (s *Source) poll(ctx context.Context) (moved bool, err error) {
	if !s.known {
		switch err := s.begin(ctx); {
		case errors.Is(err, ErrNoRecords):
			return s.empty(ctx)
		case err != nil:
			return false, err
		}
	}
	if err := s.learnOldest(ctx); err != nil {
		return false, err
	}
	now := s.client.Now().UnixMilli()
	s.stats.Skew.Store(now - s.cfg.now().Truncate(time.Second).UnixMilli())
	end := s.reader.bounds.end(now)
	if end < s.until {
		s.turnBack(now)
	}
	before := s.until
	if s.due(end) {
		err = s.readAll(ctx, end)
	} else {
		err = s.readNew(ctx, end)
	}
	if err == nil {
		err = s.readDebts(ctx)
	}
	err = errors.Join(err, s.settleDebts(ctx))
	s.stats.Until.Store(s.until)
	s.stats.Behind.Store(max(0, s.client.Now().UnixMilli()-s.until))
	return s.until > before, err
}

// begin finds out how the gateway takes times, and where to begin.
func (s *Source) begin(ctx context.Context) error {
	newest, err := s.reader.Probe(ctx)
	if err != nil {
		return err
	}
	b := s.reader.Bounds()
	s.known = true
	now := s.client.Now().UnixMilli()
	if s.next == 0 {
		s.next = now - s.cfg.Since.Milliseconds()
	}
	if trusted := s.trusted(now); s.resumed && s.next > trusted {
		// Reading stood before the time at which this was saved, whatever a clock said.
		back := min(s.savedLast.UnixMilli(), trusted) - s.cfg.Overlap.Milliseconds()
		s.cfg.Log.Warn().Time("saved", time.UnixMilli(s.next).UTC()).Time("from", time.UnixMilli(back).UTC()).
			Msg("the saved position lies in the future: a clock was wrong; reading again from before it was saved")
		s.next = back
	}
	if err := s.learnOldest(ctx); err != nil {
		return err
	}
	s.guard(s.next)
	s.next = max(b.floor(min(s.next, s.trusted(now)-s.cfg.Overlap.Milliseconds())), 0)
	if s.resumed {
		s.doubtful = now
	}
	s.until, s.settled = s.next, 0
	s.overlap, s.day = count{}, count{}
	s.progress.begin(s.next, now)
	s.cfg.Log.Info().Time("from", time.UnixMilli(s.next).UTC()).Time("newest", time.UnixMilli(newest).UTC()).
		Bool("milliseconds", b.Unit == 1).Bool("start_included", b.StartIncluded).Bool("end_included", b.EndIncluded).
		Msg("audit API is read")
	return nil
}

// trusted is the earlier of the gateway's clock and the agent's, in milliseconds: no
// position is later, so that a clock that is wrong for a while moves it nowhere.
func (s *Source) trusted(gateway int64) int64 { return min(gateway, s.cfg.now().UnixMilli()) }

// empty moves the cursor of a gateway without records.
func (s *Source) empty(ctx context.Context) (moved bool, err error) {
	now := s.client.Now().UnixMilli()
	next := s.trusted(now) - s.cfg.Overlap.Milliseconds()
	if s.next == 0 {
		// The first records may be of any age.
		return true, nil
	}
	moved = next > s.next
	s.next = max(s.next, next)
	return moved, s.place(ctx)
}

// turnBack follows a clock that was set back: what it says is new may lie before the
// cursor.
func (s *Source) turnBack(now int64) {
	s.cfg.Log.Warn().Int64("seconds", (s.until-now)/1000).Msg("the gateway's clock was set back; reading again from there")
	s.doubtful = max(s.doubtful, s.until)
	s.next = min(s.next, max(s.reader.bounds.floor(s.trusted(now)-s.cfg.Overlap.Milliseconds()), 0))
	s.until, s.settled = s.next, 0
	s.overlap, s.day = count{}, count{}
}

// place emits the cursor and what is owed before it.
func (s *Source) place(ctx context.Context) error {
	s.debts.unsaved = false
	return s.emit(ctx, event.Batch{
		Input: s.cfg.Input, Gateway: s.cfg.Gateway, Stream: s.stream(), Repeats: true,
		Position: s.position().encode(),
	})
}
