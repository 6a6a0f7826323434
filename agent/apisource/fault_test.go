package apisource

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
)

// scene is a gateway and an agent for one row of the matrix of faults.
type scene struct {
	*gateway
	desk *desk
}

// hour lets a gateway work for an hour, in steps of 40 seconds: it records something,
// and disturb does what it does.
func (s scene) hour(disturb func(step int)) {
	for step := range 90 {
		s.clock.advance(40 * time.Second)
		s.fill(4, 35*time.Second)
		if disturb != nil {
			disturb(step)
		}
		s.desk.polls(1)
	}
}

// dropConnection ends the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// The matrix of faults: whatever the gateway does, every record it has is found, and
// is emitted once by one run of the agent.
func TestFaultMatrix(t *testing.T) {
	every := func(s scene, steps, n int, f api7sim.Fault) {
		s.hour(func(step int) {
			if step%steps == 0 {
				s.Inject(n, f)
			}
		})
	}
	rows := map[string]func(s scene){
		"nothing wrong":           func(s scene) { s.hour(nil) },
		"429 and seconds to wait": func(s scene) { every(s, 5, 2, api7sim.RateLimited("3")) },
		"429 and a date to wait":  func(s scene) { every(s, 5, 2, api7sim.RateLimited("Fri, 20 Nov 2026 15:00:00 GMT")) },
		"429 and a year to wait":  func(s scene) { every(s, 5, 2, api7sim.RateLimited("31536000")) },
		"429 and no word":         func(s scene) { every(s, 5, 2, api7sim.RateLimited("")) },
		"500":                     func(s scene) { every(s, 5, 3, api7sim.Status(500)) },
		"502, 503, 504": func(s scene) {
			every(s, 7, 1, api7sim.Status(502))
			every(s, 7, 2, api7sim.Status(503))
			every(s, 7, 1, api7sim.Status(504))
		},
		"no answer in time":         func(s scene) { every(s, 30, 1, api7sim.Hang) },
		"connections dropped":       func(s scene) { every(s, 3, 2, dropConnection) },
		"bodies cut":                func(s scene) { every(s, 3, 2, api7sim.CutBody) },
		"JSON cut":                  func(s scene) { every(s, 3, 2, api7sim.CutJSON) },
		"a page instead of JSON":    func(s scene) { every(s, 5, 2, api7sim.LoginPage) },
		"redirected to a login":     func(s scene) { every(s, 5, 2, api7sim.RedirectToLogin) },
		"token not accepted awhile": func(s scene) { every(s, 10, 2, api7sim.Status(401)) },
		"token without permission":  func(s scene) { every(s, 10, 2, api7sim.Status(403)) },
		"an outage of ten minutes": func(s scene) {
			s.hour(func(step int) {
				if step == 30 {
					s.Inject(40, api7sim.Status(503))
				}
			})
		},
		"records late by up to 10 minutes": func(s scene) { s.hour(s.addLate) },
		"records late by up to a day": func(s scene) {
			s.hour(func(step int) {
				if step%9 == 0 {
					s.store.Add(s.record(time.Duration(rand.Int64N(int64(20 * time.Hour)))))
				}
			})
		},
		"500 in one second": func(s scene) { s.hour(s.addBurst) },
		"500 in one second, in no stable order": func(s scene) {
			s.Set(func(o *api7sim.Options) { o.Shuffle = true })
			s.hour(s.addBurst)
		},
		"500 in one second, in no stable order, small pages": func(s scene) {
			s.Set(func(o *api7sim.Options) { o.Shuffle, o.MaxPage = true, 100 })
			s.hour(s.addOneBurst)
		},
		"inserts while paging, small pages": func(s scene) {
			s.Set(func(o *api7sim.Options) { o.MaxPage = 100 })
			s.insertWhilePaging()
			s.hour(s.addOneBurst)
		},
		"inserts while paging":                     func(s scene) { s.insertWhilePaging(); s.hour(s.addBurst) },
		"inserts while paging, newest first":       func(s scene) { s.newestFirst(); s.insertWhilePaging(); s.hour(s.addBurst) },
		"deletions while paging":                   func(s scene) { s.deleteWhilePaging(); s.hour(nil) },
		"totals that change":                       func(s scene) { s.total(func(n int) int { return n + rand.IntN(5) - 2 }); s.hour(nil) },
		"totals that are too large":                func(s scene) { s.total(func(n int) int { return n + 3 }); s.hour(nil) },
		"totals that are too small":                func(s scene) { s.total(func(n int) int { return max(n-3, 0) }); s.hour(s.addBurst) },
		"everything late, in bursts, while paging": func(s scene) { s.insertWhilePaging(); s.hour(func(step int) { s.addLate(step); s.addBurst(step) }) },
		"the clock set back by an hour": func(s scene) {
			s.hour(func(step int) {
				if step == 50 {
					s.clock.advance(-time.Hour)
				}
			})
			s.clock.advance(time.Hour) // what was written in its last second has to come round
		},
		"the clock set forward by an hour and back": func(s scene) {
			s.hour(func(step int) {
				switch step {
				case 30:
					s.clock.advance(time.Hour)
				case 60:
					s.clock.advance(-time.Hour)
				}
			})
			s.clock.advance(time.Hour)
		},
		"clocks of two nodes apart by seconds": func(s scene) {
			s.hour(func(step int) { s.clock.advance(time.Duration(step%2*10-5) * time.Second) })
		},
	}
	var mu sync.Mutex
	var matrix []string
	t.Run("rows", func(t *testing.T) {
		for name, act := range rows {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				timeout := time.Minute
				if name == "no answer in time" {
					timeout = 300 * time.Millisecond
				}
				s := newScene(t, api7sim.Options{}, timeout)
				act(s)
				s.clock.advance(11 * time.Minute)
				s.desk.await(s.gateway)
				s.desk.polls(2)
				if got := s.desk.tally(s.gateway); got.lost > 0 || got.twice > 0 {
					t.Errorf("%+v", got)
				}
				if reason := s.desk.waits(); reason != "" {
					t.Errorf("still waits: %s", reason)
				}
				mu.Lock()
				defer mu.Unlock()
				matrix = append(matrix, fmt.Sprintf("%-45s %+v, %d requests", name, s.desk.tally(s.gateway), s.Requests()))
			})
		}
	})
	for _, line := range matrix {
		t.Log(line)
	}
}

func newScene(t *testing.T, o api7sim.Options, timeout time.Duration) scene {
	g := newGateway(t, o)
	g.fill(300, 10*time.Hour)
	g.clock.advance(time.Second)
	d := newDesk(t, g)
	d.config.Client.Timeout = timeout
	d.config.PollInterval = time.Millisecond
	d.config.Stalled = 1 << 30 // the clock stands still between the steps
	d.start()
	d.await(g)
	return scene{g, d}
}

// addLate adds records that happened up to ten minutes ago, and some that will show
// up to ten minutes late.
func (s scene) addLate(step int) {
	age := time.Duration(step%10) * time.Minute
	s.store.Add(s.record(age))
	s.store.AddLate(s.record(0), s.clock.Now().Add(age))
}

// addBurst adds 500 records of one second now and then.
func (s scene) addBurst(step int) {
	if step%30 == 15 {
		for range 500 {
			s.store.Add(s.record(time.Second))
		}
	}
}

// addOneBurst adds 500 records of one second once, near the end.
func (s scene) addOneBurst(step int) {
	if step == 80 {
		s.addBurst(15)
	}
}

func (s scene) newestFirst() { s.Set(func(o *api7sim.Options) { o.NewestFirst = true }) }

func (s scene) total(f func(int) int) { s.Set(func(o *api7sim.Options) { o.Total = f }) }

// insertWhilePaging adds a record before what was read, and one in the middle of it,
// whenever a second or later page is asked for.
func (s scene) insertWhilePaging() {
	var mu sync.Mutex
	n := 0
	s.Set(func(o *api7sim.Options) {
		o.BeforeList = func(q url.Values) {
			mu.Lock()
			defer mu.Unlock()
			if p := q.Get("page"); p == "" || p == "1" || n == 150 {
				return
			}
			n++
			s.store.Add(s.record(time.Duration(n%500)*time.Second), s.record(2*time.Second))
		}
	})
}

// deleteWhilePaging lets the gateway's retention run while a history is read.
func (s scene) deleteWhilePaging() {
	s.desk.stop()
	s.desk.mu.Lock()
	s.desk.saved, s.desk.ids = nil, map[string]int{}
	s.desk.mu.Unlock()
	oldest := s.clock.Now().Add(-10 * time.Hour)
	s.Set(func(o *api7sim.Options) {
		o.BeforeList = func(q url.Values) {
			if p := q.Get("page"); p != "1" && oldest.Before(noon.Add(-5*time.Hour)) {
				oldest = oldest.Add(7 * time.Minute)
				s.store.Delete(oldest)
			}
		}
	})
	s.desk.start()
}

// R22: records up to ten minutes late, 500 in one second, inserts while paging in
// both directions and a changing total: with the default overlap every record
// arrives once.
func TestR22_LateAndSameSecondRecordsArriveOnce(t *testing.T) {
	for name, o := range map[string]api7sim.Options{
		"ascending":                   {},
		"descending":                  {NewestFirst: true},
		"ascending, no stable order":  {Shuffle: true},
		"descending, no stable order": {Shuffle: true, NewestFirst: true},
		"milliseconds, exclusive":     {Milliseconds: true, ExclusiveStart: true, ExclusiveEnd: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, o, time.Minute)
			s.insertWhilePaging()
			s.hour(func(step int) {
				s.addLate(step)
				s.addBurst(step)
			})
			s.clock.advance(11 * time.Minute)
			s.desk.await(s.gateway)
			s.desk.expectOnce(s.gateway)
			if late := s.desk.source.Stats().Late.Load(); late < 50 {
				t.Errorf("only %d records were late", late)
			}
		})
	}
}

// R23: empty windows advance; with the clocks an hour apart either way windows end
// at the gateway's Date and never end before they start; a cursor that does not move
// is told.
func TestR23_EmptyWindowsAndSkewedClocks(t *testing.T) {
	for name, skew := range map[string]time.Duration{"agent behind": time.Hour, "agent ahead": -time.Hour, "same time": 0} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, api7sim.Options{})
			g.clock.now = time.Now().Add(skew).Truncate(time.Second)
			var mu sync.Mutex
			var wrong []string
			g.Set(func(o *api7sim.Options) {
				o.BeforeList = func(q url.Values) {
					if !q.Has("end_at") || q.Get("page_size") == "1" { // finding out how times are taken
						return
					}
					var start, end int64
					_, err := fmt.Sscan(q.Get("start_at")+" "+q.Get("end_at"), &start, &end)
					if now := g.clock.Now().Unix(); err != nil || start > end || end > now {
						mu.Lock()
						defer mu.Unlock()
						wrong = append(wrong, fmt.Sprintf("from %d to %d at %d", start, end, now))
					}
				}
			})
			g.fill(3, time.Minute)
			g.store.Add(g.record(23 * time.Hour)) // and nothing for a day
			d := newDesk(t, g)
			d.config.now = func() time.Time { return g.clock.Now().Add(-skew) }
			d.start()
			d.await(g)
			for range 100 { // of which most windows are empty
				g.clock.advance(time.Minute)
				d.polls(1)
			}
			before := d.places[len(d.places)-1]
			if behind := g.clock.Now().Sub(before); behind > 25*time.Minute+max(skew, 0) {
				t.Errorf("the cursor is %v behind", behind)
			}
			g.fill(5, time.Minute)
			g.clock.advance(time.Second)
			d.await(g)
			d.expectOnce(g)
			for _, w := range wrong {
				t.Error(w)
			}
			if got := time.Duration(d.source.Stats().Skew.Load()) * time.Millisecond; (got - skew).Abs() > time.Minute {
				t.Errorf("a skew of %v was found", got)
			}
		})
	}
}

func TestR23_ACursorThatDoesNotMoveIsTold(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(10, time.Hour)
	d := newDesk(t, g)
	d.start()
	d.await(g)
	d.until("the stalled cursor is told", func() bool { return strings.Contains(d.waits(), "clock does not move") })
	if n := d.source.Stats().Stalled.Load(); n < 10 {
		t.Errorf("told after %d polls", n)
	}
	g.clock.advance(time.Minute)
	d.until("it works again", func() bool { return d.waits() == "" })
	if n := d.source.Stats().Stalled.Load(); n >= 10 {
		t.Errorf("%d polls are still counted", n)
	}
}

func TestTimesThatTheGatewayIgnoresAreTold(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(10, time.Hour)
	g.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Del("start_at")
		q.Del("end_at")
		r.URL.RawQuery = q.Encode()
		g.ServeHTTP(w, r)
	})
	d := newDesk(t, g)
	d.start()
	d.until("it is told", func() bool { return strings.Contains(d.waits(), "ignores start_at and end_at") })
}

// An upgrade of the gateway may change how it takes times. Then windows look empty.
func TestAnotherUnitAfterAnUpgradeIsFound(t *testing.T) {
	s := newScene(t, api7sim.Options{}, time.Minute)
	s.Set(func(o *api7sim.Options) { o.Milliseconds = true })
	s.hour(nil)
	s.clock.advance(11 * time.Minute)
	s.desk.await(s.gateway)
	s.desk.expectOnce(s.gateway)
}

// One record that is no JSON breaks the whole page it is in.
func TestABrokenRecordHarmsItselfAlone(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(300, time.Hour)
	g.store.AddText(noon.Add(-30*time.Minute), "bad", []byte(`{"id":"bad"}`))
	g.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(&breaker{w}, r)
	})
	d := newDesk(t, g)
	d.start()
	d.until("the others came", func() bool { return d.tally(g).lost == 1 })
	d.polls(3)
	if len(d.faults) != 1 || d.faults[0].Reason != "broken_json" {
		t.Errorf("faults: %+v", d.faults)
	}
	if got := d.tally(g); got.twice > 0 {
		t.Errorf("%+v", got)
	}
}

func TestABrokenRecordThatIsTheNewest(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	g.fill(30, time.Hour)
	g.store.AddText(noon.Add(-time.Second), "bad", []byte(`{"id":"bad"}`))
	g.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.ServeHTTP(&breaker{w}, r)
	})
	d := newDesk(t, g)
	d.start()
	d.until("the others came", func() bool { return d.tally(g).lost == 1 })
}

// breaker makes the record "bad" one that is no JSON.
type breaker struct{ http.ResponseWriter }

func (b *breaker) Write(body []byte) (int, error) {
	bad := bytes.ReplaceAll(body, []byte(`{"id":"bad"}`), []byte(`{"id":bad_}}`[:12]))
	_, err := b.ResponseWriter.Write(bad)
	return len(body), err
}

func TestPagesShrinkWhereTheyAreTooLong(t *testing.T) {
	g := newGateway(t, api7sim.Options{})
	const bound = 256 << 10
	long := strings.Repeat("x", bound/8)
	for i := range 12 {
		at := noon.Add(-time.Duration(i+1) * time.Second)
		g.store.AddText(at, fmt.Sprint(i), fmt.Appendf(nil, `{"id":"%d","event_time":%d,"error_message":"%s"}`, i, at.Unix(), long))
	}
	d := newDesk(t, g)
	d.config.pageBytes = bound
	d.once()
	d.expectOnce(g)
}
