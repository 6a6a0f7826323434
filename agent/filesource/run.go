package filesource

import (
	"bytes"
	"context"

	"github.com/auditship/auditship/agent/event"
)

// maxFaultText is how much of a run of faults is kept.
const maxFaultText = 64 << 10

// addFault adds a fault to the batch. It is joined to the one before it if nothing but
// separators stands between them and the reason is the same: one dead letter tells of
// all of them.
func (b *buffer) addFault(st stretch, fr *frame, raw event.Raw) {
	n := len(b.records) - 1
	if n < 0 || b.records[n].Fault == nil || b.records[n].Fault.Reason != fr.reason {
		b.run = fr.start
		b.records = append(b.records, raw)
		return
	}
	run := &b.records[n]
	end := fr.end
	if end-b.run > maxFaultText {
		end = max(b.run+len(run.Bytes), min(fr.end, b.run+maxFaultText))
	}
	run.Bytes = st.text[b.run:end]
	run.Fault.Count, run.Fault.Last = run.Fault.Faults()+1, raw.Offset
	run.Fault.Length = raw.Offset + raw.Fault.Length - run.Offset
}

// holdBack keeps faults at the end of a batch from being emitted while the file goes on:
// what follows may be more of the same. all says that nothing is left to be emitted of
// the batch; otherwise it takes the first n bytes of the text.
func (f *file) holdBack(buf *buffer, st stretch, n int, more bool) (taken int, all bool) {
	f.join(buf)
	last := len(buf.records) - 1
	switch {
	case last < 0 && more:
		return n, true
	case last == 0 && more && f.run == nil && runs(buf.records[0]) && f.offset >= f.recount:
		run := buf.records[0]
		run.Bytes = bytes.Clone(run.Bytes[:min(len(run.Bytes), maxFaultText)])
		f.run, buf.records = &run, buf.records[:0]
		return n, true
	case last > 0 && more && runs(buf.records[last]):
		buf.records = buf.records[:last] // it begins the next batch
		n = st.lineBegin(buf.run)
	}
	if f.run != nil {
		buf.records = append([]event.Raw{*f.run}, buf.records...)
		f.run = nil
	}
	return n, false
}

// lineBegin is where the separators before pos begin on its line.
func (st stretch) lineBegin(pos int) int {
	for pos > 0 && isSeparator(st.text[pos-1]) && !isBreak(st.text[pos-1]) {
		pos--
	}
	return pos
}

// join adds the first fault of a batch to those that were held back, if it is alike.
func (f *file) join(buf *buffer) {
	if f.run == nil || len(buf.records) == 0 || !runs(buf.records[0]) || buf.records[0].Fault.Reason != f.run.Fault.Reason {
		return
	}
	next := buf.records[0]
	f.run.Fault.Count = f.run.Fault.Faults() + next.Fault.Faults()
	f.run.Fault.Last = max(next.Offset, next.Fault.Last)
	f.run.Fault.Length = next.Offset + next.Fault.Length - f.run.Offset
	buf.records = buf.records[1:]
}

// runs reports whether more of the same may follow a fault.
func runs(r event.Raw) bool { return r.Fault != nil && r.Fault.Hash == "" }

// emitRun emits the faults that were held back.
func (s *Source) emitRun(ctx context.Context, f *file, emit Emit) error {
	run := f.run
	if run == nil {
		return nil
	}
	f.run = nil
	b := s.batch(f, run.Offset)
	b.Records = []event.Raw{*run}
	s.say(f, b.Records)
	return s.emit(ctx, f, b, emit)
}

// say tells of a fault that took more than the largest record of the file, as it may hide
// others.
func (s *Source) say(f *file, records []event.Raw) {
	for _, r := range records {
		switch {
		case r.Fault == nil:
			f.largest = max(f.largest, int64(len(r.Bytes)))
		case r.Fault.Length > max(f.largest, usualRecord):
			s.cfg.Log.Warn().Str("path", f.path).Int64("offset", r.Offset).Int64("length", r.Fault.Length).
				Int64("faults", r.Fault.Faults()).Str("reason", string(r.Fault.Reason)).
				Msg("a stretch that is no record is longer than any record: it is a dead letter, and may hide others")
		}
	}
}

// usualRecord is a size that many records have, in bytes.
const usualRecord = 4 << 10
