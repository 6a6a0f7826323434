package apisource

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
)

// A gateway that answers empty pages under a true total owes those records: that is
// told at once, newer ones go on coming, a restart knows it, and it ends with the
// last record.
func TestRecordsThatTheGatewayHidesAreOwed(t *testing.T) {
	for name, restart := range map[string]bool{"one run": false, "a restart between": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, api7sim.Options{}, time.Minute)
			hide := func(yes bool) { s.Set(func(o *api7sim.Options) { o.Hide = yes }) }
			s.hour(func(step int) {
				switch step {
				case 20:
					hide(true)
				case 50: // twenty minutes later, which is longer than the overlap
					if open, _ := s.desk.debts(); open == 0 {
						t.Error("nothing is owed")
					}
					if restart {
						s.desk.stop()
						s.desk.mu.Lock()
						s.desk.owed = nil
						s.desk.mu.Unlock()
						if text, err := Describe(s.desk.saved); err != nil || !strings.Contains(text, ", without ") {
							t.Errorf("the saved position reads %q, %v", text, err)
						}
						s.desk.start()
						s.desk.polls(1)
						if open, _ := s.desk.debts(); open == 0 {
							t.Error("nothing is owed after the restart")
						}
					}
					hide(false)
				}
			})
			s.desk.await(s.gateway)
			s.desk.until("nothing is owed", func() bool { open, _ := s.desk.debts(); return open == 0 })
			if _, ends := s.desk.debts(); len(ends) == 0 || !strings.HasPrefix(ends[len(ends)-1], "read completely; ") {
				t.Errorf("it ended as %q", ends)
			}
			if got := s.desk.tally(s.gateway); got.lost > 0 || !restart && got.twice > 0 {
				t.Errorf("%+v", got)
			}
			if p, err := parsePosition(s.desk.saved); err != nil || len(p.Owed) > 0 {
				t.Errorf("saved as owed: %+v, %v", p.Owed, err)
			}
		})
	}
}

// While something is owed, what is newer is not held up.
func TestADebtHoldsNothingUp(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(100, 5*time.Hour)
	d := newDesk(t, g)
	d.start()
	d.await(g)
	g.clock.advance(20 * time.Minute)
	g.Set(func(o *api7sim.Options) { o.Hide = true })
	g.fill(20, 10*time.Minute)
	g.clock.advance(time.Second)
	d.until("it is owed", func() bool { open, _ := d.debts(); return open > 0 })
	g.Set(func(o *api7sim.Options) { o.Total = func(n int) int { return n + 1 } })
	d.polls(2)
	requests := g.Requests()
	d.polls(20)
	if n := (g.Requests() - requests) / 20; n > 20 {
		t.Errorf("%d requests a poll", n)
	}
	g.Set(func(o *api7sim.Options) { o.Hide = false })
	g.clock.advance(time.Minute)
	fresh := g.record(30 * time.Second)
	g.store.Add(fresh)
	d.until("the new record came", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.ids[fresh.ID] == 1 })
	if open, _ := d.debts(); open == 0 {
		t.Error("a gateway that still counts one more owes nothing")
	}
}

// What the gateway deletes before it shows it is gone, and that is said.
func TestADebtThatTheGatewayForgets(t *testing.T) {
	s := newScene(t, api7sim.Options{}, time.Minute)
	s.Set(func(o *api7sim.Options) { o.Hide = true })
	s.clock.advance(20 * time.Minute)
	s.fill(7, time.Minute)
	s.clock.advance(time.Second)
	s.desk.until("all of it is owed", func() bool {
		s.desk.mu.Lock()
		defer s.desk.mu.Unlock()
		for _, d := range s.desk.owed {
			if strings.Contains(d.Reason, "counts some 7 records") {
				return true
			}
		}
		return false
	})
	s.store.Delete(s.clock.Now())
	s.Set(func(o *api7sim.Options) { o.Hide = false })
	s.clock.advance(time.Minute)
	s.store.Add(s.record(0))
	s.clock.advance(time.Second)
	s.desk.until("it ended", func() bool { open, _ := s.desk.debts(); return open == 0 })
	if _, ends := s.desk.debts(); !strings.Contains(strings.Join(ends, "\n"), "7 were never shown") {
		t.Errorf("it ended as %q", ends)
	}
}

// Equal times in an unstable order move between pages. What one pass misses another
// finds, and until all passes together have seen as many as are counted they are owed.
func TestAnInstantOfManyPagesInNoStableOrder(t *testing.T) {
	g := newGateway(t, api7sim.Options{Shuffle: true, MaxPage: 100})
	at := g.record(time.Hour)
	for range 1841 {
		r := g.record(0)
		r.EventTime = at.EventTime
		g.store.Add(r)
	}
	d := newDesk(t, g)
	d.start()
	d.await(g)
	d.until("nothing is owed", func() bool { open, _ := d.debts(); return open == 0 })
	if got := d.tally(g); got.twice > 0 {
		t.Errorf("%+v", got)
	}
}

// Whatever is read and however it is cut, the debts are what was not complete last,
// none touches another, and there are not too many.
func TestDebtsAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var d debts
		owed := map[int64]bool{} // by minute
		for range 60 {
			from, length, complete := random.Int64N(200), 1+random.Int64N(20), random.IntN(3) > 0
			now := time.UnixMilli(1000)
			if complete {
				d.pay((from+1)*60_000, (from+1+length)*60_000, 1)
			} else {
				d.add((from+1)*60_000, (from+1+length)*60_000, 3, now, time.Second)
			}
			for m := from; m < from+length; m++ {
				owed[m] = !complete
			}
			seen := map[int64]bool{}
			names := map[string]bool{}
			for i, one := range d.open {
				if names[one.Name] {
					t.Fatalf("two debts are named %s", one.Name)
				}
				names[one.Name] = true
				if i > 0 && !d.open[i-1].To.Before(one.From) || !one.From.Before(one.To) {
					t.Fatalf("debts %+v", d.open)
				}
				for m := one.from() / 60_000; m < one.to()/60_000; m++ {
					seen[m-1] = true
				}
			}
			if len(d.open) > maxDebts {
				t.Fatalf("%d debts", len(d.open))
			}
			for m, yes := range owed {
				if yes && !seen[m] || !yes && seen[m] && len(d.open) < maxDebts/2 {
					t.Fatalf("minute %d is owed: %v, but %v", m, yes, fmt.Sprint(d.open))
				}
			}
		}
	}
}

// A debt that stays is asked for less and less often.
func TestDebtsAreRetriedWithBackoff(t *testing.T) {
	var d debts
	now := time.UnixMilli(1e12)
	d.add(60_000, 120_000, 1, now, 10*time.Second)
	var pauses []time.Duration
	for range 8 {
		pauses = append(pauses, d.retry.next.Sub(now))
		now = d.retry.next
		from, to, due := d.due(now)
		if !due || from != 60_000 || to != 120_000 {
			t.Fatalf("due: %d to %d, %v", from, to, due)
		}
		d.tried(to, now, 10*time.Second)
	}
	if got, want := fmt.Sprint(pauses), "[20s 40s 1m20s 2m40s 5m20s 10m40s 15m0s 15m0s]"; got != want {
		t.Errorf("pauses %s, want %s", got, want)
	}
}
