package apisource

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/event"
)

const day = 24 * time.Hour

// forgetting is what is told of a gateway that forgets, "" for nothing.
func (d *desk) forgetting() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.owed {
		if x.Kind == event.DebtForgetting {
			return x.Reason
		}
	}
	return ""
}

// While the gateway cannot be read, the days are counted down after which it deletes
// what was not read; a new process knows it from the saved position.
func TestTheDaysUntilTheGatewayForgetsAreCountedDown(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(50, 5*day)
	d := newDesk(t, g)
	d.config.Since = 180 * day
	var away atomic.Int64
	d.config.now = func() time.Time { return noon.Add(time.Duration(away.Load())) }
	d.start()
	d.await(g)
	d.polls(2)
	if s := d.source.Stats(); s.Kept.Load() != (60*day).Milliseconds() || s.Oldest.Load() == 0 {
		t.Errorf("kept %d ms, oldest %d", s.Kept.Load(), s.Oldest.Load())
	}
	var up atomic.Bool
	g.Inject(100_000, func(w http.ResponseWriter, r *http.Request, api http.Handler) {
		if up.Load() {
			api.ServeHTTP(w, r)
			return
		}
		api7sim.Status(503)(w, r, api)
	})
	away.Store(int64(30 * time.Minute)) // it could be read until now
	d.until("it is counted down", func() bool {
		away.Add(int64(time.Hour))
		return strings.Contains(d.forgetting(), "records will be gone for good")
	})
	away.Store(int64(51 * day))
	d.until("nine days are left", func() bool {
		return strings.HasPrefix(d.forgetting(), "in 8 days records") || strings.HasPrefix(d.forgetting(), "in 9 days records")
	})
	d.stop()

	d.owed = nil
	d.start()
	d.until("the next process counts as well", func() bool { away.Add(int64(time.Minute)); return d.forgetting() != "" })
	away.Store(int64(61 * day))
	d.until("it is over", func() bool { return strings.Contains(d.forgetting(), "is being deleted for good now") })
	if left := time.UnixMilli(d.source.Stats().Forgets.Load()).Sub(noon); left < 59*day || left > 61*day {
		t.Errorf("it forgets after %v", left)
	}
	up.Store(true)
	d.until("it is read again", func() bool { return d.forgetting() == "" })
}

// A gateway that is seen to delete tells itself how long it keeps records; what it
// deleted before it was read is said and counted.
func TestWhatTheGatewayDeletedUnreadIsSaid(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(70, 7*day)
	d := newDesk(t, g)
	var log bytes.Buffer
	d.config.Log, d.config.Since = zerolog.New(&log), 180*day
	d.once()
	if !strings.Contains(log.String(), "since reaches behind the oldest record") {
		t.Errorf("the log is\n%s", log.String())
	}
	log.Reset()
	for range 20 {
		g.clock.advance(day)
		g.fill(10, day)
	}
	g.store.Delete(g.clock.Now().Add(-7 * day))
	d.age = 20 * day
	d.once()
	if !strings.Contains(log.String(), "deleted records that were not read yet") {
		t.Errorf("the log is\n%s", log.String())
	}
	s := d.source.Stats()
	if gap := time.Duration(s.Gap.Load()) * time.Millisecond; gap < 12*day || gap > 14*day {
		t.Errorf("a gap of %v, 13 days are missing", gap)
	}
	d.source.countDown(false)
	if kept := time.Duration(s.Kept.Load()) * time.Millisecond; kept < 6*day || kept > 7*day {
		t.Errorf("the gateway is taken to keep records for %v", kept)
	}
}

func TestDaysReadLikeAPersonSaysThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		60 * day: "60 days", 47 * time.Hour: "47 hours", 90 * time.Minute: "90 minutes", -time.Hour: "0 minutes",
	} {
		if got := Days(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
