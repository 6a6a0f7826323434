package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/auditship/auditship/exporter"
)

// Likeness describes documents by what they say, for a record whose _id is not known.
type Likeness struct {
	From, To int64             // of @timestamp, in milliseconds since 1970; To does not count any more
	Terms    map[string]string // keyword fields and the values that they have
}

// Alike is a document that was found by what it says.
type Alike struct {
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"` // the fields that were asked for
}

const (
	// alikeAtOnce is how many searches one request holds.
	alikeAtOnce = 100
	// mostAlike is how many documents one search finds.
	mostAlike = 1000
)

// Alike searches for documents, at most 1,000 for each likeness, and returns them in
// the order of what was asked; others of that time may be among them. Of each it gets
// these fields, dotted paths. It does not see what came after Elasticsearch last
// refreshed the index, a second or so ago. What may pass by itself is tried again a few
// times.
func (s *Sender) Alike(ctx context.Context, asked []Likeness, fields []string) (found [][]Alike, err error) {
	for begin := 0; begin < len(asked); begin += alikeAtOnce {
		some := asked[begin:min(begin+alikeAtOnce, len(asked))]
		err := s.persist(ctx, func() error {
			answers, complete, err := s.searchSpan(ctx, some, fields)
			if err == nil && !complete {
				answers, err = s.searchAll(ctx, some, fields, mostAlike)
			}
			if err == nil {
				found = append(found, answers...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// searchSpan asks once for all documents of the time that the likenesses are about, which
// are next to each other in an export. It is complete unless there are too many.
func (s *Sender) searchSpan(ctx context.Context, asked []Likeness, fields []string) (found [][]Alike, complete bool, err error) {
	span := Likeness{From: asked[0].From, To: asked[0].To}
	for _, l := range asked {
		span.From, span.To = min(span.From, l.From), max(span.To, l.To)
	}
	answers, err := s.search(ctx, []Likeness{span}, append(slices.Clone(fields), "@timestamp"), mostAlike)
	switch {
	case errors.Is(err, exporter.ErrAnswerTooLong):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case len(answers[0]) >= mostAlike:
		return nil, false, nil
	}
	found = make([][]Alike, len(asked))
	for _, document := range answers[0] {
		var said struct {
			Time time.Time `json:"@timestamp"`
		}
		if json.Unmarshal(document.Source, &said) != nil {
			return nil, false, nil // another form of time, which Elasticsearch can read
		}
		for i, l := range asked {
			if at := said.Time.UnixMilli(); l.From <= at && at < l.To {
				found[i] = append(found[i], document)
			}
		}
	}
	return found, true, nil
}

// searchAll asks in smaller pieces where the answer is longer than allowed.
func (s *Sender) searchAll(ctx context.Context, asked []Likeness, fields []string, most int) ([][]Alike, error) {
	found, err := s.search(ctx, asked, fields, most)
	switch half := len(asked) / 2; {
	case !errors.Is(err, exporter.ErrAnswerTooLong):
		return found, err
	case half > 0:
		first, err := s.searchAll(ctx, asked[:half], fields, most)
		if err != nil {
			return nil, err
		}
		second, err := s.searchAll(ctx, asked[half:], fields, most)
		return append(first, second...), err
	case most > 1:
		return s.searchAll(ctx, asked, fields, most/2)
	}
	return nil, err
}

// search makes one request of many searches. A part of an answer counts as none.
func (s *Sender) search(ctx context.Context, asked []Likeness, fields []string, most int) ([][]Alike, error) {
	body, err := searches(asked, fields, most)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Responses []struct {
			Error    json.RawMessage `json:"error"`
			TimedOut bool            `json:"timed_out"`
			Hits     struct {
				Hits []Alike `json:"hits"`
			} `json:"hits"`
		} `json:"responses"`
	}
	request := exporter.Request{
		Method: "POST", Body: body, ContentType: "application/x-ndjson", MaxAnswer: answerBytes(len(asked), sourceBytes),
		Path: "/" + url.PathEscape(s.cfg.Stream) + "/_msearch?filter_path=responses.error,responses.timed_out,responses.hits.hits._id,responses.hits.hits._source",
	}
	s.stats.lookups.Add(1)
	if err := s.client.JSONOf(ctx, request, nil, &answer); err != nil {
		return nil, fmt.Errorf("search in %s: %w", s.cfg.Stream, err)
	}
	if len(answer.Responses) != len(asked) {
		return nil, fmt.Errorf("search in %s: %w", s.cfg.Stream, errBrokenAnswer)
	}
	found := make([][]Alike, len(asked))
	for i, r := range answer.Responses {
		if r.Error != nil || r.TimedOut {
			return nil, fmt.Errorf("search in %s: %w", s.cfg.Stream, lookUpError(r.Error))
		}
		found[i] = r.Hits.Hits
	}
	return found, nil
}

// searches is the body of a request: for each search a line about where, and one about
// what. A stream that is not there yet holds nothing.
func searches(asked []Likeness, fields []string, most int) ([]byte, error) {
	type object = map[string]any
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, l := range asked {
		all := []object{{"range": object{"@timestamp": object{"gte": l.From, "lt": l.To, "format": "epoch_millis"}}}}
		for field, value := range l.Terms {
			all = append(all, object{"term": object{field: value}})
		}
		where := object{"ignore_unavailable": true, "allow_partial_search_results": false}
		what := object{
			"size": most, "track_total_hits": false, "sort": []string{"_doc"},
			"_source": fields, "query": object{"bool": object{"filter": all}},
		}
		if err := errors.Join(lines.Encode(where), lines.Encode(what)); err != nil {
			return nil, fmt.Errorf("encode a search: %w", err)
		}
	}
	return b.Bytes(), nil
}
