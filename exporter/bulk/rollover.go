package bulk

import (
	"context"
	"time"

	"github.com/auditship/auditship/exporter/peer"
)

// moved is a document that was created in another index than the one that was
// thought to be written to: the stream rolled over since the list was read.
type moved struct {
	i  int32
	to string
}

// newMoved spares a copy of the name, which is mostly that of the one before.
func newMoved(i int32, to []byte, before []moved) moved {
	if n := len(before); n > 0 && before[n-1].to == string(to) {
		return moved{i, before[n-1].to}
	}
	return moved{i, string(to)}
}

// afterRollover looks whether such documents are in the index that was thought
// to be written to as well: there the create did not see them. It cannot be
// undone with the right to create alone, so it is counted. It asks a few times
// at most, and counts what it could not find out.
func (r *run) afterRollover(ctx context.Context, assumed *backing, moved []moved) {
	for tries := 1; ; tries++ {
		r.s.backings.expire()
		twice, err := r.twice(ctx, assumed, moved)
		if err == nil {
			r.s.stats.duplicates.Add(int64(twice))
			return
		}
		if ctx.Err() != nil || tries == 5 {
			r.s.stats.duplicates.Add(int64(len(moved)))
			return
		}
		_ = peer.Sleep(ctx, r.s.cfg.Backoff.Pause(tries, 0)) // seen above when the context ended
	}
}

// twice counts the moved documents that an older index holds.
func (r *run) twice(ctx context.Context, assumed *backing, moved []moved) (int, error) {
	b, err := r.s.backings.get(ctx, time.Time{}) // it is expired
	if err != nil {
		return 0, err
	}
	first := 0
	if n := len(assumed.indices); n > 0 {
		// Older ones were looked at before the create, as far as they qualify.
		first = max(0, b.position([]byte(assumed.indices[n-1].name)))
	}
	count := 0
	for at := first; at < len(b.indices); at++ {
		var ask []int32
		for _, m := range moved {
			if r.mayHold(b, at, m) {
				ask = append(ask, m.i)
			}
		}
		for len(ask) > 0 {
			n := min(len(ask), lookUpAtOnce)
			found, err := r.s.holds(ctx, b.indices[at].name, r.docs, ask[:n])
			if err != nil {
				return 0, err
			}
			for _, yes := range found {
				if yes {
					count++
				}
			}
			ask = ask[n:]
		}
	}
	return count, nil
}

// mayHold reports whether the index at that place can hold the document beside
// the index it was created in.
func (r *run) mayHold(b *backing, at int, m moved) bool {
	if b.indices[at].name == m.to {
		return false
	}
	return r.docs[m.i].Doubtful || at >= b.candidates(r.docs[m.i].Time, r.s.cfg.ClockSkew)
}
