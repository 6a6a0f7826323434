package filesource

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// buffers are given to the pipeline with a batch and come back by its Release.
type buffers struct{ pool sync.Pool }

type buffer struct {
	bytes   []byte
	decoded charset.Text
	inner   unwrap.Text
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
	if len(buf.bytes) == size && cap(buf.decoded.Bytes)+cap(buf.inner.Bytes) <= 8*size {
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
		st := s.read(f, buf, data, ended)
		n := s.cut(f, buf, st, ended)
		switch {
		case f.layout == noText:
			s.release(buf)
			return false, s.setAside(ctx, f, data, emit)
		case len(buf.records) > 0:
			// What is decompressed is read until its end is known.
			more = more || n < len(st.text) || f.unpack != nil
			n, held := f.holdBack(buf, st, n, more)
			if held {
				f.takeText(data, st, n)
				s.release(buf)
				return true, nil
			}
			done, err := s.emitRecords(ctx, f, buf, data, st, n, emit)
			return more || done < len(data), err
		case more && n > 0:
			f.takeText(data, st, n) // separators, perhaps a hole
			s.release(buf)
			return true, nil
		case f.run != nil:
			s.release(buf)
			return true, s.emitRun(ctx, f, emit)
		case more && int64(len(data)) >= s.limit(f):
			n += len(st.text[n:]) - len(bytes.TrimLeft(st.text[n:], " \t"))
			f.skip = newSkip(s.cfg.Key, f.offset+int64(st.origin(n)), f.layout)
			f.takeText(data, st, n)
			s.release(buf)
			return true, nil
		case more:
			buf = s.grow(f, buf)
		default:
			f.takeText(data, st, n) // separators
			s.release(buf)
			return false, s.endOfUnpacking(ctx, f, final, emit)
		}
	}
}

func (s *Source) release(buf *buffer) { s.buffers.put(buf, s.cfg.BatchBytes) }

// grow replaces a buffer that is too small for one record by a larger one.
func (s *Source) grow(f *file, buf *buffer) *buffer {
	size := min(4*int64(len(buf.bytes)), max(s.limit(f), int64(len(buf.bytes))+1))
	s.release(buf)
	return &buffer{bytes: make([]byte, size)}
}

// recordBytes is what a record takes on its way beside its text, at least: a batch of
// tiny ones is bounded by it.
const recordBytes = 128

// cut finds the records in a stretch and returns where in its text the unfinished rest
// begins.
func (s *Source) cut(f *file, buf *buffer, st stretch, ended bool) int {
	fr, next := s.frames(f, st, ended)
	if next == nil {
		return 0
	}
	n := 0
	for next() {
		at := f.offset + int64(st.origin(fr.start))
		if f.offset < f.recount && at >= f.recount && len(buf.records) > 0 {
			return n // the rest is new: it goes into a batch of its own
		}
		s.add(f, buf, st, fr, at)
		n = fr.pos
		if f.offset < f.existed && f.offset+int64(st.origin(n)) >= f.existed {
			return n // what follows was written after we came
		}
		if len(buf.records)*recordBytes >= s.cfg.BatchBytes {
			return n // records are so small that the rest is another batch
		}
	}
	return fr.pos
}

// add adds what was framed to the batch: a record, or a fault.
func (s *Source) add(f *file, buf *buffer, st stretch, fr *frame, at int64) {
	raw := event.Raw{Bytes: st.text[fr.start:fr.end], Offset: at, Wrap: st.wrapAt(fr.start)}
	switch {
	case int64(len(raw.Bytes)) > s.cfg.MaxRecord:
		raw = s.without(raw, event.ReasonTooLarge)
	case !s.isText(f, st, fr.start, fr.end):
		raw = s.without(raw, event.ReasonNotUTF8)
	case fr.reason != "":
		raw.Fault = &event.Fault{Reason: fr.reason, Length: int64(len(raw.Bytes)), Nameless: f.layout == csvRows}
		buf.addFault(st, fr, raw)
		return
	case f.layout == csvRows:
		raw.Bytes = s.rowText(buf)
	}
	buf.records = append(buf.records, raw)
}

// frames prepares to find records in a stretch: by their braces, or as rows of a CSV
// file. next is nil while it is not known which.
func (s *Source) frames(f *file, st stretch, ended bool) (at *frame, next func() bool) {
	before := f.layout
	header := s.recognise(f, st.text, ended)
	if before == untold && f.layout != untold {
		s.sayFormat(f)
	}
	switch f.layout {
	case untold, noText:
		return nil, nil
	case csvRows:
		s.rows.Reset(f.table, st.text, header, ended)
		s.rowFrame = frame{pos: header}
		return &s.rowFrame, s.nextRow
	}
	s.framer.limit = s.cfg.MaxRecord
	s.framer.reset(st.text, f.layout, st.lineStart, ended)
	return &s.framer.frame, s.framer.next
}

func (s *Source) nextRow() bool {
	found := s.rows.Next()
	s.rowFrame = frame{s.rows.Pos, s.rows.Start, s.rows.End, s.rows.Reason}
	return found
}

// rowText is the JSON text of the row that was found, in the buffer's memory.
func (s *Source) rowText(buf *buffer) []byte {
	start := len(buf.texts)
	buf.texts = s.rowWriter.Append(buf.texts, &s.rows)
	return buf.texts[start:len(buf.texts):len(buf.texts)]
}

// without is a fault that keeps nothing of its text but length and hash.
func (s *Source) without(raw event.Raw, reason event.Reason) event.Raw {
	return event.Raw{Offset: raw.Offset, Fault: &event.Fault{
		Reason: reason, Length: int64(len(raw.Bytes)), Hash: Hash(s.cfg.Key, raw.Bytes),
	}}
}

// emitRecords gives the buffer's records away and moves f over the first n bytes of
// the text, which they and what separates them take. done is how many bytes of the
// file these are.
func (s *Source) emitRecords(ctx context.Context, f *file, buf *buffer, data []byte, st stretch, n int, emit Emit) (done int, err error) {
	start := min(f.offset, buf.records[0].Offset)
	done = f.takeText(data, st, n)
	b := s.batch(f, start)
	b.Records = buf.records
	s.say(f, b.Records)
	b.Seen = b.Records[0].Offset < f.recount
	b.Release = func() { s.release(buf) }
	return done, s.emit(ctx, f, b, emit)
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
	data, st, more, err := s.fillText(f, final)
	if err != nil {
		return false, err
	}
	n, done := f.skip.feed(st.text)
	f.takeText(data, st, n)
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

// fillText reads a stretch of the file that has some text, if there is one.
func (s *Source) fillText(f *file, final bool) (data []byte, st stretch, more bool, err error) {
	buf := &buffer{bytes: make([]byte, s.cfg.BatchBytes)}
	for {
		if data, more, err = f.fill(buf.bytes); err != nil {
			return nil, st, false, err
		}
		st = s.read(f, buf, data, final && !more)
		if len(st.text) > 0 || !more || int64(len(data)) >= s.limit(f) {
			return data, st, more, nil
		}
		buf = s.grow(f, buf)
	}
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
