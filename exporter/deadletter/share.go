package deadletter

import (
	"fmt"
	"sync"
	"time"
)

// FullShareError says that an input, or one of its files, has filled its share of the
// dead letters. What others write still finds room.
type FullShareError struct {
	Input, Path string // Path is "" where the input's share is full
	Share, Max  int64  // bytes
}

func (e *FullShareError) Error() string {
	what := "input " + e.Input
	if e.Path != "" {
		what = "file " + e.Path
	}
	return fmt.Sprintf("the dead letters of %s have filled its share of %d MiB of dead_letter.max_size: "+
		"see with auditship replay why they were rejected, then exclude or mend their files, send again what can be sent, or raise dead_letter.max_size",
		what, e.Share>>20)
}

// maxUsers bounds the files whose letters are counted. Those of further files count for
// their input alone.
const maxUsers = 1 << 16

// recountAfter is how often the letters are counted anew while a share is full: a
// replay, in another process, may have taken some.
const recountAfter = 10 * time.Second

// shares is how much of the letters each input and file has. Its zero value, with
// inputs set, has not counted yet.
type shares struct {
	inputs int // that share the folder

	mu      sync.Mutex
	counted time.Time // when the letters on disk were counted; zero: never
	used    map[user]int64
}

// user is who has letters: an input, or one of its files.
type user struct{ input, path string }

// add counts the bytes of a letter.
func (s *shares) add(l *Letter, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.counted.IsZero() {
		s.note(l, size)
	}
}

func (s *shares) note(l *Letter, size int64) {
	s.used[user{l.Input, ""}] += size
	if file := (user{l.Input, l.Path}); l.Path != "" && (len(s.used) < maxUsers || s.used[file] > 0) {
		s.used[file] += size
	}
}

// count counts the letters on disk.
func (s *shares) count(read func() (*Reader, error), now time.Time) error {
	r, err := read()
	if err != nil {
		return err
	}
	s.used, s.counted = map[user]int64{}, now
	for r.Next() {
		l := r.Letter()
		s.note(&l, r.size)
	}
	if err := r.Err(); err != nil {
		return err
	}
	return r.Close()
}

// Room says whether an input, and a file of it unless path is "", may write more
// letters: nil, a *FullShareError, or why they could not be counted. An input has the
// same share as every other one, a file half of that. Room is for those who can wait
// before they read on: Append takes letters as long as the folder has room.
func (b *Box) Room(input, path string) error {
	s := &b.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	now := b.now()
	if s.counted.IsZero() {
		if err := s.count(b.reread, now); err != nil {
			return err
		}
	}
	err := b.full(input, path)
	if err == nil || now.Sub(s.counted) < recountAfter {
		return err
	}
	if err := s.count(b.reread, now); err != nil {
		return err
	}
	return b.full(input, path)
}

func (b *Box) full(input, path string) error {
	share := b.max / int64(max(b.shares.inputs, 1))
	if b.shares.used[user{input, ""}] >= share {
		return &FullShareError{Input: input, Share: share, Max: b.max}
	}
	if path != "" && b.shares.used[user{input, path}] >= share/2 {
		return &FullShareError{Input: input, Path: path, Share: share / 2, Max: b.max}
	}
	return nil
}
