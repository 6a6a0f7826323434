package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/transform"
)

const canary = "hunter2hunter2"

// A masking rule with on_error: stop ends the pipeline before the record; nothing
// of it, and nothing behind it, goes out.
func TestAMaskingRuleCanStopTheAgent(t *testing.T) {
	s := newStand(t)
	rules := filepath.Join(t.TempDir(), "masking.yml")
	s.must(os.WriteFile(rules, []byte("masking: {on_error: stop, limits: {max_depth: 4}}\n"), 0o600))
	s.config.Masking.Rules = config.StringList{rules}
	s.write("a.json", record(1)+"\n"+`{"id":"deep","event_time":1795143845,"a":{"b":{"c":{"d":{"password":"`+canary+`"}}}}}`+"\n"+record(2)+"\n")
	p := s.open(Options{Once: true})
	err := errors.Join(p.Run(t.Context()), p.Close())
	if !errors.Is(err, transform.ErrMaskingStopped) || !strings.Contains(err.Error(), "a.json at byte ") || strings.Contains(err.Error()+s.log.String(), canary) {
		t.Errorf("ended with %v", err)
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d documents", n)
	}
}
