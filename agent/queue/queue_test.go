package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTakeFillsUpToItsLimit(t *testing.T) {
	ctx := context.Background()
	q := New[int](100)
	for i := range 5 {
		must(t, q.Put(ctx, i, 10))
	}
	got, err := q.Take(ctx, 30, time.Hour)
	must(t, err)
	if !slices.Equal(got, []int{0, 1, 2}) {
		t.Fatalf("took %v", got)
	}
	got, err = q.Take(ctx, 1000, time.Millisecond)
	must(t, err)
	if !slices.Equal(got, []int{3, 4}) {
		t.Fatalf("then took %v", got)
	}
}

func TestPutWaitsUntilBytesAreFreed(t *testing.T) {
	ctx := context.Background()
	q := New[int](10)
	must(t, q.Put(ctx, 1, 25)) // larger than the queue, but alone
	_, err := q.Take(ctx, 1, 0)
	must(t, err)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := q.Put(short, 2, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("put while taken bytes are in flight: %v", err)
	}
	q.Free(25)
	must(t, q.Put(ctx, 2, 5))
	if q.Bytes() != 5 {
		t.Errorf("%d bytes in flight", q.Bytes())
	}
}

func TestCloseLetsTakersFinish(t *testing.T) {
	ctx := context.Background()
	q := New[int](1000)
	const n = 200
	var mu sync.Mutex
	var got []int
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				items, err := q.Take(ctx, 7, time.Millisecond)
				if err != nil || len(items) == 0 {
					return
				}
				mu.Lock()
				got = append(got, items...)
				mu.Unlock()
				q.Free(int64(len(items)))
			}
		})
	}
	for i := range n {
		must(t, q.Put(ctx, i, 1))
	}
	q.Close()
	wg.Wait()
	slices.Sort(got)
	if len(got) != n || len(slices.Compact(got)) != n {
		t.Fatalf("%d items came out of %d", len(got), n)
	}
}

// Whatever the order of the answers, values are released in the order of their
// stream, each once, and none before all before it are done.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		released := map[string][]int{}
		o := NewOrder(func(stream string, v int) { released[stream] = append(released[stream], v) })
		streams := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 30).Draw(t, "streams")
		added := map[string][]int{}
		tickets := make([]*Ticket[string, int], len(streams))
		for i, s := range streams {
			tickets[i] = o.Add(s, i)
			added[s] = append(added[s], i)
		}
		done := map[int]bool{}
		for _, i := range rapid.Permutation(indexes(len(tickets))).Draw(t, "answers") {
			tickets[i].Done()
			done[i] = true
			for s, values := range added {
				n := slices.IndexFunc(values, func(v int) bool { return !done[v] })
				if n < 0 {
					n = len(values)
				}
				if !slices.Equal(released[s], values[:n]) {
					t.Fatalf("stream %s released %v of %v", s, released[s], values)
				}
			}
		}
		if len(o.streams) != 0 {
			t.Fatal(fmt.Sprint(len(o.streams), " streams are left"))
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
