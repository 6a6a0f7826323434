package filesource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/unpack"
)

// file is one file that is followed, or a pipe that is read.
type file struct {
	path   string
	id     fileID
	stream event.Stream
	f      *os.File  // nil while it is closed, and for a pipe
	unpack *unpacker // of a compressed file or a pipe

	presence presence
	hold     hold
	place    position // while it is parked
	arrival  arrival
	ending   ending
	skip     *skip      // over a record that is too large
	run      *event.Raw // faults that were read and not emitted yet
	largest  int64      // size of a record so far
	format

	offset int64 // of the first byte that was not emitted, after decompression
	// passed is how many bytes of the text behind the offset were emitted all the
	// same: a wrapped line holds several records, or waits for its rest.
	passed int
	// existed is how far the file reached when it was found: what lies before
	// may have been sent by an earlier run. A compressed file existed whole.
	existed int64
	found   time.Time
	recount int64  // up to here records are only counted
	head    []byte // the first bytes on disk, at most window
	tail    []byte // the bytes before offset, at most window

	size    int64     // when last looked at
	seen    int64     // the largest size of this generation
	grew    time.Time // when size last changed
	settled int64     // the size at which ending was found

	modified time.Time
}

// close gives the descriptor back. The file can be opened again.
func (f *file) close() {
	if f.f != nil {
		_ = f.f.Close() // read only
		f.f = nil
		f.dropUnpacker()
	}
}

// look updates the size and reports whether there may be something to read.
func (f *file) look(now time.Time) (bool, error) {
	info, err := f.f.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() != f.size {
		f.size, f.grew = info.Size(), now
	}
	written := !f.modified.Equal(info.ModTime())
	f.modified = info.ModTime()
	if _, links := identify(info); links == 0 {
		f.presence = unlinked
	}
	if f.arrival == late && now.Sub(f.found) < copyTime {
		f.existed = max(f.existed, f.size)
	}
	if f.compressed() {
		return f.size != f.settled, nil
	}
	return f.size != f.offset || written, nil // written anew, it may have the same size
}

// copyTime is how long a file that came late may be a copy that still grows.
const copyTime = 10 * time.Second

func (f *file) compressed() bool { return unpack.Detect(f.head) != unpack.None }

// piped reports whether it is a pipe: there is no file.
func (f *file) piped() bool { return f.unpack != nil && f.unpack.pipe != nil }

// isCompressed reports whether the file is known to be compressed, or found to be now.
func (f *file) isCompressed() bool {
	return f.readHead() == nil && f.compressed() // an error is found again by who reads
}

// weight is that of decompressing the file.
func (f *file) weight() int { return unpack.Detect(f.head).Weight() }

// readHead reads the first bytes, as far as they are not known yet.
func (f *file) readHead() error {
	if len(f.head) == window || f.piped() {
		return nil
	}
	buf := make([]byte, window)
	n, err := f.f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the start of %s: %w", f.path, err)
	}
	f.head = buf[:n:n]
	return nil
}

// consumed is how many bytes on disk were read.
func (f *file) consumed() int64 {
	switch {
	case f.layout == noText:
		return f.size
	case f.unpack != nil && f.unpack.file != nil:
		n, _ := f.unpack.file.Seek(0, io.SeekCurrent) // of a place in memory: never fails
		return n
	case f.compressed():
		return f.settled
	}
	return f.offset
}

// changed reports whether the bytes before the offset are no longer those that
// were read: the file was truncated, or written anew.
func (f *file) changed() bool {
	if f.compressed() || f.offset == 0 {
		return false
	}
	if f.size < f.offset {
		return true
	}
	tail := f.tail[max(0, len(f.tail)-256):]
	buf := make([]byte, len(tail))
	_, err := f.f.ReadAt(buf, f.offset-int64(len(tail)))
	return err == nil && !bytes.Equal(buf, tail)
}

// unread is how many bytes were known to be there and not read.
func (f *file) unread() int64 {
	return max(0, f.seen-f.offset)
}

// over reports whether a file that no path leads to has stopped growing: at once if
// it is not held open, after the time that a writer may take to move on otherwise.
func (f *file) over(inactive time.Duration) bool {
	if f.presence == unlinked {
		inactive = min(inactive, 10*time.Second)
	}
	return f.presence != named && (f.f == nil || time.Since(f.grew) >= inactive)
}

// restart follows the same file from its start, as a new stream.
func (f *file) restart(stream event.Stream) {
	f.stream, f.offset, f.recount, f.settled, f.seen = stream, 0, 0, 0, 0
	f.arrival, f.found, f.existed = late, time.Now(), f.size
	f.head, f.tail, f.skip, f.run = nil, nil, nil, nil
	f.dropUnpacker()
	f.ending, f.format, f.passed = open, format{}, 0
}

// fill reads up to len(buf) bytes from the offset on. more says that it could have
// read more.
func (f *file) fill(buf []byte) (data []byte, more bool, err error) {
	if f.compressed() || f.piped() {
		return f.fillUnpacked(buf)
	}
	n, err := f.f.ReadAt(buf, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("read %s at %d: %w", f.path, f.offset, err)
	}
	return buf[:n], n == len(buf), nil
}

func (f *file) fillUnpacked(buf []byte) ([]byte, bool, error) {
	if !f.piped() && (f.unpack == nil || f.unpack.size != f.size) {
		f.dropUnpacker()
		f.unpack = newUnpacker(f.f, f.head, f.size)
		if _, ok := f.unpack.skip(f.offset); !ok {
			return nil, false, nil // shorter than before; look again when it grows
		}
	}
	n := copy(buf, f.unpack.fill(len(buf)))
	if err := f.unpack.pipe.failed(); err != nil {
		return nil, false, fmt.Errorf("read the input: %w", err)
	}
	return buf[:n], f.unpack.ended == nil, nil
}

// stopUnpacking gives the memory for decompressing back once a file was read to its
// end.
func (f *file) stopUnpacking() {
	if f.unpack.ended == nil || f.piped() {
		return
	}
	f.ending = open
	if f.unpack.nothingLeft() {
		f.ending, f.settled = packed, f.size
	}
	f.dropUnpacker()
}

func (f *file) dropUnpacker() {
	f.unpack.close()
	f.unpack = nil
}

// take moves the offset over the first n bytes of data, which was read at the
// offset.
func (f *file) take(data []byte, n int) {
	f.offset += int64(n)
	if n >= window {
		f.tail = append(f.tail[:0], data[n-window:n]...)
	} else {
		keep := f.tail[max(0, len(f.tail)+n-window):]
		f.tail = append(f.tail[:copy(f.tail, keep)], data[:n]...)
	}
	if f.unpack != nil {
		f.unpack.take(n)
	}
}

// takeText moves the offset over the first n bytes of the text of st, which was read
// from data. It returns how many bytes of the file these are.
func (f *file) takeText(data []byte, st stretch, n int) int {
	done, passed := st.taken(n)
	f.take(data, done)
	f.passed = passed
	return done
}

// position encodes where the file stands.
func (f *file) position(key []byte) ([]byte, error) {
	head := f.head
	if !f.compressed() {
		head = head[:min(int64(len(head)), f.offset)]
	}
	data, err := json.Marshal(position{
		Path: f.path, fileID: f.id, Offset: f.offset, Passed: f.passed, Gzip: f.compressed(),
		Encoding: f.encodingName(), Unwrap: f.wrap,
		Head: digest(key, head), HeadLength: len(head),
		Tail: digest(key, f.tail), TailLength: len(f.tail),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the position in %s: %w", f.path, err)
	}
	return data, nil
}

// openingSize is how much of a file is read again to know how it is written.
const openingSize = 64 << 10

// agree compares the file with a position. It returns the file's first bytes,
// decompressed, and those before the position, which are nil where it is another
// file.
func (f *file) agree(key []byte, p position) (opening, tail []byte, err error) {
	if !p.Gzip {
		if !p.matches(key, f.f, f.size) {
			return nil, nil, nil
		}
		tail = make([]byte, p.TailLength)
		if _, err := f.f.ReadAt(tail, p.Offset-int64(p.TailLength)); err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("read %s: %w", f.path, err)
		}
		opening = make([]byte, openingSize)
		n, err := f.f.ReadAt(opening, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, fmt.Errorf("read the start of %s: %w", f.path, err)
		}
		return opening[:n], tail, nil
	}
	if !p.matchesHead(key, f.f) {
		return nil, nil, nil
	}
	u := newUnpacker(f.f, f.head, f.size)
	opening = bytes.Clone(u.fill(openingSize))
	opening = opening[:min(len(opening), openingSize)]
	all, ok := u.skip(p.Offset)
	if !ok || len(all) < p.TailLength || digest(key, all[len(all)-p.TailLength:]) != p.Tail {
		u.close()
		return nil, nil, nil
	}
	f.unpack = u
	return opening, append([]byte{}, all[len(all)-p.TailLength:]...), nil
}
