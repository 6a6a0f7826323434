package filesource

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/auditship/auditship/agent/filesource/find"
)

// pathFault notes that a path cannot be opened or matched; nil says that it could.
func (s *Source) pathFault(path string, err error) {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		delete(s.failing, path)
		return
	}
	s.fault(path, err)
}

// fault logs a fault of a path once until it works again.
func (s *Source) fault(path string, err error) {
	if s.failing[path] == nil {
		s.stats.Errors.Add(1)
		s.cfg.Log.Error().Str("path", path).Err(err).Msg("file cannot be read")
	}
	s.failing[path] = err
}

// forgive forgets the faults of paths that are not there any more, and of globs that
// could be searched through.
func (s *Source) forgive(all find.Found) {
	for path := range s.failing {
		_, there := slices.BinarySearchFunc(all.Files, path, func(f find.File, path string) int { return strings.Compare(f.Path, path) })
		failed := slices.ContainsFunc(all.Failed, func(f find.Failure) bool { return f.Glob == path })
		if !there && !failed {
			delete(s.failing, path)
		}
	}
}

// unreadable says in one line which files cannot be read; "" if all can.
func (s *Source) unreadable() string {
	if len(s.failing) == 0 {
		return ""
	}
	first := slices.Min(slices.Collect(maps.Keys(s.failing)))
	err := s.failing[first]
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err // it is named already
	}
	var refused *find.Refused
	reason := fmt.Sprintf("cannot read %s: %v", first, err)
	if errors.As(err, &refused) {
		reason = "cannot read " + refused.Error()
	}
	if more := len(s.failing) - 1; more > 0 {
		reason += fmt.Sprintf(" (and %d more)", more)
	}
	return reason
}
