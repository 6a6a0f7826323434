package filesource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/event"
)

// Config says what to follow. Input, Paths and Key are needed; the zero value of
// everything else has the default that is named.
type Config struct {
	Input   string   // the input's id: the first part of its streams' names
	Gateway string   // part of every _id
	Paths   []string // globs, ** for any number of folders
	Exclude []string // globs, matched against the whole path
	// Key keys the hashes in positions and faults.
	Key []byte
	// Resumed says that an earlier run used this state: what is on disk at the
	// start may have been sent already.
	Resumed bool
	// Once reads everything to its end and returns.
	Once bool
	// Forget is for Once: positions serve only to go on after an interruption,
	// and are forgotten when everything was read.
	Forget bool
	// Reader is read instead of Paths, once; it has no positions. Run returns
	// its error. Run waits for its Read even after its context ended.
	Reader io.Reader

	MaxRecord     int64         // bytes; 8 MiB
	BatchBytes    int           // bytes read at once; 512 KiB
	PollInterval  time.Duration // looks at open files without notification; 1 s
	ScanInterval  time.Duration // looks for new files without notification; 10 s
	CloseInactive time.Duration // lets go of a removed file that grows no more; 5 min
	MaxOpen       int           // files held open; 512
	// Condition is told which files cannot be read, and "" when all can. It is
	// called again and again with the same reason.
	Condition func(reason string)
	Log       zerolog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxRecord, 8<<20)
	setDefault(&c.BatchBytes, 512<<10)
	setDefault(&c.PollInterval, time.Second)
	setDefault(&c.ScanInterval, 10*time.Second)
	setDefault(&c.CloseInactive, 5*time.Minute)
	setDefault(&c.MaxOpen, 512)
	if c.Condition == nil {
		c.Condition = func(string) {}
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Emit takes a batch; it blocks while the pipeline is full.
type Emit = func(context.Context, event.Batch) error

// Stats are running totals, safe to read at any time.
type Stats struct {
	Files        atomic.Int64 // followed now
	BehindBytes  atomic.Int64 // on disk and not emitted yet, when last looked
	DoneBytes    atomic.Int64 // on disk and read, when last looked
	SizeBytes    atomic.Int64 // on disk, when last looked; 0 for Config.Reader
	ResumedBytes atomic.Int64 // with Once: of DoneBytes, those of an earlier run
	Truncations  atomic.Int64
	PossiblyLost atomic.Int64 // bytes that were on disk and unread when a file was truncated
	Errors       atomic.Int64 // files that could not be read, once for each fault
}

// Source follows the files of one input.
type Source struct {
	cfg     Config
	buffers *buffers
	framer  framer
	rows    rows
	stats   Stats

	rowWriter rowWriter

	files  map[fileID]*file
	opened []*file              // that may hold a descriptor
	saved  map[string]savedFile // positions that no file has taken over yet, by stream
	orphan []string             // streams to forget

	looked  bool             // at all files, once
	failing map[string]error // the last fault of each path that has one
}

type savedFile struct {
	event.Saved
	position
}

// New makes a source. It reads nothing yet.
func New(cfg Config) *Source {
	cfg = cfg.withDefaults()
	return &Source{
		cfg:     cfg,
		buffers: newBuffers(cfg.BatchBytes),
		files:   map[fileID]*file{},
		saved:   map[string]savedFile{},
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
		if f.finished && s.failing[f.path] == nil {
			s.orphan = append(s.orphan, f.stream)
		}
	}
	return s.forgetOrphans(ctx, emit)
}

func (s *Source) unfinished() int {
	n := 0
	for _, f := range s.files {
		if !f.finished {
			n++
		}
	}
	return n
}

// follow reads what is new in all files until ctx ends.
func (s *Source) follow(ctx context.Context, emit Emit) error {
	w := newWatcher(s.cfg.Paths, s.cfg.Log)
	defer w.close()
	for {
		s.discover()
		s.looked = true
		w.follow(s.cfg.Paths)
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

// restore sorts the saved positions; those that cannot be understood are forgotten.
func (s *Source) restore(saved []event.Saved) {
	for _, e := range saved {
		if p, ok := parsePosition(e.Position); ok {
			s.saved[e.Stream] = savedFile{e, p}
		} else {
			s.orphan = append(s.orphan, e.Stream)
		}
	}
}

func (s *Source) closeAll() {
	for _, f := range s.files {
		f.close()
	}
}

// discover brings the set of files up to date with what the globs match.
func (s *Source) discover() {
	found := map[fileID]bool{}
	paths := s.matches()
	s.forgive(paths)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // gone again, or not ours to read
		}
		id, _ := identify(info)
		found[id] = true
		if f := s.files[id]; f != nil && (f.finished || f.f != nil || f.size == info.Size() && f.modified.Equal(info.ModTime())) {
			f.path = path
			continue
		}
		s.pathFault(path, s.open(path))
	}
	for id, f := range s.files {
		f.gone = !found[id]
	}
	s.stats.Files.Store(int64(len(s.files)))
}

// matches lists the paths of the globs without those that are excluded, sorted.
func (s *Source) matches() []string {
	seen := map[string]bool{}
	for _, glob := range s.cfg.Paths {
		paths, err := doublestar.FilepathGlob(glob, doublestar.WithFilesOnly())
		s.pathFault(glob, err)
		for _, p := range paths {
			if !s.excluded(p) {
				seen[p] = true
			}
		}
	}
	paths := make([]string, 0, len(seen))
	for p := range seen {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths
}

func (s *Source) excluded(path string) bool {
	for _, glob := range s.cfg.Exclude {
		if ok, _ := doublestar.PathMatch(glob, path); ok { // checked by the configuration
			return true
		}
	}
	return false
}

// open starts to follow the file at path, where its saved position says.
func (s *Source) open(path string) error {
	fd, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := fd.Stat()
	if err != nil {
		return errors.Join(err, fd.Close())
	}
	id, _ := identify(info)
	f := &file{path: path, id: id, f: fd, size: info.Size(), grew: time.Now(), existed: info.Size(), late: s.looked, found: time.Now()}
	old := s.files[id]
	if old != nil { // closed to save descriptors
		s.keep(old)
	}
	if err := s.attach(f); err != nil {
		f.close()
		return err
	}
	if old != nil && f.stream != old.stream { // the inode is another file's now
		delete(s.saved, old.stream)
		s.orphan = append(s.orphan, old.stream)
	}
	s.files[id] = f
	s.limitOpen(f)
	return nil
}

// keep saves the place of a file that is not held open, as a saved position would.
func (s *Source) keep(f *file) {
	if data, err := f.position(s.cfg.Key); err == nil {
		if p, ok := parsePosition(data); ok {
			s.saved[f.stream] = savedFile{event.Saved{Stream: f.stream, Position: data}, p}
		}
	}
}

// attach gives f the saved position that fits it, or a new stream. A position fits
// by inode or by path, and only if the content agrees.
func (s *Source) attach(f *file) error {
	for _, stream := range s.candidates(f) {
		saved := s.saved[stream]
		ok, err := f.resume(s.cfg.Key, saved.Saved, saved.position)
		if err != nil {
			return err
		}
		if ok {
			delete(s.saved, stream)
			s.cfg.Log.Info().Str("path", f.path).Int64("offset", saved.Offset).Msg("file resumed")
			return nil
		}
	}
	f.stream = newStream(s.cfg.Input)
	s.cfg.Log.Info().Str("path", f.path).Int64("size", f.size).Msg("file found")
	return nil
}

// candidates lists the saved streams that may be f's, the likeliest first.
func (s *Source) candidates(f *file) []string {
	var same, byPath []string
	for stream, saved := range s.saved {
		switch {
		case saved.fileID == f.id:
			same = append(same, stream)
		case saved.Path == f.path:
			byPath = append(byPath, stream)
		}
	}
	sort.Strings(same)
	sort.Strings(byPath)
	return append(same, byPath...)
}

// limitOpen closes the file that grew least recently when too many are open, newest
// among them.
func (s *Source) limitOpen(newest *file) {
	s.opened = slices.DeleteFunc(append(s.opened, newest), func(f *file) bool { return f.f == nil })
	if len(s.opened) <= s.cfg.MaxOpen {
		return
	}
	var oldest *file
	for _, f := range s.opened {
		if f != newest && f.skip == nil && (oldest == nil || f.grew.Before(oldest.grew)) {
			oldest = f
		}
	}
	if oldest != nil {
		oldest.close()
	}
}

// maxUnpacking bounds the compressed files that are read at the same time: each
// takes most of a megabyte.
const maxUnpacking = 8

// readAll reads what is new in every file, a batch of each in turn, until nothing
// is left.
func (s *Source) readAll(ctx context.Context, emit Emit) error {
	if err := s.forgetOrphans(ctx, emit); err != nil {
		return err
	}
	pending := s.sorted()
	for len(pending) > 0 {
		var next []*file
		unpacking := 0
		for _, f := range pending {
			if unpacking >= maxUnpacking && f.zip == nil && f.packed() {
				next = append(next, f) // when others are done
				continue
			}
			more, err := s.visit(ctx, f, emit)
			if err != nil {
				return err
			}
			if more {
				next = append(next, f)
			}
			if more && f.zip != nil {
				unpacking++
			}
		}
		s.measure()
		pending = next
	}
	return s.letGo(ctx, emit)
}

// sorted lists the open files by path, so that older rotations come in a stable
// order.
func (s *Source) sorted() []*file {
	files := make([]*file, 0, len(s.files))
	for _, f := range s.files {
		if f.f != nil {
			files = append(files, f)
		}
	}
	sort.Slice(files, func(i, j int) bool { return files[i].path < files[j].path })
	return files
}

// visit reads one batch of f. Faults of the file are logged; only what emit returns
// is an error.
func (s *Source) visit(ctx context.Context, f *file, emit Emit) (more bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	news, err := f.look(time.Now())
	if err != nil {
		s.fault(f.path, err)
		return false, nil
	}
	if !news {
		return false, nil
	}
	if f.changed() {
		if err := s.truncated(ctx, f, emit); err != nil {
			return false, err
		}
	}
	return s.readOrLog(ctx, f, false, emit)
}

// readOrLog is readSome, but for faults of the file, which are logged.
func (s *Source) readOrLog(ctx context.Context, f *file, final bool, emit Emit) (more bool, err error) {
	var emitErr error
	more, err = s.readSome(ctx, f, final, func(ctx context.Context, b event.Batch) error {
		emitErr = emit(ctx, b)
		return emitErr
	})
	switch {
	case emitErr != nil:
		return false, emitErr
	case err != nil:
		s.fault(f.path, err)
		return false, nil
	}
	delete(s.failing, f.path)
	return more, nil
}

// truncated starts a file over that is no longer what was read.
func (s *Source) truncated(ctx context.Context, f *file, emit Emit) error {
	s.stats.Truncations.Add(1)
	lost := f.unread()
	s.stats.PossiblyLost.Add(lost)
	s.cfg.Log.Warn().Str("path", f.path).Int64("possibly_lost_bytes", lost).Msg("file truncated; reading it from its start")
	old := f.stream
	f.restart(newStream(s.cfg.Input))
	return emit(ctx, event.Batch{Input: s.cfg.Input, Stream: old, Forget: true})
}

// measure updates how far behind the reading is.
func (s *Source) measure() {
	var behind, done, size int64
	for _, f := range s.files {
		if !f.compressed() {
			behind += max(0, f.size-f.offset)
		}
		done += f.consumed()
		size += f.size
	}
	s.stats.BehindBytes.Store(behind)
	s.stats.DoneBytes.Store(done)
	s.stats.SizeBytes.Store(size)
}

// letGo finishes files that no path leads to any more once they stopped growing.
func (s *Source) letGo(ctx context.Context, emit Emit) error {
	for id, f := range s.files {
		if !f.over(s.cfg.CloseInactive) {
			continue
		}
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		delete(s.files, id)
		if err := emit(ctx, event.Batch{Input: s.cfg.Input, Stream: f.stream, Forget: true}); err != nil {
			return err
		}
	}
	return nil
}

// finish emits what is left of a file that will not grow any more, closing it.
func (s *Source) finish(ctx context.Context, f *file, emit Emit) error {
	defer f.close()
	for f.f != nil {
		more, err := s.readOrLog(ctx, f, true, emit)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return nil
}

func (s *Source) finishAll(ctx context.Context, emit Emit) error {
	for _, f := range s.sorted() {
		if err := s.finish(ctx, f, emit); err != nil {
			return err
		}
		f.finished = true
		s.measure()
	}
	return nil
}

// savedFor is how long the position of a file that is not there is kept: long
// enough for a file system that was not mounted at the start.
const savedFor = 24 * time.Hour

// maxAbsent bounds the positions of files that are not there.
const maxAbsent = 4096

// forgetOrphans removes positions that no file will take over.
func (s *Source) forgetOrphans(ctx context.Context, emit Emit) error {
	excess := len(s.saved) - maxAbsent
	for stream, saved := range s.saved {
		if saved.Age > savedFor.Seconds() || excess > 0 {
			excess--
			delete(s.saved, stream)
			s.orphan = append(s.orphan, stream)
		}
	}
	for _, stream := range s.orphan {
		if err := emit(ctx, event.Batch{Input: s.cfg.Input, Stream: stream, Forget: true}); err != nil {
			return err
		}
	}
	s.orphan = nil
	return nil
}

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

// forgive forgets the faults of paths that are not there any more.
func (s *Source) forgive(paths []string) {
	for path := range s.failing {
		if _, there := slices.BinarySearch(paths, path); !there && !slices.Contains(s.cfg.Paths, path) {
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
	reason := fmt.Sprintf("cannot read %s: %v", first, err)
	if more := len(s.failing) - 1; more > 0 {
		reason += fmt.Sprintf(" (and %d more)", more)
	}
	return reason
}

// Describe renders a saved position for a person: the path, the offset, and
// whether the file is compressed.
func Describe(data []byte) (string, error) {
	var p position
	if err := json.Unmarshal(data, &p); err != nil {
		return "", fmt.Errorf("read the position: %w", err)
	}
	return fmt.Sprintf("%s at byte %d", p.Path, p.Offset), nil
}

// Readable reports why the files that paths match now cannot be read, for a check
// before the start. No match is not an error.
func Readable(paths []string) error {
	var errs []error
	for _, glob := range paths {
		found, err := doublestar.FilepathGlob(glob, doublestar.WithFilesOnly())
		errs = append(errs, err)
		for _, p := range found {
			f, err := os.Open(filepath.Clean(p))
			if err == nil {
				err = f.Close()
			}
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
