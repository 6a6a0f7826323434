package filesource

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// step is a call that the system may keep waiting: on a file system over a network
// that is gone, for ever.
type step struct {
	what, path string
	began      time.Time
}

// steps holds the present step. Its zero value is between steps.
type steps struct{ now atomic.Pointer[step] }

func (s *steps) begin(what, path string) { s.now.Store(&step{what, path, time.Now()}) }

// end is called where the source waits for something else: news, or the pipeline.
func (s *steps) end() { s.now.Store(nil) }

// hangs is the step that has lasted that long, nil if there is none.
func (s *steps) hangs(after time.Duration) *step {
	if now := s.now.Load(); now != nil && time.Since(now.began) >= after {
		return now
	}
	return nil
}

// Hangs says which call to the file system does not come back, "" while none does not.
// It may be called from any goroutine.
func (s *Source) Hangs() string {
	if h := s.steps.hangs(s.cfg.HangsAfter); h != nil {
		return h.String()
	}
	return ""
}

func (s *step) String() string {
	return fmt.Sprintf("the system does not come back from the call to %s %s since %s; is its file system there?",
		s.what, s.path, s.began.UTC().Format(time.RFC3339))
}

// oversee tells of calls that hang until ctx ends: the goroutine that made one cannot.
func (s *Source) oversee(ctx context.Context) {
	ticker := time.NewTicker(min(time.Second, s.cfg.HangsAfter/2))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		reasons := map[string]string{}
		if h := s.steps.hangs(s.cfg.HangsAfter); h != nil {
			reasons[h.path] = h.String()
		}
		s.debts.set("hangs", event.DebtUnread, reasons, "the call came back")
	}
}
