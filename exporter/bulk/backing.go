package bulk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/exporter"
)

// index is one backing index.
type index struct {
	name string
	// closed is the latest time, in milliseconds, at which a document can have
	// come into it: when its successor was created. math.MaxInt64 for the
	// write index, and where a creation date is not known.
	closed int64
}

// backing is what is known of the stream's backing indices at one time. It is
// not changed once it is made.
type backing struct {
	// indices are in the stream's own order; the last is written to. Empty: no
	// such stream yet.
	indices []index
	// created is when the index that is written to was created, in
	// milliseconds; math.MaxInt64 where that is not known.
	created int64
	// generation is a number for this set of names, never 0.
	generation uint32
	read       time.Time
}

// older is how many backing indices there are beside the one written to.
func (b *backing) older() int { return max(len(b.indices)-1, 0) }

// position is the place of a name, -1 if it is not there.
func (b *backing) position(name []byte) int {
	return slices.IndexFunc(b.indices, func(x index) bool { return x.name == string(name) })
}

// writes reports whether name is the index that is written to.
func (b *backing) writes(name []byte) bool {
	n := len(b.indices)
	return n > 0 && b.indices[n-1].name == string(name)
}

// candidates is the place of the oldest backing index that can hold a document
// of that time (milliseconds); all younger ones can too. An index that was
// closed before the document's time, less what the clocks may differ, cannot.
// It is the write index's place when no older one can.
func (b *backing) candidates(t int64, skew time.Duration) int {
	n := b.older()
	for i := range n {
		// Closing times grow with the place, so the first is the oldest.
		if b.indices[i].closed >= earliest(t, skew) {
			return i
		}
	}
	return n
}

// earliest is the time t less what the clocks may differ.
func earliest(t int64, skew time.Duration) int64 {
	ms := skew.Milliseconds()
	if t < math.MinInt64+ms {
		return math.MinInt64
	}
	return t - ms
}

// backings reads and keeps the list of backing indices.
type backings struct {
	client *exporter.Client
	stream string
	// turn is held while the list is read: who comes second waits for that
	// answer instead of asking again.
	turn   chan struct{}
	latest atomic.Pointer[backing]
	stale  atomic.Bool
}

func newBackings(c *exporter.Client, stream string) *backings {
	return &backings{client: c, stream: stream, turn: make(chan struct{}, 1)}
}

// get returns a list that was asked for at that time or later.
func (s *backings) get(ctx context.Context, notBefore time.Time) (*backing, error) {
	if b := s.fresh(notBefore); b != nil {
		return b, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := s.fresh(notBefore); b != nil {
		return b, nil
	}
	// Before the question: what happens while it is asked makes the answer old.
	s.stale.Store(false)
	read := time.Now()
	b, err := s.ask(ctx)
	if err != nil {
		s.stale.Store(true)
		return nil, err
	}
	b.read, b.generation = read, 1
	if old := s.latest.Load(); old != nil {
		b.generation = old.generation
		if !slices.EqualFunc(old.indices, b.indices, func(x, y index) bool { return x.name == y.name }) {
			b.generation++
		}
	}
	s.latest.Store(b)
	return b, nil
}

func (s *backings) fresh(notBefore time.Time) *backing {
	b := s.latest.Load()
	if b == nil || s.stale.Load() || b.read.Before(notBefore) {
		return nil
	}
	return b
}

// expire makes the next get ask again: an answer did not fit what is known.
func (s *backings) expire() { s.stale.Store(true) }

// ask reads names and creation dates. The dates come first: an index that is
// created in between then has a name without a date, which is on the safe side.
func (s *backings) ask(ctx context.Context) (*backing, error) {
	created, err := s.askCreated(ctx)
	if err != nil {
		return nil, err
	}
	names, ordered, err := s.askNames(ctx)
	if err != nil {
		return nil, err
	}
	b := &backing{indices: make([]index, len(names)), created: math.MaxInt64}
	closed := int64(math.MaxInt64)
	for i := len(names) - 1; i >= 0; i-- {
		b.indices[i] = index{name: names[i], closed: closed}
		at, known := created[names[i]]
		if !known || !ordered {
			at = math.MaxInt64
		}
		// An index that ILM shrank or restored may say that it was created
		// later than it was; a successor's successor then knows better.
		closed = min(closed, at)
		if i == len(names)-1 {
			b.created = at
		}
	}
	return b, nil
}

// askCreated reads the creation date of each backing index. It needs the index
// privilege view_index_metadata (tried on 8.19.9), as askNames does.
func (s *backings) askCreated(ctx context.Context) (map[string]int64, error) {
	var answer map[string]struct {
		Settings struct {
			Index struct {
				CreationDate string `json:"creation_date"`
			} `json:"index"`
		} `json:"settings"`
	}
	path := "/" + url.PathEscape(s.stream) + "/_settings/index.creation_date"
	if err := s.client.JSONOf(ctx, exporter.Request{Method: "GET", Path: path, MaxAnswer: listBytes}, nil, &answer); err != nil {
		if missing(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read when the backing indices were created: %w", err)
	}
	created := make(map[string]int64, len(answer))
	for name, x := range answer {
		if at, err := strconv.ParseInt(x.Settings.Index.CreationDate, 10, 64); err == nil {
			created[name] = at
		}
	}
	return created, nil
}

// askNames reads the names in the stream's own order, which says which is
// written to. A plain index of that name is its only one. An alias has no order
// that could be trusted.
func (s *backings) askNames(ctx context.Context) (names []string, ordered bool, err error) {
	var answer struct {
		Indices []struct {
			Name string `json:"name"`
		} `json:"indices"`
		Aliases []struct {
			Indices []string `json:"indices"`
		} `json:"aliases"`
		DataStreams []struct {
			BackingIndices []string `json:"backing_indices"`
		} `json:"data_streams"`
	}
	path := "/_resolve/index/" + url.PathEscape(s.stream)
	if err := s.client.JSONOf(ctx, exporter.Request{Method: "GET", Path: path, MaxAnswer: listBytes}, nil, &answer); err != nil {
		if missing(err) {
			return nil, true, nil
		}
		return nil, false, fmt.Errorf("list the backing indices: %w", err)
	}
	if len(answer.DataStreams) == 1 {
		return answer.DataStreams[0].BackingIndices, true, nil
	}
	for _, x := range answer.Indices {
		names = append(names, x.Name)
	}
	for _, x := range answer.Aliases {
		names = append(names, x.Indices...)
	}
	return names, len(answer.Aliases) == 0, nil
}

// missing reports whether err says that there is no such stream.
func missing(err error) bool {
	var e *exporter.Error
	return errors.As(err, &e) && e.Status == 404 && e.Type == "index_not_found_exception"
}
