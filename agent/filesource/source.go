package filesource

import (
	"context"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/csvrows"
	"github.com/auditship/auditship/agent/filesource/find"
)

// Source follows the files of one input.
type Source struct {
	cfg     Config
	buffers *buffers
	framer  framer
	rows    csvrows.Rows
	stats   Stats

	rowFrame  frame // of rows
	rowWriter csvrows.Writer

	finder *find.Finder
	files  map[fileID]*file
	opened []*file                    // that may hold a descriptor
	unread map[*file]bool             // of them, those with something left in this turn
	saved  map[event.Stream]savedFile // positions that no file has taken over yet, by stream
	orphan []event.Stream             // streams to forget

	arrival arrival           // of what is found now
	folders []string          // in which files may come
	matched map[string]bool   // globs that matched a file once
	failing map[string]error  // the last fault of each path that has one
	waiting map[string]string // why files were not read on in this turn, by path
	debts   debts
	steps   steps
}

// New makes a source. It reads nothing yet.
func New(cfg Config) *Source {
	cfg = cfg.withDefaults()
	s := &Source{
		cfg:     cfg,
		buffers: newBuffers(cfg.BatchBytes),
		files:   map[fileID]*file{},
		unread:  map[*file]bool{},
		saved:   map[event.Stream]savedFile{},
		matched: map[string]bool{},
		failing: map[string]error{},
		waiting: map[string]string{},
		debts:   debts{owe: cfg.Owe, open: map[debt]event.Debt{}},
	}
	where := cfg.Where()
	where.Entering = func(folder string) { s.steps.begin("look into", folder) }
	s.finder = find.New(where)
	return s
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
	overseen, ended := context.WithCancel(ctx)
	var overseer sync.WaitGroup
	overseer.Go(func() { s.oversee(overseen) })
	defer overseer.Wait()
	defer ended()
	if s.cfg.Once {
		return s.readOnce(ctx, emit)
	}
	return s.follow(ctx, emit)
}

// readOnce reads every file to its end.
func (s *Source) readOnce(ctx context.Context, emit Emit) error {
	if err := s.discover(ctx); err != nil {
		return err
	}
	s.measure()
	if err := s.readAll(ctx, emit); err != nil {
		return err
	}
	if err := s.finishAll(ctx, emit); err != nil {
		return err
	}
	s.tell()
	if !s.cfg.Forget {
		return nil
	}
	for _, f := range s.files {
		if f.ending == finished && f.stream != (event.Stream{}) && s.failing[f.path] == nil {
			s.orphan = append(s.orphan, f.stream)
		}
	}
	return s.forgetOrphans(ctx, emit)
}

// follow reads what is new in all files until ctx ends.
func (s *Source) follow(ctx context.Context, emit Emit) error {
	w := newWatcher(s.cfg.Log)
	defer w.close()
	for {
		err := s.discover(ctx)
		if err == nil && w.follow(s.folders) {
			err = s.discover(ctx)
		}
		if err != nil {
			return err
		}
		s.arrival = late
		scanned := time.Now()
		for polled := scanned; ; {
			if err := s.readAll(ctx, emit); err != nil {
				return err
			}
			s.tell()
			s.steps.end()
			rescan, err := w.wait(ctx, s.cfg.PollInterval)
			if err != nil {
				return err
			}
			if rescan || time.Since(scanned) >= s.cfg.ScanInterval {
				break
			}
			if time.Since(polled) >= s.cfg.PollInterval {
				polled = time.Now()
				s.lookAtClosed()
			}
		}
	}
}

func (s *Source) closeAll() {
	for _, f := range s.files {
		f.close()
	}
}
