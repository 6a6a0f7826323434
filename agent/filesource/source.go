package filesource

import (
	"context"
	"math"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/find"
)

// Source follows the files of one input.
type Source struct {
	cfg     Config
	buffers *buffers
	framer  framer
	rows    rows
	stats   Stats

	rowWriter rowWriter

	finder *find.Finder
	files  map[fileID]*file
	opened []*file                    // that may hold a descriptor
	saved  map[event.Stream]savedFile // positions that no file has taken over yet, by stream
	orphan []event.Stream             // streams to forget

	arrival arrival          // of what is found now
	failing map[string]error // the last fault of each path that has one
	passed  map[string]bool  // what was said to be passed over
	folders []string         // in which files may come
}

// New makes a source. It reads nothing yet.
func New(cfg Config) *Source {
	cfg = cfg.withDefaults()
	return &Source{
		cfg:     cfg,
		finder:  find.New(cfg.Where()),
		passed:  map[string]bool{},
		buffers: newBuffers(cfg.BatchBytes),
		files:   map[fileID]*file{},
		saved:   map[event.Stream]savedFile{},
		failing: map[string]error{},
	}
}

// Stats returns the source's totals.
func (s *Source) Stats() *Stats { return &s.stats }

// Run follows the files until ctx ends, or with Once until everything was emitted.
// saved are the streams of this input of earlier runs.
func (s *Source) Run(ctx context.Context, saved []event.Saved, emit Emit) error {
	if s.cfg.Reader != nil {
		return s.readPipe(ctx, emit)
	}
	s.restore(saved)
	defer s.closeAll()
	if s.cfg.Once {
		return s.readOnce(ctx, emit)
	}
	return s.follow(ctx, emit)
}

// readOnce reads every file to its end. Those that were closed before, to save
// descriptors, have their turn when the others are finished.
func (s *Source) readOnce(ctx context.Context, emit Emit) error {
	for before := math.MaxInt; ; {
		s.discover()
		s.measure()
		if before == math.MaxInt {
			s.stats.ResumedBytes.Store(s.stats.DoneBytes.Load())
		}
		if err := s.readAll(ctx, emit); err != nil {
			return err
		}
		if err := s.finishAll(ctx, emit); err != nil {
			return err
		}
		left := s.unfinished()
		if left == 0 || left >= before { // or cannot be opened any more
			break
		}
		before = left
	}
	if !s.cfg.Forget {
		return nil
	}
	for _, f := range s.files {
		if f.ending == finished && s.failing[f.path] == nil {
			s.orphan = append(s.orphan, f.stream)
		}
	}
	return s.forgetOrphans(ctx, emit)
}

func (s *Source) unfinished() int {
	n := 0
	for _, f := range s.files {
		if f.ending != finished {
			n++
		}
	}
	return n
}

// follow reads what is new in all files until ctx ends.
func (s *Source) follow(ctx context.Context, emit Emit) error {
	w := newWatcher(s.cfg.Log)
	defer w.close()
	for {
		s.discover()
		if w.follow(s.folders) { // what came before it was watched
			s.discover()
		}
		s.arrival = late
		until := time.Now().Add(s.cfg.ScanInterval)
		for {
			if err := s.readAll(ctx, emit); err != nil {
				return err
			}
			s.cfg.Condition(s.unreadable())
			rescan, err := w.wait(ctx, s.cfg.PollInterval)
			if err != nil {
				return err
			}
			if rescan || time.Now().After(until) {
				break
			}
		}
	}
}

func (s *Source) closeAll() {
	for _, f := range s.files {
		f.close()
	}
}
