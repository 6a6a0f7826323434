package bulk

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/exporter"
)

const hour = int64(time.Hour / time.Millisecond)

// stream is a list of backing indices that were created at these hours.
func stream(created ...int64) *backing {
	b := &backing{generation: 1, created: math.MaxInt64}
	for i := range created {
		closed := int64(math.MaxInt64)
		for _, later := range created[i+1:] {
			closed = min(closed, later*hour)
		}
		b.indices = append(b.indices, index{closed: closed})
		b.created = created[i] * hour
	}
	return b
}

func TestWhichIndicesCanHoldADocument(t *testing.T) {
	three := stream(100, 200, 300)
	tests := map[string]struct {
		b    *backing
		hour int64
		want int // place of the oldest
	}{
		"no stream yet":                     {stream(), 500, 0},
		"one index, of old":                 {stream(100), 5, 0},
		"one index, of now":                 {stream(100), 500, 0},
		"after the write index was created": {three, 303, 2},
		"just within the clocks' margin":    {three, 302, 1},
		"before the write index":            {three, 299, 1},
		"in the time of the second":         {three, 203, 1},
		"at the end of the first's time":    {three, 202, 0},
		"before all of them":                {three, -5, 0},
		"in the future":                     {three, 900, 2},
		// The second was shrunk at 250: its creation says so. What the third
		// says about the first's end is then the better bound for neither.
		"a shrunk index says later than it was": {stream(100, 250, 300), 230, 0},
		"one shrunk after the newest was made":  {stream(100, 350, 300), 303, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.b.candidates(tt.hour*hour, 2*time.Hour); got != tt.want {
				t.Errorf("got place %d, want %d", got, tt.want)
			}
		})
	}
	for _, at := range []int64{math.MinInt64, math.MinInt64 + 5, math.MaxInt64} {
		if got, want := three.candidates(at, 2*time.Hour), map[bool]int{true: 0, false: 2}[at < 0]; got != want {
			t.Errorf("time %d: got place %d, want %d", at, got, want)
		}
	}
}

// TestWhoIsLookedUp counts the questions that each kind of document costs in a
// stream of three indices.
func TestWhoIsLookedUp(t *testing.T) {
	const skew = 2 * hour
	tests := map[string]struct {
		rolls   int
		age     func(f *fake) int64 // time of the document
		doubt   bool
		lookups int
	}{
		"no stream, new":                   {0, func(*fake) int64 { return time.Now().UnixMilli() }, false, 0},
		"no stream, in doubt":              {0, func(*fake) int64 { return 0 }, true, 0},
		"one index, old":                   {1, func(*fake) int64 { return 0 }, false, 0},
		"one index, in doubt":              {1, func(*fake) int64 { return 0 }, true, 1},
		"three, newer than all":            {3, func(f *fake) int64 { return f.indices[2].created + skew + 1 }, false, 0},
		"three, as old as the write index": {3, func(f *fake) int64 { return f.indices[2].created + skew }, false, 2},
		"three, old":                       {3, func(*fake) int64 { return 0 }, false, 3},
		"three, new but in doubt":          {3, func(f *fake) int64 { return f.indices[2].created + skew + 1 }, true, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			for range tt.rolls {
				f.roll()
				f.clock += 10 * hour
			}
			d := document(0, tt.age(f))
			d.Doubtful = tt.doubt
			s := New(f.serve(t), quick())
			mustSend(t, s, []Document{d})
			if got := int(s.Stats().Lookups); got != tt.lookups || f.mgets != tt.lookups {
				t.Errorf("%d look-ups, counted %d, want %d", f.mgets, got, tt.lookups)
			}
			f.mustHoldOnce(t, 1)
		})
	}
}

func TestR17ReplayAfterRolloversAddsNothing(t *testing.T) {
	tests := map[string]func(d *Document){
		"old records that were never sent, says the caller": func(*Document) {},
		"in doubt": func(d *Document) { d.Doubtful = true },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.clock = time.Now().UnixMilli()
			s := New(f.serve(t), quick())
			docs := documents(6000) // several look-ups for one request
			for k := range 3 {
				mustSend(t, s, docs[k*2000:(k+1)*2000])
				f.mu.Lock()
				f.roll()
				f.mu.Unlock()
			}
			for i := range docs {
				change(&docs[i])
			}
			for _, again := range []*Sender{s, New(f.serve(t), quick())} {
				if again == s {
					s.backings.expire() // as after a second, in which nobody rolls over
				}
				if got := mustSend(t, again, docs).kinds()[Duplicate]; got != len(docs) {
					t.Errorf("%d of %d are duplicates", got, len(docs))
				}
			}
			f.mustHoldOnce(t, len(docs))
		})
	}
}

// TestARolloverBetweenLookUpAndCreate: the write index was looked at too.
func TestARolloverBetweenLookUpAndCreate(t *testing.T) {
	f := newFake()
	f.roll()
	f.roll()
	for i := range 10 {
		f.indices[1].docs[idOf(i)] = "{}"
	}
	f.onGet = func(_ int, path string) fault {
		return fault{rollAfter: strings.HasSuffix(path, "/_mget") && len(f.indices) == 2}
	}
	docs := documents(12)
	for i := range docs {
		docs[i].Time = 0
	}
	s := New(f.serve(t), quick())
	mustSend(t, s, docs)
	f.mustHoldOnce(t, 12)
	if n := s.Stats().PossibleDuplicates; n != 0 {
		t.Errorf("%d possible duplicates", n)
	}
}

// TestPossibleDuplicatesAreCounted: another writer created the same documents
// in the old write index, just before it rolled over unseen. That cannot be
// prevented, but it is noticed.
func TestPossibleDuplicatesAreCounted(t *testing.T) {
	f := newFake()
	f.clock = time.Now().UnixMilli()
	f.roll()
	f.onBulk = func(n int, _ []string) fault {
		if n != 1 {
			return fault{}
		}
		for i := range 3 {
			f.indices[0].docs[idOf(100+i)] = "{}"
		}
		return fault{rollBefore: true}
	}
	s := New(f.serve(t), quick())
	mustSend(t, s, documents(5))
	second := []Document{document(100, f.clock), document(101, f.clock), document(102, f.clock), document(103, f.clock)}
	l := mustSend(t, s, second)
	if got := l.kinds()[Indexed]; got != 4 {
		t.Errorf("%d indexed, want 4", got)
	}
	if got := s.Stats().PossibleDuplicates; got != 3 {
		t.Errorf("%d possible duplicates were counted, want 3", got)
	}
}

// TestALookUpThatFailsWaits: what cannot be looked up is not sent.
func TestALookUpThatFailsWaits(t *testing.T) {
	closed := `{"docs":[{"error":{"type":"index_closed_exception","reason":"secret"}}]}`
	tests := map[string]struct {
		suffix string
		ft     fault
		want   Reason
	}{
		"may not read":              {"/_mget", fault{status: 403, body: `{"error":{"type":"security_exception","reason":"action [indices:data/read/mget] is unauthorized for user [x], this action is granted by the index privileges [read,all]"}}`}, ReasonForbidden},
		"may not see the stream":    {"/" + testStream, fault{status: 403}, ReasonForbidden},
		"may not see the settings":  {"/index.creation_date", fault{status: 403}, ReasonForbidden},
		"an older index is closed":  {"/_mget", fault{status: 200, body: closed}, ReasonClosed},
		"the answer is short":       {"/_mget", fault{status: 200, body: `{"docs":[]}`}, ReasonAnswerLost},
		"the answer is no answer":   {"/_mget", fault{status: 200, body: `{"docs":[{}]}`}, ReasonAnswerLost},
		"the settings are broken":   {"/index.creation_date", fault{status: 200, body: `[]`}, ReasonAnswerLost},
		"overloaded":                {"/_mget", fault{status: 429, header: http.Header{"Retry-After": {"9"}}}, ReasonOverloaded},
		"the server fails":          {"/" + testStream, fault{status: 500}, ReasonServerError},
		"the connection is cut off": {"/_mget", fault{abort: true}, ReasonAnswerLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.roll()
			f.roll()
			f.indices[0].docs[idOf(0)] = "{}"
			failures := 4
			f.onGet = func(_ int, path string) fault {
				if strings.HasSuffix(path, tt.suffix) && failures > 0 {
					failures--
					return tt.ft
				}
				return fault{}
			}
			cfg := quick()
			var told []Condition
			cfg.Notify = func(c Condition) { told = append(told, c) }
			l := mustSend(t, New(f.serve(t), cfg), []Document{document(0, 0)})
			if l.verdicts[0].Kind != Duplicate || f.bulks != 0 {
				t.Errorf("verdict %v after %d bulk requests, want a duplicate after none", l.verdicts[0], f.bulks)
			}
			if len(told) != 2 || told[0].Reason != tt.want || told[1].Waiting {
				t.Errorf("told %+v, want %s and its end", told, tt.want)
			}
			for _, c := range told {
				if strings.Contains(c.Detail, "secret") {
					t.Errorf("the server's reason got out: %s", c.Detail)
				}
			}
		})
	}
}

// TestEachDocumentIsThereOnce is the promise under random faults: requests and
// answers lost at either end, items refused for a while, rollovers at any
// moment, several senders of the same documents in a row.
func TestEachDocumentIsThereOnce(t *testing.T) {
	f := newFake()
	client := f.serve(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "documents")
		bulkFaults := rapid.SliceOfN(rapid.Custom(drawFault), 0, 12).Draw(t, "bulk faults")
		getFaults := rapid.SliceOfN(rapid.Custom(drawFault), 0, 12).Draw(t, "look-up faults")
		itemFaults := rapid.SliceOfN(rapid.SampledFrom([]itemFault{
			{}, {}, {}, {status: 429}, {status: 403}, {status: 503}, {status: 503, done: true}, {status: 500, done: true},
		}), 0, 60).Draw(t, "item faults")
		fresh := newFake()
		fresh.clock = time.Now().UnixMilli()
		for range rapid.IntRange(0, 3).Draw(t, "indices before") {
			fresh.roll()
		}
		fresh.onBulk = func(_ int, ids []string) fault {
			ft := pop(&bulkFaults)
			if ft.status == 413 && len(ids) == 1 {
				return fault{} // else it would be too large for good
			}
			return ft
		}
		fresh.onGet = func(int, string) fault { return pop(&getFaults) }
		fresh.onItem = func(string, int) itemFault { return pop(&itemFaults) }
		f.replace(fresh)

		cfg := quick()
		cfg.MaxBytes = rapid.SampledFrom([]int{300, 1000, 5 << 20}).Draw(t, "request size")
		docs := documents(n)
		for i := range docs {
			docs[i].Time -= rapid.SampledFrom([]int64{0, 0, 100 * hour}).Draw(t, "age")
		}
		mustSend(t, New(client, cfg), docs)
		f.mustHoldOnce(t, n)
		for i := range docs {
			docs[i].Doubtful = true
		}
		l := mustSend(t, New(client, cfg), docs)
		if l.kinds()[Duplicate] != n {
			t.Errorf("sent again: %v, want %d duplicates", l.kinds(), n)
		}
		f.mustHoldOnce(t, n)
	})
}

func drawFault(t *rapid.T) fault {
	ft := rapid.SampledFrom([]fault{
		{}, {}, {abort: true}, {done: func([]byte) []byte { return nil }}, {done: func(b []byte) []byte { return b[:len(b)*2/3] }},
		{status: 503}, {status: 429}, {status: 413}, {status: 403}, {status: 502, body: "<html>"},
	}).Draw(t, "fault")
	ft.rollBefore = rapid.IntRange(0, 4).Draw(t, "rollover before") == 0
	ft.rollAfter = rapid.IntRange(0, 4).Draw(t, "rollover after") == 0
	return ft
}

// pop takes the first of a script; after its end nothing happens any more.
func pop[T any](script *[]T) (next T) {
	if len(*script) > 0 {
		next, *script = (*script)[0], (*script)[1:]
	}
	return next
}

func TestSendEndsWithItsContext(t *testing.T) {
	f := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	f.onBulk = func(n int, _ []string) fault {
		if n == 3 {
			cancel()
		}
		return fault{status: 401}
	}
	cfg := quick()
	var last Condition
	cfg.Notify = func(c Condition) { last = c }
	s := New(f.serve(t), cfg)
	err := s.Send(ctx, documents(3), func(int, Verdict) error { t.Error("a verdict"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if last.Waiting {
		t.Errorf("nobody waits any more, but the condition is %+v", last)
	}
}

func TestSendEndsWithTheCallersError(t *testing.T) {
	full := errors.New("the dead letter box is full")
	tests := map[string]func(f *fake, docs []Document){
		"at a verdict":            func(*fake, []Document) {},
		"at a look-up":            func(f *fake, docs []Document) { f.roll(); f.indices[0].docs[idOf(0)] = "{}"; docs[0].Doubtful = true },
		"at a malformed document": func(_ *fake, docs []Document) { docs[0].Source = nil },
		"at a large document": func(f *fake, _ []Document) {
			f.onBulk = func(int, []string) fault { return fault{status: 413} }
		},
	}
	for name, arrange := range tests {
		t.Run(name, func(t *testing.T) {
			f, docs := newFake(), documents(5)
			arrange(f, docs)
			calls := 0
			err := New(f.serve(t), quick()).Send(t.Context(), docs, func(int, Verdict) error { calls++; return full })
			if !errors.Is(err, full) || calls != 1 {
				t.Errorf("got %v after %d verdicts, want %v after 1", err, calls, full)
			}
		})
	}
}

// TestADocumentThatWouldBreakTheRequestHarmsOnlyItself also when it tries to
// smuggle in an operation.
func TestADocumentThatWouldBreakTheRequestHarmsOnlyItself(t *testing.T) {
	bad := map[string]Document{
		TypeMalformedSource: {Source: []byte("{}\n{\"delete\":{\"_id\":\"x\"}}"), ID: document(1, 0).ID},
		TypeMalformedID:     {Source: []byte(`{}`), ID: [22]byte([]byte(`"},"delete":{"_id":"xx`))},
	}
	for why, d := range bad {
		t.Run(why, func(t *testing.T) {
			f, docs := newFake(), documents(3)
			docs[1] = d
			l := mustSend(t, New(f.serve(t), quick()), docs)
			if want := (Verdict{Kind: Refused, Type: why}); l.verdicts[1] != want {
				t.Errorf("got %+v, want %+v", l.verdicts[1], want)
			}
			if got := l.kinds()[Indexed]; got != 2 || len(f.stored()) != 2 {
				t.Errorf("%d indexed, %d stored, want 2", got, len(f.stored()))
			}
		})
	}
}

// R17: two copies of a document at once, with a rollover between their creates: the
// second waits for the verdict of the first, and is looked up then.
func TestTwoCopiesAtOnceAcrossARollover(t *testing.T) {
	f := newFake()
	f.roll()
	f.roll()
	f.onBulk = func(n int, _ []string) fault {
		// Both are on their way at once, the second one longer.
		f.mu.Unlock()
		time.Sleep(time.Duration(n+1) * 100 * time.Millisecond)
		f.mu.Lock()
		return fault{rollAfter: n == 0}
	}
	s := New(f.serve(t), quick())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			docs := documents(20)
			for i := range docs {
				docs[i].Doubtful = true
			}
			if err := s.Send(t.Context(), docs, func(int, Verdict) error { return nil }); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	all.Wait()
	f.mustHoldOnce(t, 20)
}

// A copy in the same call waits for the first as well, and a call that gives up lets
// go of what it held.
func TestCopiesInOneCallAndAfterOneThatGaveUp(t *testing.T) {
	f := newFake()
	f.roll()
	s := New(f.serve(t), quick())
	ctx, giveUp := context.WithCancel(t.Context())
	f.onBulk = func(int, []string) fault {
		giveUp()
		return fault{status: 503}
	}
	docs := documents(5)
	if err := s.Send(ctx, docs, func(int, Verdict) error { return nil }); err == nil {
		t.Fatal("it did not give up")
	}
	f.mu.Lock()
	f.onBulk = nil
	f.mu.Unlock()
	mustSend(t, s, append(docs, docs...))
	f.mustHoldOnce(t, 5)
}

// R12: a request of a process that was killed may still be at work when the next
// process looks, and the stream may roll over right after: Doubtful documents wait.
func TestWhatADeadProcessLeftIsWaitedFor(t *testing.T) {
	f := newFake()
	f.roll()
	docs := documents(5)
	for i := range docs {
		docs[i].Doubtful = true
	}
	time.AfterFunc(100*time.Millisecond, func() { // the dead one's request, and a rollover
		f.mu.Lock()
		defer f.mu.Unlock()
		for i := range docs {
			f.indices[0].docs[string(docs[i].ID[:])] = "{}"
		}
		f.roll()
	})
	cfg := quick()
	cfg.Settle, cfg.Unsettled = 300*time.Millisecond, true
	l := mustSend(t, New(f.serve(t), cfg), docs)
	if got := l.kinds()[Duplicate]; got != 5 {
		t.Errorf("%d of 5 were found", got)
	}
	f.mustHoldOnce(t, 5)
}

// A backing index that comes or goes between the list and the look-up is no condition:
// the list is read anew.
func TestIndexThatComesAndGoesIsNoCondition(t *testing.T) {
	for name, kind := range map[string]string{"deleted": "index_not_found_exception", "just made": "no_shard_available_action_exception"} {
		t.Run(name, func(t *testing.T) {
			f, docs := newFake(), documents(3)
			f.roll()
			for i := range docs {
				docs[i].Doubtful = true
			}
			failing := 3
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Elastic-Product", "Elasticsearch")
				w.Header().Set("Content-Type", "application/json")
				if strings.HasSuffix(r.URL.Path, "/_mget") && failing > 0 {
					failing--
					item := `{"error":{"type":"` + kind + `"}}`
					_, _ = io.WriteString(w, `{"docs":[`+item+","+item+","+item+`]}`) // the client may be gone
					return
				}
				f.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			client, err := exporter.New(exporter.Config{Addresses: []string{proxy.URL}})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			cfg := quick()
			cfg.Settle = time.Millisecond
			cfg.Notify = func(c Condition) {
				if c.Waiting {
					t.Errorf("a condition: %+v", c)
				}
			}
			if err := New(client, cfg).Send(t.Context(), docs, func(int, Verdict) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if len(f.stored()) != 3 || failing != 0 {
				t.Errorf("%v stored, %d failures left", f.stored(), failing)
			}
		})
	}
}
