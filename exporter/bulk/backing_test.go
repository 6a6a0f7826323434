package bulk

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
)

// answers serves two fixed answers: for settings and for names.
func answers(t *testing.T, settings, names string) *backings {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		text := names
		if strings.Contains(r.URL.Path, "/_settings/") {
			text = settings
		}
		if strings.Contains(text, `"status":404`) {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	c, err := exporter.New(exporter.Config{Addresses: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return newBackings(c, testStream)
}

func created(name, at string) string {
	return `"` + name + `":{"settings":{"index":{"creation_date":"` + at + `"}}}`
}

// TestWhatIsKnownOfAStream, in the answers' shapes of 8.19.9.
func TestWhatIsKnownOfAStream(t *testing.T) {
	const missing = `{"error":{"root_cause":[{"type":"index_not_found_exception"}],"type":"index_not_found_exception","reason":"no such index [x]"},"status":404}`
	const never = math.MaxInt64
	tests := map[string]struct {
		settings, names string
		want            []index
		created         int64
	}{
		"no such stream": {missing, missing, nil, never},
		"a stream": {
			"{" + created(".ds-x-1", "100") + "," + created(".ds-x-2", "200") + "," + created(".ds-x-3", "300") + "}",
			`{"indices":[],"aliases":[],"data_streams":[{"name":"x","backing_indices":[".ds-x-1",".ds-x-2",".ds-x-3"],"timestamp_field":"@timestamp"}]}`,
			[]index{{".ds-x-1", 200}, {".ds-x-2", 300}, {".ds-x-3", never}}, 300,
		},
		"with a shrunk index": {
			"{" + created("shrink-1", "900") + "," + created("shrink-2", "800") + "," + created(".ds-x-3", "300") + "}",
			`{"data_streams":[{"backing_indices":["shrink-1","shrink-2",".ds-x-3"]}]}`,
			[]index{{"shrink-1", 300}, {"shrink-2", 300}, {".ds-x-3", never}}, 300,
		},
		"rolled over between the two questions": {
			"{" + created(".ds-x-1", "100") + "}",
			`{"data_streams":[{"backing_indices":[".ds-x-1",".ds-x-2"]}]}`,
			[]index{{".ds-x-1", never}, {".ds-x-2", never}}, never,
		},
		"the oldest deleted between the two questions": {
			"{" + created(".ds-x-1", "100") + "," + created(".ds-x-2", "200") + "}",
			`{"data_streams":[{"backing_indices":[".ds-x-2"]}]}`,
			[]index{{".ds-x-2", never}}, 200,
		},
		"a plain index": {
			"{" + created("x", "100") + "}",
			`{"indices":[{"name":"x","attributes":["open"]}],"aliases":[],"data_streams":[]}`,
			[]index{{"x", never}}, 100,
		},
		"an alias, whose order says nothing": {
			"{" + created("a", "100") + "," + created("b", "200") + "}",
			`{"indices":[],"aliases":[{"name":"x","indices":["a","b"]}],"data_streams":[]}`,
			[]index{{"a", never}, {"b", never}}, never,
		},
		"a date that is none": {
			`{".ds-x-1":{"settings":{}},` + created(".ds-x-2", "soon") + "}",
			`{"data_streams":[{"backing_indices":[".ds-x-1",".ds-x-2"]}]}`,
			[]index{{".ds-x-1", never}, {".ds-x-2", never}}, never,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := answers(t, tt.settings, tt.names).get(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if b.created != tt.created || len(b.indices) != len(tt.want) {
				t.Fatalf("got %+v, want %v created at %d", b, tt.want, tt.created)
			}
			for i, w := range tt.want {
				if b.indices[i] != w {
					t.Errorf("index %d is %+v, want %+v", i, b.indices[i], w)
				}
			}
		})
	}
}

// TestTheListIsReadOnceForAll: who asks at the same time shares an answer, and
// a change of names makes a new generation.
func TestTheListIsReadOnceForAll(t *testing.T) {
	f := newFake()
	f.roll()
	var asked atomic.Int32
	f.onGet = func(int, string) fault { asked.Add(1); return fault{} }
	s := newBackings(f.serve(t), testStream)
	var all sync.WaitGroup
	now := time.Now()
	for range 10 {
		all.Go(func() {
			if _, err := s.get(t.Context(), now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 2 {
		t.Errorf("%d questions for ten that asked at once, want 2", n)
	}
	var generations []uint32
	for _, change := range []func(){func() {}, func() {}, f.roll, func() {}} {
		f.mu.Lock()
		change()
		f.mu.Unlock()
		s.expire()
		b, err := s.get(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		generations = append(generations, b.generation)
	}
	if generations[0] != generations[1] || generations[2] == generations[1] || generations[3] != generations[2] {
		t.Errorf("generations %v, want a new one at the third", generations)
	}
}
