package filesource

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
)

// pathFault notes that a path cannot be opened or searched; nil says that it could.
func (s *Source) pathFault(path string, err error) {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		delete(s.failing, path)
		return
	}
	s.fault(path, err)
}

// fault notes a fault of a path, which is told and counts once until it works again: one
// that is passed over, a link or a pipe, as a warning.
func (s *Source) fault(path string, err error) {
	if s.failing[path] == nil {
		var passed *find.Refused
		log := s.cfg.Log
		if s.cfg.Owe != nil {
			log = zerolog.Nop() // it is told as a debt
		}
		switch {
		case errors.As(err, &passed):
			log.Warn().Str("path", path).Msg("passed over: it " + passed.Why)
		default:
			s.stats.Errors.Add(1)
			log.Error().Str("path", path).Err(err).Msg("file cannot be read")
		}
	}
	s.failing[path] = err
}

// forgive forgets the faults of paths that are not there any more, of what is not passed
// over any more, and of globs and folders that could be searched through.
func (s *Source) forgive(all find.Found) {
	still := map[string]bool{}
	for _, f := range all.Files {
		still[f.Path] = true
	}
	for _, f := range all.Failed {
		still[f.Path] = true
	}
	passed := map[string]bool{}
	for _, p := range all.Passed {
		passed[p.Path] = true
	}
	for path, err := range s.failing {
		var refused *find.Refused
		if !passed[path] && (!still[path] || errors.As(err, &refused)) {
			delete(s.failing, path)
		}
	}
}

// tell says what cannot be read, and what is not.
func (s *Source) tell() {
	aside := map[string]string{}
	for _, f := range s.files {
		if f.layout == noText && f.presence == named {
			aside[f.path] = s.aside(f)
		}
	}
	s.debts.set("aside", event.DebtSetAside, aside, "it is gone")
	s.debts.set("waiting", event.DebtUnread, s.waiting, "it is read on")
	reasons := map[string]string{}
	for path, err := range s.failing {
		reasons[path] = whyNot(path, err)
	}
	s.debts.set("unreadable", event.DebtUnreadable, reasons, "it can be read, or is gone")
}

// whyNot says in one line why a path is not read.
func whyNot(path string, err error) string {
	var refused *find.Refused
	if errors.As(err, &refused) {
		return "not read: " + refused.Error()
	}
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err // it is named already
	}
	return fmt.Sprintf("cannot read %s: %v", path, err)
}
