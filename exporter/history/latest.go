package history

// Latest keeps the last operations that it is given, to hand them over newest first.
// The zero value keeps all of them.
type Latest struct {
	Limit int // 0: no limit
	kept  []Operation
	next  int // where the oldest stands, once Limit are kept
	seen  int
}

// Add takes an operation that is newer than those before.
func (l *Latest) Add(o Operation) {
	l.seen++
	if l.Limit == 0 || len(l.kept) < l.Limit {
		l.kept = append(l.kept, o)
		return
	}
	l.kept[l.next] = o
	l.next = (l.next + 1) % l.Limit
}

// NewestFirst hands over what is kept.
func (l *Latest) NewestFirst(hand func(Operation) error) error {
	for i := range l.kept {
		at := (l.next - 1 - i + 2*len(l.kept)) % len(l.kept)
		if err := hand(l.kept[at]); err != nil {
			return err
		}
	}
	return nil
}

// Older is how many were given that are not kept.
func (l *Latest) Older() int { return l.seen - len(l.kept) }
