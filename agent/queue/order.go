package queue

import "sync"

// Order releases the values of each stream in the order in which they were added,
// when they and all before them are done.
type Order[K comparable, T any] struct {
	release func(stream K, value T)

	mu      sync.Mutex
	streams map[K][]*Ticket[K, T]
}

// Ticket stands for one value that was added.
type Ticket[K comparable, T any] struct {
	order  *Order[K, T]
	stream K
	value  T
	done   bool
}

// NewOrder makes an Order that calls release with every value that came to be
// released, in order within a stream. Release must not call the Order.
func NewOrder[K comparable, T any](release func(stream K, value T)) *Order[K, T] {
	return &Order[K, T]{release: release, streams: map[K][]*Ticket[K, T]{}}
}

// Add puts a value at the end of its stream.
func (o *Order[K, T]) Add(stream K, value T) *Ticket[K, T] {
	t := &Ticket[K, T]{order: o, stream: stream, value: value}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.streams[stream] = append(o.streams[stream], t)
	return t
}

// Waiting calls visit with the first value of each stream that is not released yet.
// Visit must not call the Order.
func (o *Order[K, T]) Waiting(visit func(stream K, value T)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for stream, line := range o.streams {
		visit(stream, line[0].value)
	}
}

// Done says that the ticket's value may be released once those before it are.
func (t *Ticket[K, T]) Done() {
	o := t.order
	o.mu.Lock()
	defer o.mu.Unlock()
	t.done = true
	line := o.streams[t.stream]
	for len(line) > 0 && line[0].done {
		o.release(t.stream, line[0].value)
		line[0] = nil
		line = line[1:]
	}
	if len(line) == 0 {
		delete(o.streams, t.stream)
	} else {
		o.streams[t.stream] = line
	}
}
