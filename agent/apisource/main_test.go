package apisource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a gateway's clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// noon is when the tests' gateways begin.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// gateway is a simulated gateway with a clock of its own.
type gateway struct {
	*api7sim.Server
	store *api7sim.Store
	clock *clock
	http  *httptest.Server

	mu        sync.Mutex // records are made by the test and while it answers
	generator *api7sim.Generator
}

func newGateway(tb testing.TB, o api7sim.Options) *gateway {
	tb.Helper()
	g := &gateway{store: &api7sim.Store{}, generator: api7sim.NewGenerator(1), clock: &clock{now: noon}}
	if o.Clock == nil {
		o.Clock = g.clock.Now
	}
	g.Server = api7sim.NewServer(g.store, o)
	g.http = httptest.NewServer(g.Server)
	tb.Cleanup(func() {
		g.http.Close()
		if err := g.Violations(); err != nil {
			tb.Errorf("requests depart from the specification: %v", err)
		}
	})
	return g
}

// record makes a record of an age, without the bodies, which only take time here.
func (g *gateway) record(age time.Duration) api7sim.Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.generator.Next(g.clock.Now().Add(-age))
	r.Request, r.Response, r.ErrorMessage = nil, nil, ""
	return r
}

// fill adds n records over a time up to now.
func (g *gateway) fill(n int, over time.Duration) {
	for i := range n {
		g.store.Add(g.record(over - over*time.Duration(i+1)/time.Duration(n)))
	}
}

// desk plays the pipeline: it takes batches, acknowledges them, and keeps the
// position as the state directory would.
type desk struct {
	tb     testing.TB
	config Config

	mu       sync.Mutex
	ids      map[string]int   // how often a record came
	doubtful map[string]int   // how often of these in doubt
	came     map[string]int64 // after how many polls
	faults   []event.Fault
	saved    []byte
	age      time.Duration // since it was saved, by the agent's clock
	places   []time.Time
	reasons  []string // that were told, without repetitions
	owed     map[string]event.Debt
	ends     []string // of debts

	source *Source
	cancel context.CancelFunc
	ended  chan error
}

func newDesk(tb testing.TB, g *gateway) *desk {
	d := &desk{tb: tb, ids: map[string]int{}, doubtful: map[string]int{}, came: map[string]int64{}}
	d.config = Config{
		Input: "dashboard", Gateway: "gw", Names: NewEventNames(),
		Client: ClientConfig{
			URL: g.http.URL, Timeout: 5 * time.Second,
			Backoff:   peer.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond, AskedMax: 20 * time.Millisecond},
			SlowRetry: 10 * time.Millisecond,
		},
		PollInterval: 5 * time.Millisecond, Overlap: 10 * time.Minute, Since: 24 * time.Hour,
		Log: zerolog.New(io.Discard), Condition: d.told, Owe: d.owe, now: g.clock.Now,
	}
	return d
}

func (d *desk) told(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.reasons); n == 0 && reason != "" || n > 0 && d.reasons[n-1] != reason {
		d.reasons = append(d.reasons, reason)
	}
}

func (d *desk) owe(x event.Debt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owed == nil {
		d.owed = map[string]event.Debt{}
	}
	if delete(d.owed, string(x.Kind)+x.Key); x.Ended == "" {
		d.owed[string(x.Kind)+x.Key] = x
	} else {
		d.ends = append(d.ends, x.Ended)
	}
}

// debts is how much is owed, and what was said of the debts that ended.
func (d *desk) debts() (open int, ends []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.owed), d.ends
}

// start runs the source as a new process would.
func (d *desk) start() {
	d.tb.Helper()
	var err error
	if d.source, err = New(d.config); err != nil {
		d.tb.Fatal(err)
	}
	var saved []event.Saved
	d.mu.Lock()
	if d.saved != nil {
		saved = []event.Saved{{Stream: event.Stream{Input: "dashboard", Name: "api"}, Position: d.saved, Age: d.age}}
	}
	d.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.ended = cancel, make(chan error, 1)
	go func() { d.ended <- d.source.Run(ctx, saved, d.take) }()
	d.tb.Cleanup(d.stop)
}

func (d *desk) stop() {
	d.cancel()
	if err := <-d.ended; err != nil && !errors.Is(err, context.Canceled) {
		d.tb.Error(err)
	}
	d.ended <- nil // for another stop
}

// once runs the source up to now.
func (d *desk) once() {
	d.tb.Helper()
	d.config.Once = true
	d.start()
	err := <-d.ended
	d.ended <- err
	d.config.Once = false
	if err != nil {
		d.tb.Fatal(err)
	}
}

func (d *desk) take(_ context.Context, b event.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.Stream.String() != "dashboard/api" || b.Input != "dashboard" || b.Gateway != "gw" || b.Path != "" || !b.Repeats {
		return fmt.Errorf("a batch of %s, %s, %s, %s", b.Stream, b.Input, b.Gateway, b.Path)
	}
	for _, r := range b.Records {
		if r.Fault != nil {
			d.faults = append(d.faults, *r.Fault)
			continue
		}
		if r.Offset != -1 {
			return fmt.Errorf("offset %d", r.Offset)
		}
		id := idOf(r.Bytes)
		d.ids[id]++
		d.came[id] = d.source.Stats().Polls.Load()
		if b.Doubtful {
			d.doubtful[id]++
		}
	}
	if b.Position != nil {
		p, err := parsePosition(b.Position)
		if err != nil {
			return err
		}
		d.saved, d.places = b.Position, append(d.places, p.Next)
	}
	return nil
}

// tally is what came of a gateway's records.
type tally struct{ written, found, lost, twice int }

func (d *desk) tally(g *gateway) tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	want := g.store.IDs()
	t := tally{written: len(want), found: len(d.ids)}
	for _, id := range want {
		if d.ids[id] == 0 {
			t.lost++
		}
	}
	for _, n := range d.ids {
		if n > 1 {
			t.twice++
		}
	}
	return t
}

// await waits until every record of the gateway came.
func (d *desk) await(g *gateway) {
	d.tb.Helper()
	d.until("every record came", func() bool { return d.tally(g).lost == 0 })
}

// until waits for something.
func (d *desk) until(what string, holds func() bool) {
	d.tb.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.tb.Fatalf("never: %s; %d records, told %q", what, len(d.ids), d.reasons)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// polls waits for so many more rounds.
func (d *desk) polls(n int64) {
	d.tb.Helper()
	begin := d.source.Stats().Polls.Load()
	d.until(fmt.Sprintf("%d polls", n), func() bool { return d.source.Stats().Polls.Load() >= begin+n })
}

// waits reports whether a reason was told last.
func (d *desk) waits() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.reasons) == 0 {
		return ""
	}
	return d.reasons[len(d.reasons)-1]
}
