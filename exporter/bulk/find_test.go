package bulk

import (
	"fmt"
	"strings"
	"testing"
)

// Find sees what search does not yet, in every backing index.
func TestFindOnARealNode(t *testing.T) {
	l := newLab(t)
	s := New(l.client, l.config())
	docs := documents(3000)
	var ids [][22]byte
	for _, d := range docs {
		ids = append(ids, d.ID)
	}
	if found, err := s.Find(t.Context(), ids, []string{"@timestamp"}); err != nil || len(found) != 0 {
		t.Fatalf("before there is a stream: %d, %v", len(found), err)
	}
	mustSend(t, s, docs[:2900])
	old := l.writeIndex()
	l.roll()
	l.do("PUT", fmt.Sprintf("/%s/_create/%s", l.stream, docs[7].ID[:]), map[string]any{"@timestamp": "2026-11-20T12:00:00Z", "secret": "not asked for"})
	mustSend(t, s, docs[2900:2950])
	found, err := s.Find(t.Context(), ids, []string{"@timestamp"})
	if err != nil {
		t.Fatal(err)
	}
	in := map[int][]string{}
	for _, h := range found {
		in[h.Asked] = append(in[h.Asked], h.Index)
		if !strings.HasPrefix(string(h.Source), `{"@timestamp":`) || strings.Contains(string(h.Source), "secret") {
			t.Fatalf("document %d is %s", h.Asked, h.Source)
		}
	}
	if len(found) != 2951 || len(in[7]) != 2 || in[7][0] != old || in[2899][0] != old || in[2949][0] == old || in[2950] != nil {
		t.Errorf("%d found; the one twice is in %q", len(found), in[7])
	}
}

func TestFindTriesAgainWhatMayPass(t *testing.T) {
	for name, tt := range map[string]struct {
		ft       fault
		failures int
		tries    int // with the one that succeeds
		ok       bool
	}{
		"overloaded":          {fault{status: 429}, 3, 4, true},
		"the server fails":    {fault{status: 503}, 3, 4, true},
		"the connection ends": {fault{abort: true}, 2, 3, true},
		"a broken answer":     {fault{status: 200, body: `{"docs":[{}]}`}, 2, 3, true},
		"an index is gone":    {fault{status: 404}, 1, 2, true},
		"may not":             {fault{status: 403}, 100, 1, false},
		"for good":            {fault{status: 503}, 100, findTries, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.roll()
			asked := 0
			f.onGet = func(_ int, path string) fault {
				if !strings.HasSuffix(path, "/_mget") {
					return fault{}
				}
				if asked++; asked <= tt.failures {
					return tt.ft
				}
				return fault{}
			}
			_, err := New(f.serve(t), quick()).Find(t.Context(), [][22]byte{document(0, 0).ID}, []string{"@timestamp"})
			if (err == nil) != tt.ok || asked != tt.tries {
				t.Errorf("%v after %d tries", err, asked)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the server's reason got out: %v", err)
			}
		})
	}
}
