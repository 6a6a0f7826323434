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
)

// file is one file that is followed.
type file struct {
	path   string
	id     fileID
	stream string
	f      *os.File
	zip    *gunzip // of a compressed file or a pipe
	piped  bool    // a pipe: there is no file

	offset int64 // of the first byte that was not emitted, after decompression
	// existed is how far the file reached when it was found: what lies before
	// may have been sent by an earlier run. A compressed file existed whole.
	existed int64
	// late says that the file came, or was written anew, after the first look at
	// all files: what existed of it may be a copy of what this run has sent.
	late    bool
	found   time.Time
	recount int64  // up to here records are only counted
	head    []byte // the first bytes on disk, at most window
	tail    []byte // the bytes before offset, at most window
	array   bool   // begins as a JSON array
	told    bool   // whether it is a CSV file is known
	table   *table // of a CSV file
	skip    *skipper
	from    int64 // where the record that skip passes over starts

	size    int64     // when last looked at
	seen    int64     // the largest size of this generation
	grew    time.Time // when size last changed
	settled int64     // the size of a compressed file that was read to its end
	cut     bool      // where it ended too early, and may still grow
	whole   bool      // nothing was left there

	modified time.Time
	gone     bool // no glob matches it any more
	unlinked bool // it has no name any more
	finished bool // it was read to its end, and is not looked at again
}

// close gives the descriptor back. The file can be opened again.
func (f *file) close() {
	if f.f != nil {
		_ = f.f.Close() // read only
		f.f, f.zip = nil, nil
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
		f.gone, f.unlinked = true, true
	}
	f.seen = max(f.seen, f.size)
	if f.late && now.Sub(f.found) < copyTime {
		f.existed = max(f.existed, f.size)
	}
	if f.compressed() {
		return f.size != f.settled, nil
	}
	return f.size != f.offset || written, nil // written anew, it may have the same size
}

// copyTime is how long a file that came late may be a copy that still grows.
const copyTime = 10 * time.Second

func (f *file) compressed() bool { return bytes.HasPrefix(f.head, gzipMagic) }

// packed reports whether the file is known to be compressed, or found to be now.
func (f *file) packed() bool {
	return f.readHead() == nil && f.compressed() // an error is found again by who reads
}

// readHead reads the first bytes, as far as they are not known yet.
func (f *file) readHead() error {
	if len(f.head) == window || f.piped {
		return nil
	}
	buf := make([]byte, window)
	n, err := f.f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the start of %s: %w", f.path, err)
	}
	f.head = buf[:n:n]
	f.array = isArray(f.head)
	return nil
}

// isArray reports whether a file that begins with head begins as an array.
func isArray(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"), []byte("["))
}

// consumed is how many bytes on disk were read.
func (f *file) consumed() int64 {
	switch {
	case f.zip != nil && f.zip.file != nil:
		n, _ := f.zip.file.Seek(0, io.SeekCurrent) // of a place in memory: never fails
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
	if f.unlinked {
		inactive = min(inactive, 10*time.Second)
	}
	return f.gone && (f.f == nil || time.Since(f.grew) >= inactive)
}

// restart follows the same file from its start, as a new stream.
func (f *file) restart(stream string) {
	f.stream, f.offset, f.recount, f.settled, f.seen = stream, 0, 0, 0, 0
	f.late, f.found, f.existed = true, time.Now(), f.size
	f.head, f.tail, f.skip, f.zip, f.whole = nil, nil, nil, nil, false
	f.told, f.table = false, nil
}

// fill reads up to len(buf) bytes from the offset on. more says that it could have
// read more.
func (f *file) fill(buf []byte) (data []byte, more bool, err error) {
	if f.compressed() || f.piped {
		return f.fillCompressed(buf)
	}
	n, err := f.f.ReadAt(buf, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, fmt.Errorf("read %s at %d: %w", f.path, f.offset, err)
	}
	return buf[:n], n == len(buf), nil
}

func (f *file) fillCompressed(buf []byte) ([]byte, bool, error) {
	if f.zip == nil || f.zip.size != f.size {
		f.zip = openGunzip(f.f, f.size)
		if _, ok := f.zip.skip(f.offset); !ok {
			return nil, false, nil // shorter than before; look again when it grows
		}
	}
	n := copy(buf, f.zip.fill(len(buf)))
	if err := f.zip.pipe.failed(); err != nil {
		return nil, false, fmt.Errorf("read the input: %w", err)
	}
	return buf[:n], f.zip.ended == nil, nil
}

// letGoOfZip gives the memory for decompressing back once a file was read to its end.
func (f *file) letGoOfZip() {
	if f.zip.ended != nil && !f.piped {
		f.whole = errors.Is(f.zip.ended, io.EOF) && len(bytes.TrimSpace(f.zip.window)) == 0
		if f.whole {
			f.settled = f.size
		}
		f.zip = nil
	}
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
	if f.zip != nil {
		f.zip.take(n)
	}
}

// position encodes where the file stands.
func (f *file) position(key []byte) ([]byte, error) {
	head := f.head
	if !f.compressed() {
		head = head[:min(int64(len(head)), f.offset)]
	}
	data, err := json.Marshal(position{
		Path: f.path, fileID: f.id, Offset: f.offset, Gzip: f.compressed(),
		Head: digest(key, head), HeadLength: len(head),
		Tail: digest(key, f.tail), TailLength: len(f.tail),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the position in %s: %w", f.path, err)
	}
	return data, nil
}

// resume takes over a saved position if the file still is what it was, and reports
// whether it did.
func (f *file) resume(key []byte, s event.Saved, p position) (bool, error) {
	if err := f.readHead(); err != nil {
		return false, err
	}
	if f.compressed() != p.Gzip {
		return false, nil
	}
	tail, head := make([]byte, p.TailLength), f.head
	if p.Gzip {
		if !p.matchesHead(key, f.f) {
			return false, nil
		}
		zip := openGunzip(f.f, f.size)
		head = bytes.Clone(zip.fill(window))
		all, ok := zip.skip(p.Offset)
		if !ok || len(all) < p.TailLength || digest(key, all[len(all)-p.TailLength:]) != p.Tail {
			return false, nil
		}
		copy(tail, all[len(all)-p.TailLength:])
		f.zip = zip
	} else {
		if !p.matches(key, f.f, f.size) {
			return false, nil
		}
		if _, err := f.f.ReadAt(tail, p.Offset-int64(p.TailLength)); err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read %s: %w", f.path, err)
		}
	}
	f.stream = s.Stream
	if s.Recount {
		f.recount, f.zip = p.Offset, nil
		return true, nil
	}
	f.offset, f.tail = p.Offset, tail
	if p.Gzip {
		f.zip.fill(64) // what may follow the last record of a file that is complete
		f.letGoOfZip()
	}
	f.table, _, f.told = readHeader(head[:min(int64(len(head)), p.Offset)], false)
	return true, nil
}
