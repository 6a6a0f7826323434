package pipeline

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
)

// beside runs an import as a process beside the agent of this state directory.
func (s *stand) beside(reader string, paths ...string) (health.Totals, error) {
	s.t.Helper()
	agent := s.config
	defer func() { s.config = agent }()
	cfg, file := *agent, config.DefaultFileInput()
	file.Paths = paths
	cfg.Inputs = []config.Input{{Type: config.TypeFile, ID: "import", Gateway: "test", File: &file}}
	s.config = &cfg
	o := Options{Once: true, Beside: "import"}
	if len(paths) == 0 {
		o.Readers = map[event.InputID]io.Reader{"import": strings.NewReader(reader)}
	}
	p := s.open(o)
	err := errors.Join(p.Run(s.t.Context()), p.Close())
	return s.ledger(p), err
}

// Beside a running agent, after a rollover, what the agent sent is found; what is
// new arrives; and a second time adds nothing.
func TestImportBesideARunningAgent(t *testing.T) {
	s := newStand(t)
	s.write("a.json", recordLines(0, 50)+nameless+"\n")
	s.while(func(*Pipeline) {
		s.eventually(51)
		s.call("POST", "/"+s.stream+"/_rollover", "")
		for _, tt := range []struct {
			reader, path       string
			indexed, duplicate int64
		}{
			{path: s.path("a.json"), duplicate: 51},
			{reader: nameless + "\n" + recordLines(40, 60), indexed: 10, duplicate: 11},
			{reader: nameless + "\n" + recordLines(40, 60), duplicate: 21},
			{path: s.path("a.json"), duplicate: 51}, // no position of the first time
		} {
			var paths []string
			if tt.path != "" {
				paths = []string{tt.path}
			}
			got, err := s.beside(tt.reader, paths...)
			if err != nil || got.Indexed != tt.indexed || got.Duplicate != tt.duplicate {
				t.Errorf("%v, %+v, want %+v", err, got, tt)
			}
		}
	})
	if n := s.count(); n != 61 {
		t.Errorf("%d documents", n)
	}
}

// An import that comes before the first agent makes the key that both use.
func TestImportBeforeTheFirstAgent(t *testing.T) {
	s := newStand(t)
	if got, err := s.beside(nameless + "\n"); err != nil || got.Indexed != 1 {
		t.Fatalf("%v %+v", err, got)
	}
	s.call("POST", "/"+s.stream+"/_rollover", "")
	s.write("a.json", nameless+"\n")
	if got := s.once(); got.Duplicate != 1 || s.count() != 1 {
		t.Errorf("the agent: %+v, %d documents", got, s.count())
	}
}

// A pipe that breaks ends the run with its error, after what came through it.
func TestAPipeThatBreaksEndsTheRun(t *testing.T) {
	s := newStand(t)
	cfg, file, broken := *s.config, config.DefaultFileInput(), errors.New("broken pipe")
	cfg.Inputs = []config.Input{{Type: config.TypeFile, ID: "import", Gateway: "test", File: &file}}
	s.config = &cfg
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, recordLines(0, 20_000)) // all is read
		_ = w.CloseWithError(broken)                     // never fails
	}()
	p := s.open(Options{Once: true, Readers: map[event.InputID]io.Reader{"import": r}})
	if err := p.Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	s.must(p.Close())
	if got := s.ledger(p); got.Indexed == 0 || got.DeadLettered != 0 {
		t.Errorf("%+v", got)
	}
}

// GiveUp does not wait for the shutdown timeout, and keeps the place.
func TestGivingUp(t *testing.T) {
	s := newStand(t)
	right := s.client
	s.client = s.clientAs("agent-nobody", "wrong")
	s.write("a.json", recordLines(0, 10))
	p := s.open(Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	s.until("a condition", func() bool { return len(p.Conditions().List()) > 0 })
	why := errors.New("nobody will let us in")
	cancel(GiveUp{why})
	if err := <-ended; !errors.Is(err, why) {
		t.Error(err)
	}
	s.must(p.Close())
	s.client = right
	if got := s.once(); got.Indexed != 10 {
		t.Errorf("then: %+v", got)
	}
}
