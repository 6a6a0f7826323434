package apisource

import (
	"bytes"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
)

// idOf is the id of a record of the generator, which begins with it, or its text.
func idOf(raw []byte) string {
	if rest, ok := bytes.CutPrefix(raw, []byte(`{"id":"`)); ok {
		id, _, _ := bytes.Cut(rest, []byte{'"'})
		return string(id)
	}
	return string(raw)
}

// expectOnce wants every record of the gateway once.
func (d *desk) expectOnce(g *gateway) {
	d.tb.Helper()
	if got := d.tally(g); got.lost > 0 || got.twice > 0 || got.found != got.written {
		d.tb.Errorf("%+v", got)
	}
}

func TestHistoryIsReadOnce(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(2500, 20*24*time.Hour)
	d := newDesk(t, g)
	d.config.Since = 180 * 24 * time.Hour
	d.once()
	d.expectOnce(g)
	if want := noon.Add(-10 * time.Minute); !d.places[len(d.places)-1].Equal(want) {
		t.Errorf("the cursor is at %s, not %s", d.places[len(d.places)-1], want)
	}
}

// How far the history is, is told in the log now and then, and in the metrics.
func TestProgressOfTheHistory(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	d := newDesk(t, g)
	var log bytes.Buffer
	d.config.Log = zerolog.New(&log)
	s, err := New(d.config)
	if err != nil {
		t.Fatal(err)
	}
	begin := noon.Add(-100 * time.Hour).UnixMilli()
	s.progress.begin(begin, noon.UnixMilli())
	at := noon.Add(-75 * time.Hour)
	s.tellProgress(at.UnixMilli(), noon.UnixMilli())
	if log.Len() > 0 || s.Stats().Until.Load() != at.UnixMilli() {
		t.Errorf("at once: %s; until %d", log.String(), s.Stats().Until.Load())
	}
	s.progress.told = time.Now().Add(-progressEvery)
	s.tellProgress(at.UnixMilli(), noon.UnixMilli())
	s.tellProgress(at.UnixMilli(), noon.UnixMilli())
	s.tellProgress(noon.UnixMilli(), noon.UnixMilli())
	s.tellProgress(noon.UnixMilli(), noon.UnixMilli())
	want := `{"level":"info","until":"2026-11-17T09:00:00Z","records":0,"percent":25,"message":"history is being read"}
{"level":"info","until":"2026-11-20T12:00:00Z","records":0,"message":"history is read; following"}
`
	if log.String() != want {
		t.Errorf("the log is\n%s\nnot\n%s", log.String(), want)
	}
}

func TestSinceBoundsTheHistory(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(1000, 10*time.Hour)
	d := newDesk(t, g)
	d.config.Since = time.Hour
	d.once()
	if n := len(d.ids); n < 99 || n > 101 {
		t.Errorf("%d records of one hour", n)
	}
}

func TestNewRecordsAreFollowed(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(10, time.Hour)
	d := newDesk(t, g)
	d.start()
	for range 50 {
		g.clock.advance(5 * time.Second)
		g.fill(3, 4*time.Second)
		d.await(g)
	}
	d.expectOnce(g)
}

// What the specification leaves open, in all ways.
func TestEveryWayToTakeTimes(t *testing.T) {
	for name, o := range map[string]api7sim.Options{
		"seconds, both included":      {},
		"seconds, start excluded":     {ExclusiveStart: true},
		"seconds, end excluded":       {ExclusiveEnd: true},
		"seconds, both excluded":      {ExclusiveStart: true, ExclusiveEnd: true},
		"milliseconds, both included": {Milliseconds: true},
		"milliseconds, both excluded": {Milliseconds: true, ExclusiveStart: true, ExclusiveEnd: true},
	} {
		for unit, scale := range map[string]int64{"events in seconds": 1, "events in milliseconds": 1000} {
			t.Run(name+", "+unit, func(t *testing.T) {
				g := newGateway(t, o)
				add := func(n int, over time.Duration) {
					for i := range n {
						r := g.record(over - over*time.Duration(i+1)/time.Duration(n))
						if scale == 1000 {
							r.EventTime = r.EventTime*1000 + int64(i*7%1000)
						}
						g.store.Add(r)
					}
					g.clock.advance(2 * time.Second) // the present second is not over before
				}
				add(700, 3*time.Hour)
				d := newDesk(t, g)
				d.start()
				d.await(g)
				for range 20 {
					g.clock.advance(7 * time.Second)
					add(5, 5*time.Second)
					d.await(g)
				}
				d.expectOnce(g)
				b := d.source.Reader().Bounds()
				if want := map[bool]int64{false: 1000, true: 1}[o.Milliseconds]; b.Unit != want {
					t.Errorf("unit %d", b.Unit)
				}
				if told := scale == 1 || o.Milliseconds; b.StartIncluded != (told && !o.ExclusiveStart) || b.EndIncluded != (told && !o.ExclusiveEnd) {
					t.Errorf("bounds %+v", b)
				}
			})
		}
	}
}

func TestPagesAreAsLargeAsTheGatewayGrants(t *testing.T) {
	for name, o := range map[string]api7sim.Options{
		"fewer than asked": {MaxPage: 30},
		"refuses more":     {MaxPage: 30, RefuseLargePages: true},
		"grants all":       {},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, o)
			g.fill(1000, 10*time.Hour)
			d := newDesk(t, g)
			d.config.PageSize = 200
			d.once()
			d.expectOnce(g)
			if n := g.Requests(); n > 150 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestRestartReadsTheOverlapInDoubt(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(400, 2*time.Hour)
	d := newDesk(t, g)
	d.once()
	if len(d.doubtful) != 0 {
		t.Error("the first start is not in doubt")
	}
	late := g.record(5 * time.Minute)
	g.clock.advance(time.Minute)
	g.store.Add(late, g.record(0))
	d.once()
	d.await(g)
	for id, n := range d.ids {
		if n > 1 && d.doubtful[id] != n-1 {
			t.Errorf("%s came %d times, %d times in doubt", id, n, d.doubtful[id])
		}
	}
	if got := d.tally(g); got.twice < 20 || got.twice > 40 {
		t.Errorf("%d of some 33 records of the overlap were read again", got.twice)
	}
}

func TestAGatewayWithoutRecordsIsFollowed(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	d := newDesk(t, g)
	d.start()
	for range 5 {
		d.polls(1)
		g.clock.advance(10 * time.Second)
	}
	if reason := d.waits(); reason != "" {
		t.Errorf("waits: %s", reason)
	}
	g.store.Add(g.record(time.Hour), g.record(0))
	d.await(g)
	d.expectOnce(g)
}

func TestDisplayNames(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(1, time.Minute)
	d := newDesk(t, g)
	d.start()
	<-d.config.Names.Tried()
	d.await(g)
	if name := d.config.Names.Name("AddService"); name != "Add Service" {
		t.Errorf("AddService is called %q", name)
	}
	if name := d.config.Names.Name("Unheard"); name != "" {
		t.Errorf("Unheard is called %q", name)
	}
}

func TestSeveralRecordsWithoutAnID(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	for range 3 { // two the same, one other
		g.store.AddText(noon.Add(-time.Minute), "", []byte(`{"event_time":1795175940}`))
	}
	g.store.AddText(noon.Add(-time.Minute), "", []byte(`{"event_time":1795175940,"x":1}`))
	d := newDesk(t, g)
	d.start()
	d.polls(3)
	for _, text := range []string{`{"event_time":1795175940}`, `{"event_time":1795175940,"x":1}`} {
		if d.ids[text] == 0 {
			t.Errorf("%s is lost", text)
		}
	}
}
