package apisource

import "context"

// Walk reads the records from one time to before another, both in milliseconds, in
// windows that follow each other and are as long as what they hold allows. hand gets
// the records of a window, each once, in pages; done is told when the window from
// that time to w.Reached is complete. Records behind w.Reached that hand got come
// again with a later window, and some from outside of the whole may come too. Nothing
// behind the gateway's clock is asked for.
func (r *Reader) Walk(ctx context.Context, from, to int64, hand func([]Record) error, done func(from int64, w Window) error) error {
	step := int64(firstStep)
	for from = max(r.bounds.floor(from), r.bounds.Unit); ; {
		end := min(r.bounds.floor(to+r.bounds.Unit-1), r.bounds.end(r.client.Now().UnixMilli()))
		if from >= end {
			return nil
		}
		w, err := r.Read(ctx, from, min(from+step, end), hand)
		if err != nil {
			return err
		}
		if err := done(from, w); err != nil {
			return err
		}
		step = nextStep(step, w, from)
		from = w.Reached
	}
}

// Oldest is the time of the oldest record that the gateway still has, in
// milliseconds; 0 where it does not tell.
func (r *Reader) Oldest(ctx context.Context) (int64, error) {
	got, err := r.ask(ctx, nil, "asc", 1, 1)
	if err != nil || len(got.records) == 0 || got.records[0].At == 0 {
		return 0, err
	}
	// One that heeds no direction gave its newest.
	oldest := got.records[0].At
	before, err := r.Count(ctx, r.bounds.Unit, r.bounds.floor(oldest)-r.bounds.Unit)
	if err != nil || before != 0 {
		return 0, err
	}
	return oldest, nil
}
