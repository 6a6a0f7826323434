package filesource

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/auditship/auditship/agent/event"
)

const (
	// mostOpen bounds the files that an input holds open by default: each takes some
	// kilobytes of memory.
	mostOpen = 512
	// leastOpen is what an input takes in any case.
	leastOpen = 4
	// usualDescriptors is what a process may hold where the system does not say.
	usualDescriptors = 1024
	// reservedDescriptors are left for connections, the state directory, dead letters
	// and those that ask for metrics.
	reservedDescriptors = 96
)

// MaxOpen is how many files each of so many inputs may hold open, by what the system
// allows the process.
func MaxOpen(inputs int) int { return maxOpen(descriptors(), inputs) }

func maxOpen(limit, inputs int) int {
	free := max(limit-reservedDescriptors, limit/2)
	return min(max(free/max(inputs, 1), leastOpen), mostOpen)
}

// hold opens a file that is not open, where its position says. It is false where no
// descriptor is free: every open file has something left to be read.
func (s *Source) hold(f *file) (bool, error) {
	if !s.makeRoom() {
		return false, nil
	}
	s.steps.begin("open", f.path)
	fd, info, err := s.finder.Open(f.path)
	if err != nil {
		return true, err
	}
	if id, _ := identify(info); id != f.id {
		return true, errors.Join(fs.ErrNotExist, fd.Close()) // another one now; found by the next scan
	}
	f.f, f.size, f.modified = fd, info.Size(), info.ModTime()
	if err := s.place(f); err != nil {
		f.close()
		return true, fmt.Errorf("find the place in it: %w", err)
	}
	f.hold = held
	s.opened = append(s.opened, f)
	return true, nil
}

// place puts a file that was just opened where it was read before.
func (s *Source) place(f *file) error {
	if f.hold == fresh {
		return s.attach(f)
	}
	ok, err := s.resume(f, event.Saved{Stream: f.stream}, f.place)
	if err != nil || ok {
		return err
	}
	s.stats.Truncations.Add(1)
	s.orphan = append(s.orphan, f.stream)
	f.restart(event.Stream{})
	return s.attach(f)
}

// makeRoom reports whether one more file may be opened. Where too many are, it closes
// the one that was read to its end and grew least recently.
func (s *Source) makeRoom() bool {
	s.opened = slices.DeleteFunc(s.opened, func(f *file) bool { return f.f == nil })
	if len(s.opened) < s.cfg.MaxOpen {
		return true
	}
	slices.SortFunc(s.opened, func(a, b *file) int { return a.grew.Compare(b.grew) })
	for _, f := range s.opened {
		if s.unread[f] || f.skip != nil {
			continue
		}
		if info, err := f.f.Stat(); err == nil && info.Size() == f.size && s.park(f) {
			return true
		}
	}
	return false
}

// park closes a file that was read to its end, keeping its place. It is false if that
// cannot be done.
func (s *Source) park(f *file) bool {
	data, err := f.position(s.cfg.Key)
	if err != nil {
		return false
	}
	p, ok := parsePosition(data)
	if !ok {
		return false
	}
	f.close()
	f.hold, f.place = parked, p
	f.head, f.tail = slices.Clone(f.head[:min(len(f.head), 16)]), nil // enough to know how it is compressed
	return true
}
