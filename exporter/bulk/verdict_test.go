package bulk

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestR13EachAnswerHasOneVerdict runs one document through each kind of answer
// for an item, between two neighbours that go well.
func TestR13EachAnswerHasOneVerdict(t *testing.T) {
	fault := func(status int) itemFault { return itemFault{status: status} }
	cause := func(status int, errorType, reason string) itemFault {
		return itemFault{status: status, cause: fmt.Sprintf(`{"type":%q,"reason":%q}`, errorType, reason)}
	}
	onStream := func(f itemFault) itemFault { f.onStream = true; return f }
	tests := map[string]struct {
		answers []itemFault // one for each try; then it goes well
		want    Verdict
		tries   int
	}{
		"200":                        {[]itemFault{fault(200)}, Verdict{Kind: Indexed, Status: 200}, 1},
		"201":                        {nil, Verdict{Kind: Indexed, Status: 201}, 1},
		"201 in the failure store":   {[]itemFault{{status: 201, failureStore: true}}, Verdict{Kind: FailureStored, Status: 201}, 1},
		"400 names the field":        {[]itemFault{fault(400)}, Verdict{Refused, 400, "document_parsing_exception", "a.b"}, 1},
		"400 strict":                 {[]itemFault{cause(400, "strict_dynamic_mapping_exception", "mapping set to strict")}, Verdict{Refused, 400, "strict_dynamic_mapping_exception", ""}, 1},
		"400 mapper at a shard":      {[]itemFault{cause(400, "mapper_parsing_exception", "failed to parse")}, Verdict{Refused, 400, "mapper_parsing_exception", ""}, 1},
		"400 illegal argument":       {[]itemFault{cause(400, "illegal_argument_exception", "field name cannot be an empty string")}, Verdict{Refused, 400, "illegal_argument_exception", ""}, 1},
		"400 quoting a known reason": {[]itemFault{onStream(cause(400, "illegal_argument_exception", "value [pipeline with id [x] does not exist]"))}, Verdict{Refused, 400, "illegal_argument_exception", ""}, 1},
		"400 of a strange type":      {[]itemFault{cause(400, "secret text", "x")}, Verdict{Refused, 400, "unreadable", ""}, 1},
		"400 with an odd error":      {[]itemFault{{status: 400, cause: `"just text"`}}, Verdict{Kind: Refused, Status: 400}, 1},
		"409":                        {[]itemFault{fault(409)}, Verdict{Kind: Duplicate, Status: 409}, 1},
		"413":                        {[]itemFault{fault(413)}, Verdict{TooLarge, 413, "some_exception", "a.b"}, 1},
		"422":                        {[]itemFault{fault(422)}, Verdict{Refused, 422, "some_exception", "a.b"}, 1},

		"408 then well":                      {[]itemFault{fault(408)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"429 twice, then well":               {[]itemFault{fault(429), fault(429)}, Verdict{Kind: Indexed, Status: 201}, 3},
		"500 then well":                      {[]itemFault{fault(500)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"503 then well":                      {[]itemFault{fault(503)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"503 although it was done":           {[]itemFault{{status: 503, done: true}}, Verdict{Kind: Duplicate, Status: 200}, 1},
		"409 that is no version conflict":    {[]itemFault{cause(409, "status_exception", "x")}, Verdict{Kind: Indexed, Status: 201}, 2},
		"301, which no item has":             {[]itemFault{fault(301)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"401 waits":                          {[]itemFault{fault(401)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"403 waits":                          {[]itemFault{fault(403)}, Verdict{Kind: Indexed, Status: 201}, 2},
		"403 index block waits":              {[]itemFault{onStream(cause(403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"429 flood stage waits":              {[]itemFault{onStream(cause(429, "cluster_block_exception", "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded];"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"404 waits":                          {[]itemFault{onStream(fault(404))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 closed index waits":             {[]itemFault{onStream(cause(400, "index_closed_exception", "closed"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 shard limit waits":              {[]itemFault{onStream(cause(400, "validation_exception", "Validation Failed: 1: this action would add [1] shards"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 missing pipeline waits":         {[]itemFault{onStream(cause(400, "illegal_argument_exception", "pipeline with id [nope] does not exist"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 alias without write index":      {[]itemFault{onStream(cause(400, "illegal_argument_exception", "no write index is defined for alias [x]. The write"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 template does not parse, waits": {[]itemFault{onStream(cause(400, "mapper_parsing_exception", "Failed to parse mapping"))}, Verdict{Kind: Indexed, Status: 201}, 2},
		"400 op_type waits":                  {[]itemFault{cause(400, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams")}, Verdict{Kind: Indexed, Status: 201}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.onItem = func(id string, n int) itemFault {
				if id != idOf(1) || n >= len(tt.answers) {
					return itemFault{}
				}
				return tt.answers[n]
			}
			s := New(f.serve(t), quick())
			got := mustSend(t, s, documents(3)).verdicts
			if got[1] != tt.want {
				t.Errorf("the verdict is %+v, want %+v", got[1], tt.want)
			}
			if f.tries[idOf(1)] != tt.tries {
				t.Errorf("sent %d times, want %d", f.tries[idOf(1)], tt.tries)
			}
			for _, neighbour := range []int{0, 2} {
				if got[neighbour].Kind != Indexed || f.tries[idOf(neighbour)] != 1 {
					t.Errorf("neighbour %d: %+v after %d tries", neighbour, got[neighbour], f.tries[idOf(neighbour)])
				}
			}
		})
	}
}

// TestR13EveryMixOfStatuses sends documents that each suffer a random series of
// answers, all in the same requests: the sums are exact and nothing is sent
// again that had its answer.
func TestR13EveryMixOfStatuses(t *testing.T) {
	f := newFake()
	client := f.serve(t)
	final := map[int]Kind{0: Indexed, 200: Indexed, 201: Indexed, 400: Refused, 409: Duplicate, 413: TooLarge}
	retried := []int{401, 403, 404, 408, 429, 500, 502, 503}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "documents")
		script := map[string][]int{}
		want := map[Kind]int{}
		for i := range n {
			tries := rapid.SliceOfN(rapid.SampledFrom(retried), 0, 4).Draw(t, "retried")
			last := rapid.SampledFrom(slices.Sorted(maps.Keys(final))).Draw(t, "final")
			script[idOf(i)] = append(tries, last)
			want[final[last]]++
		}
		fresh := newFake()
		fresh.onItem = func(id string, n int) itemFault { return itemFault{status: script[id][n]} }
		f.replace(fresh)
		s := New(client, quick())
		got := mustSend(t, s, documents(n)).kinds()
		if !maps.Equal(got, want) {
			t.Errorf("verdicts %v, want %v", got, want)
		}
		for id, statuses := range script {
			if f.tries[id] != len(statuses) {
				t.Errorf("%s was sent %d times, want %d for %v", id, f.tries[id], len(statuses), statuses)
			}
		}
		for kind, n := range s.Stats().Verdicts {
			if int(n) != want[kindNamed(kind)] {
				t.Errorf("counted %d %s, want %d", n, kind, want[kindNamed(kind)])
			}
		}
	})
}

func kindNamed(name string) Kind {
	for k := Indexed; k <= TooLarge; k++ {
		if k.String() == name {
			return k
		}
	}
	return 0
}

// TestR13LostAndBrokenAnswers: whatever becomes of an answer, nothing is lost
// or there twice, even when the stream rolls over behind it.
func TestR13LostAndBrokenAnswers(t *testing.T) {
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	tests := map[string]fault{
		"the connection breaks before the request is read": {abort: true},
		"an answer longer than the request can need":       {done: func([]byte) []byte { return bytes.Repeat([]byte(" "), 2<<20) }},
		"more items than documents": {done: func([]byte) []byte {
			return append([]byte(`{"items":[`), append(bytes.Repeat([]byte(`{"create":{"status":201}},`), 30_000), `{"create":{"status":201}}]}`...)...)
		}},
		"the connection breaks after it was done": {done: func([]byte) []byte { return nil }},
		"the same, and a rollover":                {done: func([]byte) []byte { return nil }, rollAfter: true},
		"the answer is cut":                       {done: cut, rollAfter: true},
		"the answer is cut between two items": {rollAfter: true, done: func(b []byte) []byte {
			return []byte(string(b[:strings.LastIndex(string(b), `,{"create"`)]) + "]}")
		}},
		"the answer has an item too many": {rollAfter: true, done: func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"items":[`, `"items":[{"create":{"status":201}},`, 1))
		}},
		"the answer is empty":          {rollAfter: true, done: func([]byte) []byte { return []byte{} }},
		"the answer is a page":         {rollAfter: true, done: func([]byte) []byte { return []byte("<html>") }},
		"an item without a status":     {rollAfter: true, done: func(b []byte) []byte { return []byte(strings.Replace(string(b), `"status":201`, `"x":201`, 1)) }},
		"502 of a proxy":               {status: 502, body: "<html>Bad Gateway</html>"},
		"503 of a proxy":               {status: 503, body: "<html>"},
		"504 of a proxy":               {status: 504},
		"500":                          {status: 500},
		"408":                          {status: 408},
		"429 with an unreadable error": {status: 429, body: "slow down"},
		"301 to a login page":          {status: 301, body: "<html>", header: http.Header{"Location": {"/login"}}},
	}
	for name, ft := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.roll()
			f.onBulk = func(n int, _ []string) fault {
				if n < 2 {
					return ft
				}
				return fault{}
			}
			mustSend(t, New(f.serve(t), quick()), documents(20))
			f.mustHoldOnce(t, 20)
		})
	}
}

// TestR13AProxyThatDoesTheWorkAndAnswers504: the fate is unknown, and was well.
func TestR13AProxyThatDoesTheWorkAndAnswers504(t *testing.T) {
	f := newFake()
	f.roll()
	f.onBulk = func(n int, ids []string) fault {
		if n > 0 {
			return fault{}
		}
		for _, id := range ids {
			f.indices[0].docs[id] = "{}"
		}
		return fault{status: 504, rollBefore: true}
	}
	l := mustSend(t, New(f.serve(t), quick()), documents(5))
	if got := l.kinds()[Duplicate]; got != 5 {
		t.Errorf("%d of 5 were found, verdicts %v", got, l.verdicts)
	}
	f.mustHoldOnce(t, 5)
}

func TestR13TooLargeRequestsAreSplit(t *testing.T) {
	const most, n = 900, 40 // bytes that the peer takes at once
	f := newFake()
	f.onBulk = func(_ int, ids []string) fault {
		size := 0
		for _, id := range ids {
			size += 70
			if id == idOf(13) {
				size += 1000
			}
		}
		if size > most {
			return fault{status: 413, body: "<html>Request Entity Too Large</html>"}
		}
		return fault{}
	}
	docs := documents(n)
	docs[13].Source = fmt.Appendf(nil, `{"x":"%s"}`, strings.Repeat("x", 1000))
	s := New(f.serve(t), quick())
	l := mustSend(t, s, docs)
	if got := l.verdicts[13]; got.Kind != TooLarge || got.Status != 413 {
		t.Errorf("the large one: %+v", got)
	}
	if got := l.kinds()[Indexed]; got != n-1 {
		t.Errorf("%d of the others were indexed, want %d", got, n-1)
	}

	before := s.Stats().Retries[ReasonTooLarge]
	more := make([]Document, n)
	for i := range more {
		more[i] = document(1000+i, time.Now().UnixMilli())
	}
	mustSend(t, s, more)
	if after := s.Stats().Retries[ReasonTooLarge]; after != before {
		t.Errorf("the limit was not kept in mind: %d more documents were sent again", after-before)
	}
}

// TestTheLimitHoldsForTheBodyOfEachRequest: no request is larger than MaxBytes
// unless it holds a single document.
func TestTheLimitHoldsForTheBodyOfEachRequest(t *testing.T) {
	f := newFake()
	cfg := quick()
	cfg.MaxBytes = 500
	var sizes []int
	cfg.Observe = func(x Exchange) { sizes = append(sizes, x.Bytes) }
	docs := documents(30)
	docs[7].Source = []byte(`{"x":"` + strings.Repeat("x", 2000) + `"}`)
	mustSend(t, New(f.serve(t), cfg), docs)
	for i, size := range sizes {
		if size > cfg.MaxBytes && f.bodies[i] != 1 {
			t.Errorf("request %d has %d bytes and %d documents", i, size, f.bodies[i])
		}
	}
	f.mustHoldOnce(t, 30)
}

func TestR13RetryAfterIsRespectedAndCapped(t *testing.T) {
	tests := map[string]struct {
		header string
		atMost time.Duration
	}{
		"an hour, capped":  {"3600", 80 * time.Millisecond},
		"a date, capped":   {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 80 * time.Millisecond},
		"a second, obeyed": {"1", time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.onBulk = func(n int, _ []string) fault {
				if n == 0 {
					return fault{status: 429, header: http.Header{"Retry-After": {tt.header}}}
				}
				return fault{}
			}
			cfg := quick()
			cfg.Backoff.AskedMax = tt.atMost
			mustSend(t, New(f.serve(t), cfg), documents(1))
			pause, least := f.arrived[1].Sub(f.arrived[0]), min(tt.atMost, time.Second)
			if pause < least || pause > least+20*time.Second {
				t.Errorf("came again after %v, want about %v", pause, least)
			}
		})
	}
}

// TestWhatIsNotTheDocumentsFaultWaits: nothing is dropped, the reason is told
// once, and once more when it is over.
func TestWhatIsNotTheDocumentsFaultWaits(t *testing.T) {
	block := `{"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: secret"},"status":403}`
	tests := map[string]struct {
		ft   fault
		want Reason
	}{
		"401":               {fault{status: 401, body: `{"error":{"type":"security_exception","reason":"secret"}}`}, ReasonUnauthorized},
		"403":               {fault{status: 403}, ReasonForbidden},
		"403 of a proxy":    {fault{status: 403, body: "<html>"}, ReasonForbidden},
		"403 cluster block": {fault{status: 403, body: block}, ReasonBlocked},
		"404":               {fault{status: 404}, ReasonNotFound},
		"503 cluster block": {fault{status: 503, body: block}, ReasonBlocked},
		"429":               {fault{status: 429}, ReasonOverloaded},
		"503":               {fault{status: 503}, ReasonServerError},
		"400 for everybody": {fault{status: 400, body: "The plain HTTP request was sent to HTTPS port"}, ReasonRejected},
		"406":               {fault{status: 406}, ReasonRejected},
		"302":               {fault{status: 302}, ReasonRejected},
		"no answer":         {fault{abort: true}, ReasonAnswerLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.onBulk = func(n int, _ []string) fault {
				if n < 5 {
					return tt.ft
				}
				return fault{}
			}
			cfg := quick()
			var told []Condition
			cfg.Notify = func(c Condition) { told = append(told, c) }
			mustSend(t, New(f.serve(t), cfg), documents(4))
			f.mustHoldOnce(t, 4)
			if len(told) != 2 || !told[0].Waiting || told[0].Reason != tt.want || told[0].Since.IsZero() || told[1] != (Condition{}) {
				t.Errorf("told %+v, want %s once, and its end", told, tt.want)
			}
			if strings.Contains(fmt.Sprint(told), "secret") {
				t.Errorf("the server's reason got out: %+v", told)
			}
		})
	}
}

func TestOneHiccupIsNotWorthAWord(t *testing.T) {
	f := newFake()
	f.onBulk = func(n int, _ []string) fault {
		if n == 1 {
			return fault{status: 503}
		}
		return fault{}
	}
	cfg := quick()
	cfg.MaxBytes = 400
	cfg.Notify = func(c Condition) { t.Errorf("told %+v", c) }
	mustSend(t, New(f.serve(t), cfg), documents(20))
}

// TestOneConditionForAllCalls: calls that wait at the same time are one
// condition, which ends with the last of them.
func TestOneConditionForAllCalls(t *testing.T) {
	f := newFake()
	open := false
	f.onItem = func(id string, n int) itemFault {
		if open {
			return itemFault{}
		}
		return itemFault{status: 403, onStream: true}
	}
	var mu sync.Mutex
	var told []Condition
	waiting := make(chan struct{}, 1)
	cfg := quick()
	cfg.Notify = func(c Condition) {
		mu.Lock()
		defer mu.Unlock()
		if told = append(told, c); c.Waiting {
			waiting <- struct{}{}
		}
	}
	s := New(f.serve(t), cfg)
	var all sync.WaitGroup
	for k := range 4 {
		all.Go(func() {
			if err := s.Send(t.Context(), []Document{document(k, time.Now().UnixMilli())}, func(int, Verdict) error { return nil }); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	<-waiting
	f.mu.Lock()
	open = true
	f.mu.Unlock()
	all.Wait()
	// A call that came late may have begun to wait after the others got through.
	if len(told)%2 != 0 {
		t.Fatalf("told %+v, want pairs", told)
	}
	for i, c := range told {
		if c.Waiting != (i%2 == 0) {
			t.Errorf("told %+v, want beginnings and ends in turn", told)
		}
	}
	f.mustHoldOnce(t, 4)
}
