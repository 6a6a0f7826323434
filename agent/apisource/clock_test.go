package apisource

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
)

// A Date that is wrong for some seconds moves no saved position beyond the agent's own
// clock, so a restart reads what came meanwhile.
func TestAWrongDateSavesNoPositionInTheFuture(t *testing.T) {
	s := newScene(t, api7sim.Options{}, time.Minute)
	s.hour(nil)
	s.desk.stop()
	var wrong time.Duration
	s.desk.config.now = func() time.Time { return s.clock.Now().Add(-wrong) }
	s.desk.start()
	s.desk.polls(2)

	s.clock.mu.Lock()
	wrong = 24 * time.Hour
	s.clock.now = s.clock.now.Add(wrong)
	s.clock.mu.Unlock()
	for range 5 {
		s.clock.advance(time.Second)
		s.desk.polls(1)
	}
	s.desk.stop()
	s.clock.advance(-wrong)
	wrong = 0
	latest := s.desk.places[len(s.desk.places)-1]
	if limit := s.clock.Now().Add(-s.desk.config.Overlap); latest.After(limit) {
		t.Errorf("the position %s was saved at %s", latest, limit.Add(s.desk.config.Overlap))
	}

	s.clock.advance(time.Minute)
	s.fill(3, 30*time.Second)
	s.clock.advance(30 * time.Minute) // longer than the overlap
	s.desk.age = 31 * time.Minute
	s.desk.start()
	s.desk.await(s.gateway)
}

// A position in the future, as an older version may have saved it, goes back to before
// it was saved, and that is said.
func TestAPositionInTheFutureGoesBack(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(200, 3*time.Hour)
	d := newDesk(t, g)
	var log bytes.Buffer
	d.config.Log = zerolog.New(&log)
	d.saved, d.age = position{Next: noon.Add(23 * time.Hour)}.encode(), 2*time.Hour
	d.once()
	if n := len(d.ids); n < 140 {
		t.Errorf("%d of some 144 records since it was saved, and the overlap, came", n)
	}
	if len(d.ids) != len(d.doubtful) {
		t.Errorf("%d of %d are taken for new", len(d.ids)-len(d.doubtful), len(d.ids))
	}
	if !strings.Contains(log.String(), "the saved position lies in the future") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// A record that comes late within the overlap is found by the poll that follows, or by
// the one after it.
func TestLateRecordsAreFoundWithinTwoPolls(t *testing.T) {
	s := newScene(t, api7sim.Options{}, time.Minute)
	worst := int64(0)
	for i := range 40 {
		s.clock.advance(10 * time.Second)
		s.fill(3, 9*time.Second)
		s.desk.polls(2)
		late := s.record(time.Duration(40+13*i%500) * time.Second)
		s.desk.polls(1) // one is under way that began before
		begin := s.desk.source.Stats().Polls.Load()
		s.store.Add(late)
		s.desk.until("the late record came", func() bool { s.desk.mu.Lock(); defer s.desk.mu.Unlock(); return s.desk.ids[late.ID] > 0 })
		s.desk.mu.Lock()
		worst = max(worst, s.desk.came[late.ID]-begin) // of polls that were over
		s.desk.mu.Unlock()
	}
	if worst > 2 {
		t.Errorf("a late record was found after %d polls", worst)
	}
	s.desk.expectOnce(s.gateway)
	t.Logf("found after %d polls at most", worst)
}
