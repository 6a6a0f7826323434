package filesource

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/auditship/auditship/agent/event"
)

// buffers are given to the pipeline with a batch and come back by its Release.
type buffers struct{ pool sync.Pool }

type buffer struct {
	bytes   []byte
	records []event.Raw
	texts   []byte // of records that were rows
	run     int    // where in the text the last fault begins
}

func newBuffers(size int) *buffers {
	return &buffers{sync.Pool{New: func() any { return &buffer{bytes: make([]byte, size)} }}}
}

func (b *buffers) get() *buffer {
	buf := b.pool.Get().(*buffer)
	buf.records, buf.texts = buf.records[:0], buf.texts[:0]
	return buf
}

// put keeps ordinary buffers only: one that grew for a large record is garbage.
func (b *buffers) put(buf *buffer, size int) {
	clear(buf.records)
	if len(buf.bytes) == size {
		b.pool.Put(buf)
	}
}

// readSome emits at most one batch of f's next records. It reports whether f may
// have more. final says that nothing will be appended to f.
func (s *Source) readSome(ctx context.Context, f *file, final bool, emit Emit) (more bool, err error) {
	if err := f.readHead(); err != nil {
		return false, err
	}
	if f.ending == packed && f.settled == f.size {
		return false, nil
	}
	if f.skip != nil {
		return s.skipSome(ctx, f, final, emit)
	}
	if f.layout == noText {
		return false, s.setAside(ctx, f, nil, emit)
	}
	buf := s.buffers.get()
	for {
		data, more, err := f.fill(buf.bytes)
		if err != nil {
			s.release(buf)
			return false, err
		}
		ended := final && !more
		st := f.read(data, ended)
		n := s.cut(f, buf, st, ended)
		switch {
		case f.layout == noText:
			s.release(buf)
			return false, s.setAside(ctx, f, data, emit)
		case len(buf.records) > 0:
			// What is decompressed is read until its end is known.
			more = more || n < len(data) || f.unpack != nil
			n, held := f.holdBack(buf, st, n, more)
			if held {
				f.take(data, n)
				s.release(buf)
				return true, nil
			}
			return more, s.emitRecords(ctx, f, buf, data, n, emit)
		case more && n > 0:
			f.take(data, n) // separators, perhaps a hole
		case f.run != nil:
			s.release(buf)
			return true, s.emitRun(ctx, f, emit)
		case more && int64(len(data)) >= s.cfg.MaxRecord+1:
			s.release(buf)
			n += len(data[n:]) - len(bytes.TrimLeft(data[n:], " \t"))
			f.skip = newSkip(s.cfg.Key, f.offset+int64(n), f.layout)
			f.take(data, n)
			return true, nil
		case more:
			buf = s.grow(buf)
		default:
			f.take(data, n) // separators
			s.release(buf)
			return false, s.endOfUnpacking(ctx, f, final, emit)
		}
	}
}

func (s *Source) release(buf *buffer) { s.buffers.put(buf, s.cfg.BatchBytes) }

// grow replaces a buffer that is too small for one record by a larger one.
func (s *Source) grow(buf *buffer) *buffer {
	size := min(4*int64(len(buf.bytes)), max(s.cfg.MaxRecord+1, int64(len(buf.bytes))+1))
	s.release(buf)
	return &buffer{bytes: make([]byte, size)}
}

// recordBytes is what a record takes on its way beside its text, at least: a batch of
// tiny ones is bounded by it.
const recordBytes = 128

// cut finds the records in a stretch and returns how many bytes of the file they take:
// where the unfinished rest begins.
func (s *Source) cut(f *file, buf *buffer, st stretch, ended bool) int {
	fr, next := s.frames(f, st, ended)
	if next == nil {
		return 0
	}
	n := 0
	for next() {
		at := f.offset + int64(st.origin(fr.start))
		if f.offset < f.recount && at >= f.recount && len(buf.records) > 0 {
			return st.origin(n) // the rest is new: it goes into a batch of its own
		}
		s.add(f, buf, st, fr, at)
		n = fr.pos
		if f.offset < f.existed && f.offset+int64(st.origin(n)) >= f.existed {
			return st.origin(n) // what follows was written after we came
		}
		if len(buf.records)*recordBytes >= s.cfg.BatchBytes {
			return st.origin(n) // records are so small that the rest is another batch
		}
	}
	return st.origin(fr.pos)
}

// add adds what was framed to the batch: a record, or a fault.
func (s *Source) add(f *file, buf *buffer, st stretch, fr *frame, at int64) {
	raw := event.Raw{Bytes: st.text[fr.start:fr.end], Offset: at}
	switch {
	case int64(len(raw.Bytes)) > s.cfg.MaxRecord:
		raw = tooLarge(raw, s.cfg.Key)
	case fr.reason != "":
		buf.addFault(st, fr, at, f.layout == csvRows)
		return
	case f.layout == csvRows:
		raw.Bytes = s.rowText(buf, st.text, f.table)
	}
	buf.records = append(buf.records, raw)
}

// frames prepares to find records in a stretch: by their braces, or as rows of a CSV
// file. next is nil while it is not known which.
func (s *Source) frames(f *file, st stretch, ended bool) (at *frame, next func() bool) {
	header := f.recognise(st.text, ended)
	switch f.layout {
	case untold, noText:
		return nil, nil
	case csvRows:
		s.rows.reset(f.table, st.text, header, ended)
		return &s.rows.frame, s.rows.next
	}
	lineStart := f.offset == 0 || len(f.tail) > 0 && isBreak(f.tail[len(f.tail)-1])
	s.framer.limit = s.cfg.MaxRecord
	s.framer.reset(st.text, f.layout, lineStart, ended)
	return &s.framer.frame, s.framer.next
}

// rowText is the JSON text of the row that was found, in the buffer's memory.
func (s *Source) rowText(buf *buffer, data []byte, t *table) []byte {
	start := len(buf.texts)
	buf.texts = s.rowWriter.append(buf.texts, data, t, s.rows.cells)
	return buf.texts[start:len(buf.texts):len(buf.texts)]
}

func tooLarge(raw event.Raw, key []byte) event.Raw {
	sk := newSkip(key, raw.Offset, objects)
	sk.hash.Write(raw.Bytes)
	return event.Raw{Offset: raw.Offset, Fault: &event.Fault{
		Reason: event.ReasonTooLarge, Length: int64(len(raw.Bytes)), Hash: sk.sum(),
	}}
}

// emitRecords gives the buffer's records away and moves f over the n bytes that
// they, and what separates them, take.
func (s *Source) emitRecords(ctx context.Context, f *file, buf *buffer, data []byte, n int, emit Emit) error {
	start := min(f.offset, buf.records[0].Offset)
	f.take(data, n)
	b := s.batch(f, start)
	b.Records = buf.records
	s.say(f, b.Records)
	b.Seen = b.Records[0].Offset < f.recount
	b.Release = func() { s.release(buf) }
	return s.emit(ctx, f, b, emit)
}

// batch begins a batch of f's records from start on.
func (s *Source) batch(f *file, start int64) event.Batch {
	return event.Batch{
		Input: s.cfg.Input, Gateway: s.cfg.Gateway, Stream: f.stream, Path: f.path,
		Doubtful: (s.cfg.Resumed || f.arrival == late) && (start < f.existed || f.compressed() || f.piped()),
	}
}

func (s *Source) emit(ctx context.Context, f *file, b event.Batch, emit Emit) error {
	if !b.Seen && !f.piped() {
		var err error
		if b.Position, err = f.position(s.cfg.Key); err != nil {
			return err
		}
	}
	return emit(ctx, b)
}

// skipSome passes over more of a record that is larger than max_record.
func (s *Source) skipSome(ctx context.Context, f *file, final bool, emit Emit) (bool, error) {
	buf := s.buffers.get()
	defer s.release(buf)
	data, more, err := f.fill(buf.bytes)
	if err != nil {
		return false, err
	}
	n, done := f.skip.feed(data)
	f.take(data, n)
	if !done && (more || !final) {
		return more, nil
	}
	b := s.batch(f, f.skip.from)
	b.Records = []event.Raw{{Offset: f.skip.from, Fault: &event.Fault{
		Reason: event.ReasonTooLarge, Length: f.skip.length, Hash: f.skip.sum(),
	}}}
	f.skip = nil
	return true, s.emit(ctx, f, b, emit)
}

// endOfUnpacking settles a compressed file that cannot be read further for now. One
// that is damaged, or will not grow any more, leaves a fault.
func (s *Source) endOfUnpacking(ctx context.Context, f *file, final bool, emit Emit) error {
	if f.unpack == nil || f.settled == f.size && (!final || f.ending != cutShort) {
		return nil
	}
	err, left := f.unpack.ended, int64(len(f.unpack.window))
	f.stopUnpacking()
	f.settled = f.size
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) && !final:
		f.ending = cutShort
		return nil
	}
	b := s.batch(f, f.offset)
	b.Records = []event.Raw{{Offset: f.offset, Fault: &event.Fault{Reason: event.ReasonBrokenPack, Length: left}}}
	return s.emit(ctx, f, b, emit)
}
