package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/mappings"
)

// lab is a data stream of a real node with a key of the shipped agent role.
type lab struct {
	t      testing.TB
	node   *esnode.Node
	stream string
	client *exporter.Client
}

func newLab(t testing.TB) *lab { return newLabOn(t, estest.Shared(t)) }

func newLabOn(t testing.TB, node *esnode.Node) *lab {
	l := &lab{t: t, node: node, stream: mappings.StreamName(estest.Namespace(t))}
	admin, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := mappings.Apply(t.Context(), admin, mappings.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _, err := node.Do(context.Background(), "DELETE", "/_data_stream/"+l.stream, nil)
		if err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	l.client = l.as(agentRole(t))
	return l
}

// agentRole is the role that is shipped for the agent.
func agentRole(t testing.TB) map[string]any {
	b, err := os.ReadFile("../../mappings/assets/role/auditship_agent.json")
	if err != nil {
		t.Fatal(err)
	}
	var role map[string]any
	if err := json.Unmarshal(b, &role); err != nil {
		t.Fatal(err)
	}
	return role
}

// as makes a client with a key that has the privileges of one role.
func (l *lab) as(role map[string]any) *exporter.Client {
	l.t.Helper()
	descriptors, err := json.Marshal(map[string]any{"role": role})
	if err != nil {
		l.t.Fatal(err)
	}
	key, err := l.node.CreateAPIKey(l.t.Context(), l.stream, descriptors)
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := exporter.New(exporter.Config{
		Addresses: []string{l.node.URL},
		CAFile:    l.node.CAFile,
		APIKey:    func() (string, error) { return key, nil },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(c.Close)
	return c
}

// do is for the test's own requests, as the superuser.
func (l *lab) do(method, path string, body any) []byte {
	l.t.Helper()
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			l.t.Fatal(err)
		}
	}
	status, answer, err := l.node.Do(l.t.Context(), method, path, b)
	if err != nil || status >= http.StatusMultipleChoices {
		l.t.Fatalf("%s %s: status %d, error %v, %s", method, path, status, err, answer)
	}
	return answer
}

func (l *lab) roll() { l.t.Helper(); l.do("POST", "/"+l.stream+"/_rollover", nil) }

func (l *lab) count() int {
	l.t.Helper()
	l.do("POST", "/"+l.stream+"/_refresh", nil)
	var answer struct{ Count int }
	if err := json.Unmarshal(l.do("GET", "/"+l.stream+"/_count", nil), &answer); err != nil {
		l.t.Fatal(err)
	}
	return answer.Count
}

// writeIndex is the name of the index that is written to.
func (l *lab) writeIndex() string {
	l.t.Helper()
	b, err := newBackings(l.client, l.stream).get(l.t.Context(), time.Now())
	if err != nil || len(b.indices) == 0 {
		l.t.Fatalf("backing indices: %v, %v", b, err)
	}
	return b.indices[len(b.indices)-1].name
}

func (l *lab) config() Config {
	return Config{Stream: l.stream, Gzip: true, Backoff: peer.Backoff{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond}}
}

func TestR17ReplayAfterRolloversAddsNothingOnARealNode(t *testing.T) {
	l := newLab(t)
	const n = 900
	docs := documents(n)
	s := New(l.client, l.config())
	for k := range 3 {
		if got := mustSend(t, s, docs[k*n/3:(k+1)*n/3]).kinds()[Indexed]; got != n/3 {
			t.Fatalf("%d of %d were indexed", got, n/3)
		}
		l.roll()
	}
	replays := map[string]func(d *Document){
		"in doubt, after a restart": func(d *Document) { d.Doubtful = true },
		"old, as a back-fill":       func(d *Document) {},
	}
	for name, change := range replays {
		again := slices.Clone(docs)
		for i := range again {
			change(&again[i])
		}
		if got := mustSend(t, New(l.client, l.config()), again).kinds()[Duplicate]; got != n {
			t.Errorf("%s: %d of %d are duplicates", name, got, n)
		}
	}
	if got := l.count(); got != n {
		t.Errorf("%d documents are there, want %d", got, n)
	}
}

// TestR12ManyDeathsAndRolloversOnARealNode: senders that die at any moment and
// begin anew, as an agent does after kill -9, while the stream rolls over.
func TestR12ManyDeathsAndRolloversOnARealNode(t *testing.T) {
	l := newLab(t)
	const n, deaths = 3000, 8
	docs := documents(n)
	cfg := l.config()
	cfg.MaxBytes = 20 << 10 // many requests, so that death comes between and within them
	for k := range deaths {
		ctx, die := context.WithCancel(t.Context())
		seen := 0
		err := New(l.client, cfg).Send(ctx, docs, func(int, Verdict) error {
			if seen++; seen == (k+1)*n/(deaths+1) {
				die()
			}
			return nil
		})
		die()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("death %d: %v", k, err)
		}
		if k%2 == 1 {
			l.roll()
		}
		for i := range docs {
			docs[i].Doubtful = true
		}
	}
	mustSend(t, New(l.client, cfg), docs)
	if got := l.count(); got != n {
		t.Errorf("%d documents are there, want %d", got, n)
	}
}

func TestTwoSendersOfTheSameDocumentsOnARealNode(t *testing.T) {
	l := newLab(t)
	docs := documents(2000)
	cfg := l.config()
	cfg.MaxBytes = 10 << 10
	ledgers := [2]*ledger{newLedger(t), newLedger(t)}
	var both sync.WaitGroup
	for _, own := range ledgers {
		both.Go(func() {
			if err := New(l.client, cfg).Send(t.Context(), docs, own.take); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	both.Wait()
	sum := map[Kind]int{}
	for _, own := range ledgers {
		for k, n := range own.kinds() {
			sum[k] += n
		}
	}
	if sum[Indexed] != len(docs) || sum[Duplicate] != len(docs) {
		t.Errorf("together %v, want each document indexed by one and a duplicate of the other", sum)
	}
	if got := l.count(); got != len(docs) {
		t.Errorf("%d documents are there, want %d", got, len(docs))
	}
}

func TestRefusalsOfARealNode(t *testing.T) {
	l := newLab(t)
	docs := documents(5)
	docs[1].Source = []byte(`{"@timestamp":"a secret"}`)
	docs[2].Source = []byte(`{"@timestamp":1,"":1}`)
	docs[3].Source = []byte(`{"@timestamp":1,"api7":{"audit":{"request":{"body":"no object, but a secret"}}}}`)
	want := map[int]Verdict{
		0: {Kind: Indexed, Status: 201},
		1: {Refused, 400, "document_parsing_exception", "@timestamp"},
		2: {Refused, 400, "document_parsing_exception", ""},
		3: {Refused, 400, "document_parsing_exception", "api7.audit.request.body"},
		4: {Kind: Indexed, Status: 201},
	}
	got := mustSend(t, New(l.client, l.config()), docs).verdicts
	for i, w := range want {
		if got[i] != w {
			t.Errorf("document %d: %+v, want %+v", i, got[i], w)
		}
	}
	if n := l.count(); n != 2 {
		t.Errorf("%d documents are there, want 2", n)
	}
}

// TestBlocksOfARealNodeWait: nothing is dropped, and the reason is told.
func TestBlocksOfARealNodeWait(t *testing.T) {
	setting := func(key string, on, off any) (begin, end func(*lab, string)) {
		set := func(v any) func(*lab, string) {
			return func(l *lab, index string) { l.do("PUT", "/"+index+"/_settings", map[string]any{key: v}) }
		}
		return set(on), set(off)
	}
	type test struct {
		begin, end func(*lab, string)
		want       Reason
	}
	tests := map[string]test{
		"closed index": {
			func(l *lab, index string) { l.do("POST", "/"+index+"/_close", nil) },
			func(l *lab, index string) { l.do("POST", "/"+index+"/_open", nil) },
			ReasonClosed,
		},
	}
	for _, s := range []struct {
		key     string
		on, off any
		want    Reason
	}{
		{"index.blocks.write", true, false, ReasonBlocked},
		{"index.blocks.read_only", true, false, ReasonBlocked},
		{"index.blocks.read_only_allow_delete", true, nil, ReasonBlocked},
		{"index.default_pipeline", "nope", nil, ReasonMisconfigured},
	} {
		begin, end := setting(s.key, s.on, s.off)
		tests[s.key] = test{begin, end, s.want}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			cfg := l.config()
			told := make(chan Condition, 100)
			cfg.Notify = func(c Condition) { told <- c }
			s := New(l.client, cfg)
			docs := documents(4)
			mustSend(t, s, docs[:2])
			index := l.writeIndex()
			tt.begin(l, index)
			done := make(chan *ledger)
			go func() { done <- mustSend(t, s, docs[2:]) }()
			if c := <-told; !c.Waiting || c.Reason != tt.want {
				t.Errorf("told %+v, want %s", c, tt.want)
			}
			tt.end(l, index)
			if got := (<-done).kinds()[Indexed]; got != 2 {
				t.Errorf("%d of 2 were indexed", got)
			}
			if c := <-told; c.Waiting {
				t.Errorf("told %+v, want the end", c)
			}
			if got := l.count(); got != 4 {
				t.Errorf("%d documents are there, want 4", got)
			}
		})
	}
}

// TestEachPrivilegeOfTheAgentIsNeeded: without any one of them documents wait,
// and the condition says which one is missing.
func TestEachPrivilegeOfTheAgentIsNeeded(t *testing.T) {
	for _, name := range []string{"create_doc", "read", "view_index_metadata", "auto_configure"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			if name != "auto_configure" { // which is for a stream that is not there yet
				s := New(l.client, l.config())
				mustSend(t, s, documents(1))
				l.roll()
			}
			role := agentRole(t)
			group := role["indices"].([]any)[0].(map[string]any)
			privileges := group["privileges"].([]any)
			group["privileges"] = slices.DeleteFunc(privileges, func(p any) bool { return p == name })
			if len(privileges) == len(group["privileges"].([]any)) {
				t.Fatalf("the role has no privilege %s", name)
			}
			cfg := l.config()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var told Condition
			cfg.Notify = func(c Condition) {
				if c.Waiting {
					told = c
					cancel()
				}
			}
			d := document(7, 0)
			err := New(l.as(role), cfg).Send(ctx, []Document{d}, func(_ int, v Verdict) error {
				return fmt.Errorf("the verdict is %v", v)
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("send: %v", err)
			}
			if told.Reason != ReasonForbidden || !strings.Contains(told.Detail, name) {
				t.Errorf("told %+v, want %s and the name %s", told, ReasonForbidden, name)
			}
		})
	}
}

// TestTheShippedRoleIsEnough also where the stream is not there yet.
func TestTheShippedRoleIsEnough(t *testing.T) {
	l := newLab(t)
	var told []Condition
	cfg := l.config()
	cfg.Notify = func(c Condition) { told = append(told, c) }
	s := New(l.client, cfg)
	mustSend(t, s, documents(10))
	l.roll()
	docs := documents(20)
	for i := range docs {
		docs[i].Doubtful = true
	}
	if got := mustSend(t, s, docs).kinds(); got[Indexed] != 10 || got[Duplicate] != 10 {
		t.Errorf("verdicts %v, want 10 of each", got)
	}
	if len(told) != 0 {
		t.Errorf("told %+v", told)
	}
}

// A node with room for one request at a time says 429 to the others. They back off,
// and every document arrives once.
func TestBacksOffWhenElasticsearchIsOverloaded(t *testing.T) {
	l := newLabOn(t, estest.Private(t, esnode.Options{Settings: map[string]string{"indexing_pressure.memory.limit": "400kb"}}))
	s := New(l.client, Config{Stream: l.stream, MaxBytes: 256 << 10, Backoff: peer.Backoff{Min: 20 * time.Millisecond, Max: time.Second}})
	const senders, each = 6, 400
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			docs := make([]Document, each)
			for i := range docs {
				docs[i] = audit(sender*each + i)
			}
			err := s.Send(t.Context(), docs, func(i int, v Verdict) error {
				if v.Kind != Indexed {
					return fmt.Errorf("document %d: %+v", i, v)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if stats := s.Stats(); stats.Retries[ReasonOverloaded] == 0 || stats.PossibleDuplicates != 0 {
		t.Errorf("nothing was refused, so nothing was shown: %+v", stats)
	}
	if n := l.count(); n != senders*each {
		t.Errorf("%d documents, %d were sent", n, senders*each)
	}
}
