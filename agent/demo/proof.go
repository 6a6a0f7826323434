package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/auditship/auditship/exporter/esnode"
)

// proof is what stands in the data stream.
type proof struct {
	ids     map[string]int // how often each record's id is there
	indices map[string]int // documents by backing index
	text    []byte         // every _source
}

// everything reads the whole data stream, as the superuser.
func everything(ctx context.Context, node *esnode.Node, stream string) (*proof, error) {
	if err := call(ctx, node, "POST", "/"+stream+"/_refresh", nil, nil); err != nil {
		return nil, err
	}
	var pit struct{ ID string }
	if err := call(ctx, node, "POST", "/"+stream+"/_pit?keep_alive=1m", nil, &pit); err != nil {
		return nil, err
	}
	p := &proof{ids: map[string]int{}, indices: map[string]int{}}
	var after json.RawMessage
	for {
		query := map[string]any{"size": 5000, "pit": map[string]any{"id": pit.ID, "keep_alive": "1m"}, "sort": []string{"_shard_doc"}}
		if after != nil {
			query["search_after"] = after
		}
		var page page
		if err := call(ctx, node, "POST", "/_search", query, &page); err != nil {
			return nil, err
		}
		if len(page.Hits.Hits) == 0 {
			return p, call(ctx, node, "DELETE", "/_pit", map[string]any{"id": pit.ID}, nil)
		}
		for _, h := range page.Hits.Hits {
			if err := p.add(h); err != nil {
				return nil, err
			}
			after = h.Sort
		}
	}
}

type page struct {
	Hits struct{ Hits []hit }
}

type hit struct {
	Index  string          `json:"_index"`
	Source json.RawMessage `json:"_source"`
	Sort   json.RawMessage `json:"sort"`
}

func (p *proof) add(h hit) error {
	var document struct{ Event struct{ ID string } }
	if err := json.Unmarshal(h.Source, &document); err != nil {
		return fmt.Errorf("read a document: %w", err)
	}
	p.ids[document.Event.ID]++
	p.indices[h.Index]++
	p.text = append(append(p.text, h.Source...), '\n')
	return nil
}

// exactly compares the ids with those that were written.
func (p *proof) exactly(written map[string]bool) error {
	var missing, twice, unknown int
	for id := range written {
		if p.ids[id] == 0 {
			missing++
		}
	}
	for id, n := range p.ids {
		if n > 1 {
			twice++
		}
		if !written[id] {
			unknown++
		}
	}
	if missing+twice+unknown > 0 {
		return fmt.Errorf("of %d records written %d are missing, %d are there more than once, %d are unknown", len(written), missing, twice, unknown)
	}
	return nil
}

// leaked counts the secrets of which text holds a part of this many bytes.
func leaked(text []byte, secrets []string) int {
	const length = 12
	ends := map[string]bool{}
	for _, s := range secrets {
		ends[s[max(0, len(s)-length):]] = true
	}
	found := map[string]bool{}
	for i := 0; i+length <= len(text); i++ {
		if ends[string(text[i:i+length])] {
			found[string(text[i:i+length])] = true
		}
	}
	return len(found)
}

// call asks the node and decodes its answer into out, unless that is nil.
func call(ctx context.Context, node *esnode.Node, method, path string, body, out any) error {
	var encoded []byte
	var err error
	if body != nil {
		if encoded, err = json.Marshal(body); err != nil {
			return err
		}
	}
	status, answer, err := node.Do(ctx, method, path, encoded)
	switch {
	case err != nil:
		return err
	case status >= 300:
		return fmt.Errorf("%s %s: status %d", method, path, status)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errors.New(path + ": the answer is no JSON")
	}
	return nil
}
