package queue

import (
	"context"
	"sync"
	"time"
)

// Queue is a first-in, first-out queue bounded by bytes. Make it with New.
type Queue[T any] struct {
	limit int64

	mu     sync.Mutex
	items  []sized[T]
	queued int64 // bytes in items
	used   int64 // bytes put and not freed
	closed bool

	put   chan struct{} // something was put, or the queue was closed
	freed chan struct{} // something was freed
}

type sized[T any] struct {
	item  T
	bytes int64
}

// New makes a queue that holds up to limit bytes. One item larger than that is let
// in when nothing else is there.
func New[T any](limit int64) *Queue[T] {
	return &Queue[T]{limit: limit, put: make(chan struct{}, 1), freed: make(chan struct{}, 1)}
}

// Put adds an item that takes so many bytes, waiting for room. One goroutine at a
// time may put.
func (q *Queue[T]) Put(ctx context.Context, item T, bytes int64) error {
	for !q.tryPut(item, bytes) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.freed:
		}
	}
	signal(q.put)
	return nil
}

func (q *Queue[T]) tryPut(item T, bytes int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used > 0 && q.used+bytes > q.limit {
		return false
	}
	q.items = append(q.items, sized[T]{item, bytes})
	q.queued += bytes
	q.used += bytes
	return true
}

// Take removes items in order: as many as fit into most bytes, but at least one. It
// waits for the first one, and then up to linger for others to fill up with. It
// returns nothing once the queue is closed and empty.
func (q *Queue[T]) Take(ctx context.Context, most int64, linger time.Duration) ([]T, error) {
	var deadline <-chan time.Time
	for {
		queued, closed := q.state()
		switch {
		case queued >= most || closed:
			signal(q.put) // there may be more for another taker
			return q.take(most), nil
		case queued > 0 && deadline == nil:
			timer := time.NewTimer(linger)
			defer timer.Stop()
			deadline = timer.C
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline:
			if items := q.take(most); len(items) > 0 {
				return items, nil
			}
			deadline = nil // another taker was faster
		case <-q.put:
		}
	}
}

func (q *Queue[T]) state() (queued int64, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queued, q.closed
}

func (q *Queue[T]) take(most int64) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	var items []T
	var n int
	var bytes int64
	for n < len(q.items) && (n == 0 || bytes+q.items[n].bytes <= most) {
		items = append(items, q.items[n].item)
		bytes += q.items[n].bytes
		n++
	}
	q.queued -= bytes
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	return items
}

// Free gives the bytes of an item back that was taken.
func (q *Queue[T]) Free(bytes int64) {
	q.mu.Lock()
	q.used -= bytes
	q.mu.Unlock()
	signal(q.freed)
}

// Close says that nothing will be put any more.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.put)
}

// Bytes is how much is in flight: put and not freed.
func (q *Queue[T]) Bytes() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
