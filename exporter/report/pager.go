package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

const (
	// keepAlive is how long Elasticsearch keeps the point in time after each
	// page. A reader of the output that sleeps longer costs a new one.
	keepAlive = "5m"
	// maxPageHits is Elasticsearch's default for index.max_result_window.
	maxPageHits = 10_000
	// firstPageHits is the size of a page while the size of records is unknown.
	firstPageHits = 500
)

// pager gives the hits of a query in order, page by page, each exactly once.
//
// The order is a date field, @timestamp, and then _shard_doc, which tells records of one
// millisecond apart and is defined within one point in time only. So when the
// point in time is lost, the next one is asked for everything from the last
// millisecond on, and the records of that millisecond that were handed over
// already (ties) are passed over by their index and _id.
type pager struct {
	client  *exporter.Client
	query   Query
	order   Order
	by      string // the date field of the order; "" is @timestamp
	source  any    // the parameter _source
	limit   int64
	bytes   int64 // aim for the size of a page
	backoff peer.Backoff

	size   int          // hits that fill a page
	asked  int          // hits that the last search asked for
	ended  bool         // it gave fewer
	handed int64        // hits given to the caller
	last   int64        // the last one's date
	ties   map[tie]bool // those of them whose date is last

	pit    string
	after  []int64 // where the next page of this view starts, nil for its first
	views  int     // points in time so far
	idle   int     // the last of them that gave nothing new
	before int64   // handed when the present view began
	tied   int64   // ties when the present view began
	passed int64   // those of them that the present view gave again
	found  int64   // total that Elasticsearch counted in the present view
	least  int64   // what the views before promised in all
}

// errViewLost: Elasticsearch does not know the point in time any more, or one of
// its indices was deleted, which a user of the role auditship_analyst is told as
// 403. Where the right itself was withdrawn, opening another one says so.
var errViewLost = errors.New("the point in time is lost")

// tie names a document among those of one millisecond. An _id is unique within
// its backing index only.
type tie struct{ index, id string }

// next gives the next hits, none at the end.
func (p *pager) next(ctx context.Context) ([]hit, error) {
	for !p.ended && (p.limit == 0 || p.handed < p.limit) {
		got, err := p.fetch(ctx)
		if err != nil {
			return nil, err
		}
		p.ended = len(got.Hits.Hits) < p.asked
		if hits := p.accept(got); len(hits) > 0 {
			return hits, nil
		}
	}
	return nil, p.checkCount()
}

// ask is how many hits to ask for: a page, or what is left up to the limit.
func (p *pager) ask() int {
	if p.limit == 0 {
		return p.size
	}
	left := p.limit - p.handed + p.tied // ties may come again
	return int(min(int64(p.size), left))
}

// expected is how many hits there are in all, as far as is known.
func (p *pager) expected() int64 {
	n := p.before + p.found - p.passed
	if p.limit > 0 {
		n = min(n, p.limit)
	}
	return n
}

// checkCount compares what was handed over with what Elasticsearch counted.
func (p *pager) checkCount() error {
	if want := p.expected(); p.handed != want {
		return fmt.Errorf("elasticsearch counted %d records but gave %d", want, p.handed)
	}
	if p.limit == 0 && p.handed < p.least {
		return fmt.Errorf("%d records disappeared from %s during the export: start again", p.least-p.handed, p.query.Stream())
	}
	return nil
}

// accept takes over what an answer says and gives the hits that are new.
func (p *pager) accept(got *page) []hit {
	if got.PIT != "" {
		p.pit = got.PIT
	}
	if got.Hits.Total != nil {
		p.found = got.Hits.Total.Value
	}
	hits := got.Hits.Hits
	if len(hits) == 0 {
		return nil
	}
	p.after = hits[len(hits)-1].Sort
	fresh := hits
	if p.views > 1 {
		fresh = p.passTies(hits)
	}
	if p.limit > 0 {
		fresh = fresh[:min(int64(len(fresh)), p.limit-p.handed)]
	}
	p.handed += int64(len(fresh))
	p.noteTies(fresh)
	return fresh
}

// passTies leaves out what an earlier view has handed over.
func (p *pager) passTies(hits []hit) []hit {
	fresh := hits[:0]
	for _, h := range hits {
		if p.ties[tie{h.Index, h.ID}] {
			p.passed++
			continue
		}
		fresh = append(fresh, h)
	}
	return fresh
}

// noteTies keeps the names of the hits with the last date.
func (p *pager) noteTies(hits []hit) {
	if len(hits) == 0 {
		return
	}
	if last := hits[len(hits)-1].Sort[0]; last != p.last || p.ties == nil {
		p.last, p.ties = last, map[tie]bool{}
	}
	for i := len(hits) - 1; i >= 0 && hits[i].Sort[0] == p.last; i-- {
		p.ties[tie{hits[i].Index, hits[i].ID}] = true
	}
}

// fetch gets the next page of the present view, or of a new one where there is
// none. It tries again what is worth it.
func (p *pager) fetch(ctx context.Context) (*page, error) {
	for try := 1; ; try++ {
		got, err := p.tryFetch(ctx)
		for errors.Is(err, exporter.ErrAnswerTooLong) {
			p.size = max(1, p.asked/4)
			got, err = p.tryFetch(ctx)
		}
		switch {
		case err == nil:
			return got, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, errViewLost):
			p.pit, try = "", max(try, p.idle)
		case p.views == 0 || !worthRetrying(err) && !isRefusal(err):
			return nil, explain(err, p.query)
		}
		if try == maxTries {
			return nil, explain(err, p.query)
		}
		if err := peer.Sleep(ctx, p.backoff.Pause(try, 0)); err != nil {
			return nil, err
		}
	}
}

func (p *pager) tryFetch(ctx context.Context) (*page, error) {
	if p.pit == "" {
		if err := p.open(ctx); err != nil {
			return nil, err
		}
	}
	if len(p.query.Events) > 0 && p.query.types == nil {
		if err := p.learnTypes(ctx); err != nil {
			return nil, err
		}
	}
	p.asked = p.ask()
	body, err := json.Marshal(p.search())
	if err != nil {
		return nil, fmt.Errorf("encode the search: %w", err)
	}
	request := exporter.Request{Method: "POST", Path: "/_search?allow_partial_search_results=false", Body: body}
	if p.asked > 1 {
		request.MaxAnswer = 4 * p.bytes // a single record is taken whatever its size
	}
	answer, err := p.client.Do(ctx, request)
	if isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusForbidden) {
		return nil, fmt.Errorf("%w: %w", errViewLost, err)
	}
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	got, err := parsePage(answer)
	if err != nil {
		return nil, err
	}
	p.resize(len(answer), len(got.Hits.Hits))
	return got, nil
}

// open begins a view.
func (p *pager) open(ctx context.Context) error {
	var answer struct {
		ID string `json:"id"`
	}
	path := "/" + url.PathEscape(p.query.Stream()) + "/_pit?keep_alive=" + keepAlive
	body, err := p.client.Do(ctx, exporter.Request{Method: "POST", Path: path})
	if err != nil {
		return fmt.Errorf("open a point in time: %w", err)
	}
	if json.Unmarshal(body, &answer) != nil || answer.ID == "" {
		return errNotElasticsearch
	}
	p.begin(answer.ID)
	return nil
}

// maxTypes bounds the event types that may have one display name.
const maxTypes = 1000

// learnTypes finds out which event types the records have whose display name is asked
// for: those of the same types that have another name, or none, belong to them.
func (p *pager) learnTypes(ctx context.Context) error {
	var answer struct {
		Aggregations struct {
			Types struct {
				Buckets []struct {
					Key string `json:"key"`
				} `json:"buckets"`
			} `json:"types"`
		} `json:"aggregations"`
	}
	err := p.client.JSON(ctx, "POST", "/_search?allow_partial_search_results=false", map[string]any{
		"pit":   map[string]string{"id": p.pit, "keep_alive": keepAlive},
		"size":  0,
		"query": anyOf([]string{nameField}, p.query.eventSpellings()),
		"aggs":  clause{"types": clause{"terms": clause{"field": typeField, "size": maxTypes}}},
	}, &answer)
	if isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusForbidden) {
		return fmt.Errorf("%w: %w", errViewLost, err)
	}
	if err != nil {
		return fmt.Errorf("find the event types: %w", err)
	}
	p.query.types = []string{}
	for _, b := range answer.Aggregations.Types.Buckets {
		p.query.types = append(p.query.types, b.Key)
	}
	return nil
}

// begin notes what the view before has promised and starts the counts of a new
// one. Its first page is larger by the ties, so that it gives something new.
func (p *pager) begin(pit string) {
	if p.views > 0 {
		p.least = max(p.least, p.before+p.found-p.tied)
		p.size = min(p.size+len(p.ties), maxPageHits)
	}
	if p.handed > p.before {
		p.idle = 0
	}
	p.idle++
	p.views++
	p.pit, p.after = pit, nil
	p.before, p.tied, p.passed, p.found = p.handed, int64(len(p.ties)), 0, 0
}

// close gives the view back. Elasticsearch would drop it by itself later.
func (p *pager) close(ctx context.Context) {
	if p.pit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = p.client.JSON(ctx, "DELETE", "/_pit", map[string]string{"id": p.pit}, nil) // it expires
}

// search is the body of the request for the next page.
func (p *pager) search() map[string]any {
	filters := p.query.filters()
	if p.after == nil && p.handed > 0 {
		filters = append(filters, p.fromLast())
	}
	search := map[string]any{
		"pit":              map[string]string{"id": p.pit, "keep_alive": keepAlive},
		"size":             p.asked,
		"query":            clause{"bool": clause{"filter": filters}},
		"sort":             p.sort(),
		"_source":          p.source,
		"track_total_hits": p.after == nil,
	}
	if p.after != nil {
		search["search_after"] = p.after
	}
	return search
}

const timestampField = "@timestamp"

// sort is the order of the hits: the date that it goes by, the record's time if that is
// another one, and the tie-break.
func (p *pager) sort() []clause {
	sort := []clause{{p.date(): string(p.order)}}
	if p.date() != timestampField {
		sort = append(sort, clause{timestampField: string(p.order)})
	}
	return append(sort, clause{"_shard_doc": string(p.order)})
}

func (p *pager) date() string {
	if p.by == "" {
		return timestampField
	}
	return p.by
}

// fromLast holds for what is not handed over yet, and the ties.
func (p *pager) fromLast() clause {
	bound := "gte"
	if p.order == NewestFirst {
		bound = "lte"
	}
	return clause{"range": clause{p.date(): clause{bound: p.last, "format": "epoch_millis"}}}
}

// resize aims the next page at p.bytes, growing in steps.
func (p *pager) resize(length, hits int) {
	if hits == 0 {
		return
	}
	fits := int(p.bytes) / max(1, length/hits)
	p.size = max(1, min(fits, 4*p.size, maxPageHits))
}
