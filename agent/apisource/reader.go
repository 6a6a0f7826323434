package apisource

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/auditship/auditship/agent/event"
)

const (
	// maxPages bounds a window; one that holds more is narrowed. Deep pages are
	// slow, and a pass over many is seldom undisturbed.
	maxPages = 100
	// pageBytes bounds an answer, unless a test does; above it the next pages are
	// smaller.
	pageBytes = 8 << 20
	// frameBytes is what an answer of one record has beside it, at most.
	frameBytes = 64 << 10
	// DefaultMaxRecord is the largest record that is taken, in bytes, unless
	// MaxRecord says otherwise.
	DefaultMaxRecord = 8 << 20
	// leastPage is the smallest page that is asked for because a larger one is
	// refused.
	leastPage = 10
	// wholePage is the largest page that is asked for, whatever is configured, so
	// that a window whose pages move has only one.
	wholePage = 1000
	// trials is how many complete windows a smaller page lasts before the
	// configured size is tried again.
	trials = 100
)

// Reader reads windows of the audit API. It belongs to one goroutine. Probe has to
// succeed before Read.
type Reader struct {
	client *Client
	bounds Bounds
	parser pageParser

	// MaxRecord bounds a record, in bytes. Of a larger one only the beginning is
	// handed over, with a Fault.
	MaxRecord int64

	bound   int64 // of an answer, in bytes
	wanted  int   // the configured page size
	granted int   // what the gateway is known to give
	size    int   // what is asked for now; smaller after trouble
	short   int   // the size of a page that was shorter than asked for; 0: none
	windows int   // that were read since granted shrank
	paged   bool  // the gateway does not give pages that are larger than configured

	handed map[key]struct{} // of the window under way

	// Pages and Passes count answers and passes over a window; Unproven counts
	// windows that were taken without a proof that they are complete.
	Pages, Passes, Unproven atomic.Int64
}

// NewReader makes a reader that asks for pages of this size, or smaller ones where
// the gateway grants less. 0 is 100.
func NewReader(client *Client, pageSize int) *Reader {
	size := cmp.Or(max(pageSize, 0), 100)
	return &Reader{client: client, MaxRecord: DefaultMaxRecord, bound: pageBytes, wanted: size, granted: size, size: size, handed: map[key]struct{}{}}
}

// Bounds is what Probe found out.
func (r *Reader) Bounds() Bounds { return r.bounds }

// Window is what Read has read.
type Window struct {
	// Reached is the end of what was read, in milliseconds, exclusive: at most
	// what was asked for, and at least one unit behind the start.
	Reached int64
	// Asked is the gateway's clock before the first page, in milliseconds: what
	// came later may not be in it.
	Asked int64
	// Records is how many different ones the window holds.
	Records int
	// Incomplete says that the gateway counts more records, Total, than it showed,
	// or that too much moved to know.
	Incomplete bool
	Total      int64
}

// Read reads the records from one time to before another, both in milliseconds and
// multiples of the unit, and hands each over once, in pages. It reads less where the
// window is too large or too restless: the caller goes on at Reached. Records from
// outside of the window may be handed over too.
func (r *Reader) Read(ctx context.Context, from, to int64, hand func([]Record) error) (Window, error) {
	w := Window{Reached: to, Asked: r.client.Now().UnixMilli()}
	clear(r.handed)
	var proof proof
	for {
		p, err := r.pass(ctx, from, w.Reached, hand)
		r.Passes.Add(1)
		narrower := w.Reached-from > r.bounds.Unit
		var many errTooMany
		switch {
		case errors.As(err, &many):
			w.Reached = r.narrow(from, w.Reached, float64(maxPages*r.size)/float64(many))
			proof.reset()
			continue
		case errors.Is(err, errNarrower):
			w.Reached = r.narrow(from, w.Reached, 0.5)
			proof.reset()
			continue
		case errors.Is(err, errSmaller):
			continue
		case err != nil:
			return w, err
		}
		w.Records = p.distinct
		verdict := proof.judge(p, narrower)
		if verdict != proven && proof.united(p, int64(len(r.handed))) {
			verdict = proven
		}
		if verdict != proven && !p.clean() && r.growWhole(p.total) {
			proof.reset()
			continue
		}
		switch verdict {
		case proven:
			r.grow(p.distinct)
			return w, nil
		case unproven:
			r.Unproven.Add(1)
			w.Incomplete, w.Total = true, p.total
			r.grow(p.distinct)
			return w, nil
		case restless:
			w.Reached = r.narrow(from, w.Reached, 0.5)
			proof.reset()
		}
	}
}

// growWhole makes the page so large that a window of that total has only one, and
// reports whether that is worth another try: nothing moves within one answer.
func (r *Reader) growWhole(total int64) bool {
	if r.paged || total <= int64(r.size) || total > wholePage*3/4 {
		return false
	}
	r.size = wholePage
	return true
}

// grow returns to larger pages after a window was read, and to those that are
// configured after larger ones.
func (r *Reader) grow(records int) {
	if r.size == r.short && records > r.size {
		r.granted, r.windows = min(r.size, r.wanted), 0
	}
	r.short = 0
	if r.windows++; r.windows >= trials {
		r.granted, r.windows, r.paged = r.wanted, 0, false
	}
	r.size = min(2*r.size, r.granted)
}

// narrow moves the end of a window to a part of it.
func (r *Reader) narrow(from, to int64, part float64) int64 {
	length := r.bounds.floor(int64(float64(to-from) * min(part, 0.9)))
	return from + max(length, r.bounds.Unit)
}

// Count is the total that the gateway gives for a window, -1 where it gives none.
func (r *Reader) Count(ctx context.Context, from, to int64) (int64, error) {
	got, err := r.ask(ctx, r.bounds.query(from, to), "asc", 1, 1)
	return got.total, err
}

// errTooMany is the total of a window that is too large.
type errTooMany int64

func (errTooMany) Error() string { return "the window holds too many records" }

var (
	// errSmaller asks for another pass with the smaller pages that r.size says.
	errSmaller = errors.New("the page is too large")
	// errNarrower asks for a narrower window.
	errNarrower = errors.New("the window is too large")
)

// pass reads the pages of a window once, from the first to the last.
func (r *Reader) pass(ctx context.Context, from, to int64, hand func([]Record) error) (pass, error) {
	query := r.bounds.query(from, to)
	narrower := to-from > r.bounds.Unit
	size := r.size
	var p pass
	seen := map[key]struct{}{}
	for n := 1; ; n++ {
		got, err := r.ask(ctx, query, "asc", n, size)
		if err != nil {
			return p, r.adapt(err, n, narrower)
		}
		if n == 1 && narrower && got.total > int64(maxPages*size) {
			return p, errTooMany(got.total)
		}
		p.changed = p.changed || n > 1 && got.total != p.total
		p.total = got.total
		fresh, err := r.take(&p, got.records, seen, hand)
		if err != nil {
			return p, err
		}
		count := len(got.records)
		switch {
		case fresh == 0:
			p.ended = count == 0
			return p, nil
		case count < size && int64(p.distinct) == p.total:
			return p, nil
		case count < size && n == 1 && int64(p.distinct) < p.total:
			// Either this is all that the gateway grants, or the total is off.
			// Where the next page begins is clear only if as much is asked for.
			r.paged = r.paged || size > r.wanted
			r.size, r.short = count, count
			return p, errSmaller
		}
	}
}

// take hands over what is new of a page and counts what is not.
func (r *Reader) take(p *pass, records []Record, seen map[key]struct{}, hand func([]Record) error) (fresh int, err error) {
	var news []Record
	for _, rec := range records {
		if _, again := seen[rec.key]; again {
			p.repeated++
			continue
		}
		seen[rec.key] = struct{}{}
		fresh++
		if _, before := r.handed[rec.key]; !before {
			r.handed[rec.key] = struct{}{}
			news = append(news, rec)
		}
	}
	p.distinct += fresh
	p.news += len(news)
	if len(news) == 0 {
		return fresh, nil
	}
	return fresh, hand(news)
}

// ask makes one request for a page.
func (r *Reader) ask(ctx context.Context, window url.Values, direction string, n, size int) (page, error) {
	query := url.Values{
		"order_by": {"event_time"}, "direction": {direction},
		"page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(size)},
	}
	for name, value := range window {
		query[name] = value
	}
	bound := r.bound
	if size == 1 {
		bound = r.MaxRecord + frameBytes
	}
	var got page
	// A gateway may give a little more than it is asked for.
	r.parser.most = max(size, wholePage)
	err := r.client.get(ctx, "/api/audit_logs", query, call{bound: bound, handle: func(body []byte) (err error) {
		got, err = r.parser.parse(body)
		return err
	}})
	if size == 1 && (isClass(err, broken) || isClass(err, tooLong)) {
		return page{total: -1, records: []Record{unreadRecord(err, r.client.call.body, r.client.call.length)}}, nil
	}
	r.Pages.Add(1)
	return got, err
}

// unreadRecord stands for a record that breaks the answer it is in, or is too large.
// beginning is that of the answer; its key leaves the total out, which changes.
func unreadRecord(err error, beginning []byte, length int64) Record {
	list := beginning[max(bytes.IndexByte(beginning, '['), 0):]
	reason := event.ReasonBrokenJSON
	if isClass(err, tooLong) {
		reason = event.ReasonTooLarge
	}
	return Record{
		Raw: beginning, key: keyOf(append([]byte("broken\x00"), list...)),
		Fault: &event.Fault{Reason: reason, Length: length},
	}
}

// adapt turns an error of the nth page into what can be done about it: smaller pages
// where they may help, a narrower window where a deep page is refused.
func (r *Reader) adapt(err error, n int, narrower bool) error {
	switch {
	case isClass(err, refused) && n > 1 && narrower:
		return errNarrower
	case isClass(err, refused) && r.size > r.granted:
		r.size, r.paged = r.granted, true
	case isClass(err, refused) && r.size > leastPage:
		r.size = max(r.size/2, leastPage)
	case (isClass(err, broken) || isClass(err, tooLong)) && r.size > r.granted:
		r.size, r.paged = r.granted, true
	case (isClass(err, broken) || isClass(err, tooLong)) && narrower:
		return errNarrower
	case (isClass(err, broken) || isClass(err, tooLong)) && r.size > 1:
		r.size = max(r.size/8, 1)
	default:
		return err
	}
	return errSmaller
}
