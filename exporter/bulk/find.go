package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/peer"
)

// Holding says that a backing index holds a document.
type Holding struct {
	Asked  int             // its place among those asked for
	Index  string          // the backing index
	Source json.RawMessage // the fields that were asked for
}

// findTries is how often Find and Alike ask before they give up: for about a minute, with the
// default pauses.
const findTries = 10

// Find asks every backing index for documents by their _id, in real time, and returns
// where they are: nowhere, in one index, or by accident in several. Of each it gets
// these fields, dotted paths, at least one. What may pass by itself is tried again a
// few times.
func (s *Sender) Find(ctx context.Context, ids [][22]byte, fields []string) (found []Holding, err error) {
	err = s.persist(ctx, func() (err error) {
		found, err = s.find(ctx, ids, fields)
		return err
	})
	return found, err
}

// persist tries again what may pass by itself.
func (s *Sender) persist(ctx context.Context, ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.backings.expire() // an index may be gone
		if why := reasonOf(err); try == findTries || why == ReasonUnauthorized || why == ReasonForbidden {
			return err
		}
		if err := peer.Sleep(ctx, s.cfg.Backoff.Pause(try, 0)); err != nil {
			return err
		}
	}
}

func (s *Sender) find(ctx context.Context, ids [][22]byte, fields []string) ([]Holding, error) {
	b, err := s.backings.get(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	var found []Holding
	for at := range b.indices {
		for begin := 0; begin < len(ids); begin += lookUpAtOnce {
			some, err := s.get(ctx, b.indices[at].name, ids[begin:min(begin+lookUpAtOnce, len(ids))], fields)
			if err != nil {
				return nil, err
			}
			for _, h := range some {
				h.Asked += begin
				found = append(found, h)
			}
		}
	}
	return found, nil
}

// sourceBytes is what the fields of a document may take in an answer.
const sourceBytes = 64 << 10

// get asks one index for documents.
func (s *Sender) get(ctx context.Context, name string, ids [][22]byte, fields []string) ([]Holding, error) {
	question := struct {
		IDs []string `json:"ids"`
	}{make([]string, len(ids))}
	for i, id := range ids {
		question.IDs[i] = string(id[:])
	}
	var answer struct {
		Docs []struct {
			Found  *bool           `json:"found"`
			Source json.RawMessage `json:"_source"`
			Error  json.RawMessage `json:"error"`
		} `json:"docs"`
	}
	path := "/" + url.PathEscape(name) + "/_mget?realtime=true&filter_path=docs.found,docs.error,docs._source&_source_includes=" +
		url.QueryEscape(strings.Join(fields, ","))
	s.stats.lookups.Add(1)
	request := exporter.Request{Method: "POST", Path: path, MaxAnswer: answerBytes(len(ids), sourceBytes)}
	if err := s.client.JSONOf(ctx, request, question, &answer); err != nil {
		return nil, fmt.Errorf("look up in %s: %w", name, err)
	}
	if len(answer.Docs) != len(ids) {
		return nil, fmt.Errorf("look up in %s: %w", name, errBrokenAnswer)
	}
	var found []Holding
	for i, d := range answer.Docs {
		switch {
		case d.Found == nil || d.Error != nil:
			return nil, fmt.Errorf("look up in %s: %w", name, lookUpError(d.Error))
		case *d.Found:
			found = append(found, Holding{Asked: i, Index: name, Source: d.Source})
		}
	}
	return found, nil
}
