package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sort"
	"sync"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/durable"
)

const (
	logName = "positions.log"
	// The log is compacted when it is larger than this and than four times
	// what is live in it.
	compactBytes = 256 << 10
)

// Entry is the saved position of one stream.
type Entry struct {
	Stream event.Stream `json:"stream"`
	// Position is the source's own encoding, a JSON value.
	Position json.RawMessage `json:"position,omitempty"`
	// Recount says that the stream holds records without an id, so that the
	// ones before the position must be counted again to tell equal ones apart.
	Recount bool `json:"recount,omitempty"`
	// Saved is when the position was saved.
	Saved time.Time `json:"saved"`
	// Forget removes the stream.
	Forget bool `json:"forget,omitempty"`
}

// Store is an open state directory. Only one process can hold it.
type Store struct {
	dir       string
	folder    *durable.Folder
	lock      *os.File
	fresh     bool
	unsettled bool

	mu      sync.Mutex
	log     *os.File
	size    int64 // of the log, up to the last good line
	live    map[event.Stream]Entry
	damaged int
}

// ErrLocked says that another process holds the state directory.
var ErrLocked = errors.New("another auditship uses this state directory")

// Open opens the state directory, making it if it is missing. Damaged lines of
// the log are counted by Recovered and otherwise ignored.
func Open(dir string) (*Store, error) {
	folder, err := durable.OpenPrivate(dir)
	if err != nil {
		return nil, fmt.Errorf("open the state directory: %w", err)
	}
	s := &Store{dir: dir, folder: folder, live: map[event.Stream]Entry{}}
	s.lock, err = lockFolder(folder)
	if err == nil {
		err = s.begin()
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func lockFolder(d *durable.Folder) (*os.File, error) {
	f, err := d.OpenFile("lock", os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the state directory %s: %w", d.Path(), err)
	}
	if err := flock(f); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s: %w", d.Path(), err)
	}
	return f, nil
}

// What the lock says. They are equally long, so that to change one into the other
// takes no room on a disk.
const (
	busy = "busy\n"
	idle = "idle\n"
)

// begin notes that requests may be under way from now on.
func (s *Store) begin() error {
	was := make([]byte, len(busy))
	n, err := s.lock.ReadAt(was, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the state directory's lock: %w", err)
	}
	s.fresh, s.unsettled = n == 0, string(was[:n]) == busy
	if _, err := s.lock.WriteAt([]byte(busy), 0); err != nil {
		return fmt.Errorf("write the state directory's lock: %w", err)
	}
	return nil
}

// Unsettled reports whether the process that had this directory before ended without
// a call of Settled: Elasticsearch may still be at work on what it sent.
func (s *Store) Unsettled() bool { return s.unsettled }

// Settled notes that nothing is under way any more.
func (s *Store) Settled() error {
	if _, err := s.lock.WriteAt([]byte(idle), 0); err != nil {
		return fmt.Errorf("write the state directory's lock: %w", err)
	}
	return nil
}

func (s *Store) open() error {
	if err := errors.Join(s.folder.Sweep(logName), s.folder.Sweep(keyName)); err != nil {
		return err
	}
	data, err := readFile(s.folder, logName)
	if err == nil {
		s.fresh = false
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the positions: %w", err)
	}
	live, damaged := parse(bytes.NewReader(data))
	for _, e := range live {
		s.live[e.Stream] = e
	}
	s.damaged = damaged
	return s.rewrite()
}

// Read lists the saved positions of a state directory without locking it, for
// looking only.
func Read(dir string) ([]Entry, error) {
	data, err := readIn(dir, logName)
	if err != nil {
		return nil, fmt.Errorf("read the positions: %w", err)
	}
	entries, _ := parse(bytes.NewReader(data))
	return entries, nil
}

// readIn reads a file of a state directory that somebody else may hold.
func readIn(dir, name string) ([]byte, error) {
	d, err := durable.Open(dir)
	if err != nil {
		return nil, err
	}
	data, err := readFile(d, name)
	return data, errors.Join(err, d.Close())
}

func readFile(d *durable.Folder, name string) ([]byte, error) {
	f, err := d.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// parse reads a log and returns what is live at its end, sorted by stream, and
// how many lines were damaged. It never fails.
func parse(r io.Reader) (entries []Entry, damaged int) {
	live := map[event.Stream]Entry{}
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			e, ok := decodeLine(line)
			switch {
			case !ok:
				damaged++
			case e.Forget:
				delete(live, e.Stream)
			default:
				live[e.Stream] = e
			}
		}
		if err != nil {
			break
		}
	}
	for _, e := range live {
		entries = append(entries, e)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Stream.String() < entries[j].Stream.String() })
	return entries, damaged
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendLine appends an entry's line: eight hex digits of CRC-32C over the JSON
// text, a space, the JSON text.
func appendLine(dst []byte, e Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return dst, fmt.Errorf("encode a position: %w", err)
	}
	return fmt.Appendf(dst, "%08x %s\n", crc32.Checksum(text, castagnoli), text), nil
}

func decodeLine(line []byte) (Entry, bool) {
	var e Entry
	if len(line) < 10 || line[8] != ' ' {
		return e, false
	}
	if fmt.Sprintf("%08x", crc32.Checksum(line[9:], castagnoli)) != string(line[:8]) {
		return e, false
	}
	return e, json.Unmarshal(line[9:], &e) == nil && e.Stream != event.Stream{}
}

// Fresh reports whether nobody used this directory before: nothing was ever sent
// from it, even if its positions are gone.
func (s *Store) Fresh() bool { return s.fresh }

// Recovered is the number of damaged lines that Open skipped.
func (s *Store) Recovered() int { return s.damaged }

// Dir is the state directory.
func (s *Store) Dir() string { return s.dir }

// Entries lists the saved positions by stream.
func (s *Store) Entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]Entry, 0, len(s.live))
	for _, e := range s.live {
		entries = append(entries, e)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Stream.String() < entries[j].Stream.String() })
	return entries
}

// Save writes the entries and returns once they are durable. After an error
// nothing of them counts, and Save may be called again with them.
func (s *Store) Save(entries ...Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var buf []byte
	var err error
	for _, e := range entries {
		if buf, err = appendLine(buf, e); err != nil {
			return err
		}
	}
	if err := s.append(buf); err != nil {
		return fmt.Errorf("save positions in %s: %w", s.dir, err)
	}
	for _, e := range entries {
		if e.Forget {
			delete(s.live, e.Stream)
		} else {
			s.live[e.Stream] = e
		}
	}
	if s.size > compactBytes && s.size > 4*s.liveBytes() {
		return s.rewrite()
	}
	return nil
}

func (s *Store) append(buf []byte) error {
	if s.log == nil {
		return fs.ErrClosed
	}
	_, err := s.log.WriteAt(buf, s.size)
	if err == nil {
		err = s.log.Sync()
	}
	if err != nil {
		// What was written of it must not be found by the next start.
		return errors.Join(err, s.log.Truncate(s.size))
	}
	s.size += int64(len(buf))
	return nil
}

// liveBytes estimates the size of the log if it were written anew.
func (s *Store) liveBytes() int64 {
	var n int64
	for stream, e := range s.live {
		n += int64(len(stream.String()) + len(e.Position) + 80)
	}
	return n
}

// rewrite writes what is live to a new log and puts it in the old one's place.
func (s *Store) rewrite() error {
	var buf []byte
	var err error
	for _, e := range s.live {
		if buf, err = appendLine(buf, e); err != nil {
			return err
		}
	}
	f, err := s.folder.Create(logName)
	if err != nil {
		return fmt.Errorf("write the positions: %w", err)
	}
	if _, err = f.Write(buf); err == nil {
		err = f.Commit()
	}
	if err != nil {
		return fmt.Errorf("write the positions: %w", errors.Join(err, f.Abort()))
	}
	if s.log != nil {
		_ = s.log.Close() // unlinked by now
	}
	s.log, s.size = f.File, int64(len(buf))
	return nil
}

// Close gives the directory back.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return nil
	}
	err := errors.Join(s.log.Close(), s.release())
	s.log = nil
	return err
}

func (s *Store) release() error {
	var err error
	if s.lock != nil {
		err = s.lock.Close()
	}
	return errors.Join(err, s.folder.Close())
}
