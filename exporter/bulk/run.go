package bulk

import (
	"context"
	"errors"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// run is one call of Send.
type run struct {
	s       *Sender
	docs    []Document
	verdict func(int, Verdict) error
	state   []state // of each document
	pending []int32 // those without a verdict, in order
	limit   int64   // of the next request; shrinks while answers are lost
	tries   int     // rounds in a row that got no further
	// relisted is how often in a row a look-up met an index that came or went.
	relisted int
	// doubtSince is when a document was last sent whose fate is unknown: the
	// start of Send for those that came as Doubtful.
	doubtSince time.Time
	// quiet is when requests that nobody heard of again have come to their end.
	quiet time.Time
}

// state is what is known of a document.
type state struct {
	done bool
	// doubt: its fate is unknown since an answer was lost.
	doubt bool
	// looked is the generation of the list of backing indices in which it was
	// looked up and not found; 0 for none.
	looked uint32
	// mine: no other call sends it now. waited: another one did before.
	mine, waited bool
}

// outcome is how a round went.
type outcome struct {
	why        Reason // "": nothing has to wait
	detail     string
	retryAfter time.Duration
	progress   bool // some document got its verdict
}

// round takes the next documents one step further: it looks up those that need
// it and sends the rest in one request. The error is the caller's or ctx's.
func (r *run) round(ctx context.Context) (outcome, error) {
	chunk, n, err := r.next()
	defer func() { r.keep(n) }()
	if err != nil {
		return outcome{}, err
	}
	if len(chunk) == 0 {
		if n > 0 {
			return outcome{}, peer.Sleep(ctx, heldPause)
		}
		return outcome{}, ctx.Err()
	}

	b, err := r.current(ctx, chunk)
	if err != nil {
		return r.failed(ctx, err)
	}
	if err := r.lookUp(ctx, b, chunk); err != nil {
		return r.failed(ctx, err)
	}
	r.relisted = 0
	left := r.undone(chunk)
	if len(left) == 0 {
		return outcome{progress: true}, nil
	}
	return r.send(ctx, b, left)
}

// next is what fits a request of the first n of pending, without what other calls
// are sending. Documents that would break the request get their verdict instead.
func (r *run) next() (chunk []int32, n int, err error) {
	limit := min(r.limit, r.s.limit.Load())
	size := int64(0)
	for ; n < len(r.pending); n++ {
		i := r.pending[n]
		d := &r.docs[i]
		if why := d.malformed(); why != "" {
			if err := r.settle(i, Verdict{Kind: Refused, Type: why}); err != nil {
				return nil, n, err
			}
			continue
		}
		if size+int64(d.size()) > limit && len(chunk) > 0 {
			break
		}
		if r.claim(i) {
			size += int64(d.size())
			chunk = append(chunk, i)
		}
	}
	return chunk, n, nil
}

// keep takes the documents that are done off the first n of pending.
func (r *run) keep(n int) {
	at := n
	for k := n - 1; k >= 0; k-- {
		if i := r.pending[k]; !r.state[i].done {
			at--
			r.pending[at] = i
		}
	}
	r.pending = r.pending[at:]
}

func (r *run) undone(chunk []int32) []int32 {
	left := make([]int32, 0, len(chunk))
	for _, i := range chunk {
		if !r.state[i].done {
			left = append(left, i)
		}
	}
	return left
}

// callerError marks an error of the caller's verdict function on its way out.
type callerError struct{ error }

// settle tells a document's verdict.
func (r *run) settle(i int32, v Verdict) error {
	r.state[i].done = true
	r.disclaim(i)
	r.s.stats.verdicts[v.Kind].Add(1)
	if err := r.verdict(int(i), v); err != nil {
		return callerError{err}
	}
	return nil
}

// failed turns an error of a look-up into a reason to wait.
func (r *run) failed(ctx context.Context, err error) (outcome, error) {
	var c callerError
	if errors.As(err, &c) {
		return outcome{}, err
	}
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	// The index may be gone, or not be the one that is written to any more.
	r.s.backings.expire()
	if comesAndGoes(err) && r.relisted < relistTries {
		r.relisted++
		_ = peer.Sleep(ctx, relistPause) // its error is the context's
		return outcome{}, ctx.Err()
	}
	out := outcome{why: reasonOf(err), detail: err.Error()}
	var e *exporter.Error
	if errors.As(err, &e) {
		out.retryAfter = e.RetryAfter
	}
	return out, nil
}

// A backing index that ILM deletes between the list and the look-up is not found, and
// one that was just made has no shard to ask: both pass within a moment, and are no
// reason to call Elasticsearch unwell.
const (
	relistTries = 20
	relistPause = 250 * time.Millisecond
)

// comesAndGoes says of an error that the list of backing indices is out of date.
func comesAndGoes(err error) bool {
	var e *exporter.Error
	return errors.As(err, &e) && (e.Type == "index_not_found_exception" || e.Type == "no_shard_available_action_exception")
}

// reasonOf is why a request that changes nothing failed.
func reasonOf(err error) Reason {
	var e *exporter.Error
	switch {
	case errors.As(err, &e) && e.Type == "index_closed_exception":
		return ReasonClosed
	case errors.As(err, &e):
		if why, ok := trouble(e, nil, true); ok {
			return why
		}
		return ReasonRejected
	case exporter.NotSent(err):
		return ReasonUnreachable
	}
	return ReasonAnswerLost
}

// send makes one bulk request of the documents and acts on its answer.
func (r *run) send(ctx context.Context, b *backing, chunk []int32) (outcome, error) {
	m := r.s.bodies.get()
	bodyFree := true
	defer func() { r.s.bodies.put(m, bodyFree, 2*r.s.cfg.MaxBytes) }()
	size, err := m.build(r.docs, chunk, r.s.cfg.Gzip)
	if err != nil {
		return outcome{}, err
	}
	request := exporter.Request{Method: "POST", Path: r.s.path, Body: m.buf.Bytes(), ContentType: "application/x-ndjson", MaxAnswer: answerBytes(len(chunk), itemBytes)}
	if r.s.cfg.Gzip {
		request.Encoding = "gzip"
	}
	began := time.Now()
	a, err := r.s.client.Perform(ctx, request, m.answer)
	bodyFree = a.BodyFree
	r.s.count(size, len(request.Body))
	if err != nil {
		return r.lost(ctx, chunk, size, err)
	}
	m.answer = a.Body
	if r.s.cfg.Observe != nil {
		r.s.cfg.Observe(Exchange{len(chunk), size, len(request.Body), a.Status, time.Since(began)})
	}
	if a.Status >= 300 {
		return r.refused(chunk, size, a)
	}
	if err := m.parsed.parse(a.Body, len(chunk)); err != nil {
		return r.lost(ctx, chunk, size, err)
	}
	r.limit = min(2*r.limit, int64(r.s.cfg.MaxBytes))
	return r.answered(ctx, b, chunk, &m.parsed)
}

func (s *Sender) count(size, wire int) {
	s.stats.requests.Add(1)
	s.stats.bytes.Add(int64(size))
	s.stats.wireBytes.Add(int64(wire))
}

// lost: no answer that can be read. Unless the request never left, the fate of
// its documents is unknown. Something on the way may break large requests or be
// too slow for them, so the next one is smaller.
func (r *run) lost(ctx context.Context, chunk []int32, size int, err error) (outcome, error) {
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	out := outcome{why: ReasonUnreachable, detail: err.Error()}
	if !exporter.NotSent(err) {
		out.why = ReasonAnswerLost
		r.doubt(chunk)
		r.hush()
		r.limit = max(int64(size)/2, leastRequest)
	}
	r.s.stats.retry(out.why, len(chunk))
	return out, nil
}

// doubt marks documents whose fate is unknown.
func (r *run) doubt(chunk []int32) {
	r.doubtSince = time.Now()
	for _, i := range chunk {
		r.state[i].doubt = true
		r.state[i].looked = 0
	}
}

// hush puts off the look-up of what is in doubt: the request may still be at work.
func (r *run) hush() { r.quiet = time.Now().Add(r.s.cfg.Settle) }

// refused: an answer for the request as a whole.
func (r *run) refused(chunk []int32, size int, a exporter.Answer) (outcome, error) {
	j := judgeRequest(a, len(chunk) == 1)
	if j.verdict.Kind != 0 {
		return outcome{progress: true}, r.settle(chunk[0], j.verdict)
	}
	if j.doubt {
		r.doubt(chunk)
		r.hush() // it may be a proxy that says so
	}
	r.s.stats.retry(j.again, len(chunk))
	if j.again == ReasonTooLarge {
		r.s.shrink(int64(size) / 2)
		return outcome{progress: true}, nil
	}
	return outcome{why: j.again, detail: j.detail, retryAfter: a.RetryAfter}, nil
}

// shrink lowers the limit for all requests to come.
func (s *Sender) shrink(to int64) {
	for {
		now := s.limit.Load()
		if to >= now || s.limit.CompareAndSwap(now, max(to, 1)) {
			return
		}
	}
}

// answered gives each item of a bulk answer its verdict, or another try.
func (r *run) answered(ctx context.Context, b *backing, chunk []int32, a *answer) (outcome, error) {
	var out outcome
	var moved []moved
	var judged judgement
	last := int32(-1)
	for k, i := range chunk {
		it := &a.kinds[a.of[k]]
		if a.of[k] != last {
			last = a.of[k]
			judged = judgeItem(it, string(it.index) == r.s.cfg.Stream)
		}
		if judged.verdict.Kind == 0 {
			r.again(i, judged, &out)
			continue
		}
		out.progress = true
		if !b.writes(it.index) {
			// The list is out of date.
			switch judged.verdict.Kind {
			case Indexed:
				moved = append(moved, newMoved(i, it.index, moved))
			case Duplicate:
				r.s.backings.expire()
			}
		}
		if err := r.settle(i, judged.verdict); err != nil {
			return out, err
		}
	}
	if len(moved) > 0 {
		r.afterRollover(ctx, b, moved)
	}
	return out, nil
}

// again notes that a document needs another try. The outcome names the reason
// that needs a person, if there is one.
func (r *run) again(i int32, j judgement, out *outcome) {
	if j.doubt {
		r.doubt([]int32{i})
	}
	r.s.stats.retry(j.again, 1)
	if out.why == "" || (j.again.Lasting() && !out.why.Lasting()) {
		out.why, out.detail = j.again, j.detail
	}
}
