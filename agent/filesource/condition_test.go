package filesource

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/filesource/find"
)

func TestWhatCannotBeReadIsTold(t *testing.T) {
	s := New(Config{Paths: []string{"/log/*.json"}, Log: zerolog.Nop()})
	denied := &fs.PathError{Op: "open", Path: "/log/b.json", Err: fs.ErrPermission}
	s.pathFault("/log/b.json", denied)
	s.pathFault("/log/b.json", denied)
	if got := s.unreadable(); got != "cannot read /log/b.json: permission denied" {
		t.Error(got)
	}
	s.fault("/log/a.json", errors.New("input/output error"))
	if got := s.unreadable(); got != "cannot read /log/a.json: input/output error (and 1 more)" {
		t.Error(got)
	}
	if n := s.Stats().Errors.Load(); n != 2 {
		t.Errorf("%d errors: each fault counts once", n)
	}
	s.forgive(find.Found{Files: []find.File{{Path: "/log/a.json"}, {Path: "/log/c.json"}}}) // b is not there any more
	s.pathFault("/log/a.json", nil)
	if got := s.unreadable(); got != "" {
		t.Error(got)
	}
}
