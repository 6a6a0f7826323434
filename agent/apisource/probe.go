package apisource

import (
	"context"
	"errors"
	"net/url"
	"strconv"
)

// ErrNoRecords says that the gateway has no records yet, so that nothing can be
// found out.
var ErrNoRecords = errors.New("the gateway has no audit records")

// probes is how many of the newest records are looked at for one with a time.
const probes = 10

// Probe finds out how the gateway takes start_at and end_at, by asking for its
// newest record in different ways. It returns that record's time in milliseconds, or
// ErrNoRecords.
func (r *Reader) Probe(ctx context.Context) (newest int64, err error) {
	rec, err := r.newest(ctx)
	if err != nil {
		return 0, err
	}
	unit, err := r.findUnit(ctx, rec)
	if err != nil {
		return 0, err
	}
	b := Bounds{Unit: unit}
	if unit == 1 || rec.coarse {
		// Otherwise times are finer than bounds, and what a bound includes
		// depends on how the gateway rounds.
		at := rec.At / unit
		if b.StartIncluded, err = r.finds(ctx, rec.At, at, at+1, "asc"); err != nil {
			return 0, err
		}
		if b.EndIncluded, err = r.finds(ctx, rec.At, at-1, at, "desc"); err != nil {
			return 0, err
		}
	}
	r.bounds = b
	return rec.At, nil
}

// recent asks for the newest records, at most probes of them, in no order.
func (r *Reader) recent(ctx context.Context) ([]Record, error) {
	got, err := r.ask(ctx, nil, "desc", 1, probes)
	if isClass(err, broken) || isClass(err, tooLong) {
		got, err = r.newestSingly(ctx)
	}
	return got.records, err
}

// newest asks for the newest record that has a time.
func (r *Reader) newest(ctx context.Context) (Record, error) {
	got, err := r.ask(ctx, nil, "desc", 1, probes)
	whole := err
	if isClass(err, broken) || isClass(err, tooLong) {
		got, err = r.newestSingly(ctx)
	}
	if err != nil {
		return Record{}, err
	}
	var newest Record
	for _, rec := range got.records {
		if rec.At > newest.At {
			newest = rec
		}
	}
	switch {
	case whole != nil && newest.At == 0:
		return Record{}, whole
	case newest.At > 0:
		return newest, nil
	case len(got.records) == 0 && got.total > 0:
		return Record{}, &Error{Reason: "counts audit records and shows none", class: lasting}
	case len(got.records) == 0:
		return Record{}, ErrNoRecords
	}
	return Record{}, &Error{Reason: "gives records without an event_time", class: lasting}
}

// newestSingly asks for the newest records one by one, up to the first that has a
// time: one among them is broken, or they are too long together.
func (r *Reader) newestSingly(ctx context.Context) (page, error) {
	var all page
	for n := 1; n <= probes; n++ {
		got, err := r.ask(ctx, nil, "desc", n, 1)
		if err != nil {
			return page{}, err
		}
		all.records = append(all.records, got.records...)
		if len(got.records) == 0 || got.records[0].At > 0 {
			break
		}
	}
	return all, nil
}

// findUnit tells seconds from milliseconds by which of them finds a record.
func (r *Reader) findUnit(ctx context.Context, rec Record) (int64, error) {
	var found []int64
	for _, unit := range []int64{1000, 1} {
		some, err := r.findsAny(ctx, (rec.At-1000)/unit, (rec.At+1000)/unit)
		if err != nil {
			return 0, err
		}
		if some {
			found = append(found, unit)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, &Error{Reason: "does not find its newest record by start_at and end_at", class: lasting}
	}
	// Both found something: either is understood, or the bounds are ignored.
	ignored, err := r.findsAny(ctx, 1, 2)
	if err != nil {
		return 0, err
	}
	if ignored {
		return 0, &Error{Reason: "ignores start_at and end_at", class: lasting}
	}
	if rec.coarse {
		return 1000, nil
	}
	return 1, nil
}

// findsAny reports whether there is any record between two bounds. A refusal counts
// as none.
func (r *Reader) findsAny(ctx context.Context, start, end int64) (bool, error) {
	got, err := r.ask(ctx, between(start, end), "asc", 1, 1)
	if isClass(err, refused) {
		return false, nil
	}
	return len(got.records) > 0, err
}

// finds reports whether a record of that time is between two bounds.
func (r *Reader) finds(ctx context.Context, at, start, end int64, direction string) (bool, error) {
	got, err := r.ask(ctx, between(start, end), direction, 1, 1)
	return len(got.records) > 0 && got.records[0].At == at, err
}

func between(start, end int64) url.Values {
	return url.Values{"start_at": {strconv.FormatInt(start, 10)}, "end_at": {strconv.FormatInt(end, 10)}}
}
