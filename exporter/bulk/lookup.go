package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// The rule of the look-up.
//
// Elasticsearch keeps _id unique within one index, and a data stream writes to
// its newest one: op_type=create finds a duplicate there and nowhere else. What
// was sent before a rollover and comes again after it would be created twice.
//
// A document came into an index between that index's creation and its
// successor's, and not before it happened. So one that was never sent before
// can only be where an index's successor was created later than the document's
// time, less what the clocks may differ. If that leaves the write index alone,
// or there is one index only, it is sent blind. Every other document is looked
// up, by realtime get (search does not see what was not refreshed), in the
// indices that qualify. Of one that may have been sent before, nothing is taken
// for granted: it is looked up in all of them.
//
// Whatever is looked up is looked up in the write index too. That costs one
// more question, and closes the gap between look-up and create: a rollover in
// between makes an older index of it, and the create would not see it there.
//
// A look-up does not see what is still on its way. So of two copies at once the
// second waits for the first (claims.go), and what a request held whose answer
// nobody heard, in this process or one that was killed, is looked up only when
// Config.Settle has passed. A request that takes longer than that to arrive, with a
// rollover in between, is the case that is left; it is counted (rollover.go).

// lookUpAtOnce is how many documents one question holds.
const lookUpAtOnce = 2500

// from is the place of the oldest backing index in which document i has to be
// looked up before it is sent, or the number of indices if it may go blind.
func (r *run) from(b *backing, i int32) int {
	n := len(b.indices)
	switch {
	case r.state[i].done, r.state[i].looked == b.generation:
		return n // what came since then can only be in the write index, which create asks
	case r.doubtful(i):
		return 0
	}
	if first := b.candidates(r.docs[i].Time, r.s.cfg.ClockSkew); first < b.older() {
		return first
	}
	return n
}

func (r *run) doubtful(i int32) bool { return r.docs[i].Doubtful || r.state[i].doubt }

// current returns the list of backing indices, as fresh as the chunk needs it.
func (r *run) current(ctx context.Context, chunk []int32) (*backing, error) {
	now := time.Now()
	b, err := r.s.backings.get(ctx, now.Add(-r.s.cfg.RefreshEvery))
	if err != nil {
		return nil, err
	}
	needed := time.Time{}
	for _, i := range chunk {
		switch {
		case r.doubtful(i):
			// What is still at work could be overlooked, and so could an index
			// that came after the list.
			if err := peer.Sleep(ctx, time.Until(r.quiet)); err != nil {
				return nil, err
			}
			return r.s.backings.get(ctx, later(r.doubtSince, r.quiet))
		case len(b.indices) > 0 && earliest(r.docs[i].Time, r.s.cfg.ClockSkew) <= b.created:
			needed = now.Add(-freshEnough)
		}
	}
	return r.s.backings.get(ctx, needed)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// lookUp gives the documents of the chunk that are there already their verdict.
func (r *run) lookUp(ctx context.Context, b *backing, chunk []int32) error {
	var wanted []int32
	for _, i := range chunk {
		if r.from(b, i) < len(b.indices) {
			wanted = append(wanted, i)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	from := make([]int, len(wanted))
	for k, i := range wanted {
		from[k] = r.from(b, i)
	}
	r.s.stats.lookedUp.Add(int64(len(wanted)))
	// The newest first: that is where most of what comes again was sent.
	for at := len(b.indices) - 1; at >= 0; at-- {
		var ask []int32
		for k, i := range wanted {
			if from[k] <= at && !r.state[i].done {
				ask = append(ask, i)
			}
		}
		if err := r.lookUpIn(ctx, b.indices[at].name, ask); err != nil {
			return err
		}
	}
	for _, i := range wanted {
		r.state[i].looked = b.generation
		r.state[i].doubt = false
	}
	return nil
}

// lookUpIn gives those that the index holds their verdict.
func (r *run) lookUpIn(ctx context.Context, name string, ask []int32) error {
	for len(ask) > 0 {
		n := min(len(ask), lookUpAtOnce)
		found, err := r.s.holds(ctx, name, r.docs, ask[:n])
		if err != nil {
			return err
		}
		for k, i := range ask[:n] {
			if !found[k] {
				continue
			}
			if err := r.settle(i, Verdict{Kind: Duplicate, Status: 200}); err != nil {
				return err
			}
		}
		ask = ask[n:]
	}
	return nil
}

// holds asks one index which of the documents it holds.
func (s *Sender) holds(ctx context.Context, name string, docs []Document, ask []int32) ([]bool, error) {
	var question struct {
		IDs []string `json:"ids"`
	}
	for _, i := range ask {
		question.IDs = append(question.IDs, string(docs[i].ID[:]))
	}
	var answer struct {
		Docs []struct {
			Found *bool           `json:"found"`
			Error json.RawMessage `json:"error"`
		} `json:"docs"`
	}
	path := "/" + url.PathEscape(name) + "/_mget?_source=false&realtime=true&filter_path=docs.found,docs.error"
	s.stats.lookups.Add(1)
	request := exporter.Request{Method: "POST", Path: path, MaxAnswer: answerBytes(len(ask), foundBytes)}
	if err := s.client.JSONOf(ctx, request, question, &answer); err != nil {
		return nil, fmt.Errorf("look up in %s: %w", name, err)
	}
	if len(answer.Docs) != len(ask) {
		return nil, fmt.Errorf("look up in %s: %w", name, errBrokenAnswer)
	}
	found := make([]bool, len(ask))
	for k, d := range answer.Docs {
		if d.Found == nil || d.Error != nil {
			return nil, fmt.Errorf("look up in %s: %w", name, lookUpError(d.Error))
		}
		found[k] = *d.Found
	}
	return found, nil
}

// lookUpError reduces the error of one document of a look-up: a closed, blocked
// or deleted index has one for each, under a status of 200.
func lookUpError(raw json.RawMessage) error {
	var c exporter.Cause
	if json.Unmarshal(raw, &c) != nil {
		return errBrokenAnswer
	}
	return exporter.NewError(0, &c)
}
