package transform

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/contain"
	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/eventtime"
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/agent/mask"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// Transformer makes documents of records: mask, decode, document. It belongs to one
// goroutine.
type Transformer struct {
	log      zerolog.Logger
	hashKey  []byte
	rules    *mask.Rules // as the input's names have them
	masker   *mask.Masker
	tally    *mask.Tally
	decoder  *decode.Decoder
	builder  *ecs.Builder
	identity *ecs.Identity
	observer string // observer.name
	// masksID says that a rule names the record's id, so that it has to be
	// found in the unmasked record.
	masksID bool
	// splits says that records come from files, where one that is no JSON may
	// hide others.
	splits bool
	now    func() time.Time

	record event.Record
}

// ErrMaskingStopped means that a masking rule with on_error: stop could not be
// applied to a record. Nothing of its batch was sent.
var ErrMaskingStopped = errors.New("a masking rule could not be applied, and its on_error is stop")

// Transform fills r, which is empty, with what becomes of the records of a batch. It
// never fails: what cannot become a document becomes a dead letter.
func (t *Transformer) Transform(b event.Batch, r *Result) {
	r.begin(b)
	if b.Seen {
		t.count(r, b.Records)
		return
	}
	now := t.now()
	for i := range b.Records {
		t.one(r, b.Records[i], now)
	}
	t.masker.Report(t.tally)
}

// count notes the records without an id of a batch that was acknowledged before.
func (t *Transformer) count(out *Result, records []event.Raw) {
	for _, r := range records {
		if _, ok := t.decoder.FindID(r.Bytes); !ok && r.Fault == nil {
			out.anonymous = append(out.anonymous, anonymous{t.identity.OfRaw(out.Batch.Gateway, r.Bytes), -1})
		}
	}
}

// one transforms one record, or what was read in its place. One on which the agent
// itself fails becomes a dead letter; those around it go on.
func (t *Transformer) one(out *Result, r event.Raw, now time.Time) {
	before := out.extent()
	defer func() {
		failure := recover()
		if failure == nil {
			return
		}
		t.log.Error().Str("input", string(out.Batch.Input)).Str("path", out.Batch.Path).Int64("offset", r.Offset).
			Str("failure", contain.Harmless(failure)).Bytes("stack", debug.Stack()).Msg("failed on a record, which is a dead letter now: please report this")
		out.cut(before)
		failed := t.failed(out, r)
		out.Read += failed.Records()
		out.Letters = append(out.Letters, failed)
	}()
	t.take(out, r, now)
}

func (t *Transformer) take(out *Result, r event.Raw, now time.Time) {
	if r.Fault != nil {
		out.Read += r.Fault.Faults()
		out.Letters = append(out.Letters, t.textLetter(out, r, r.Fault.Reason, t.masker.MaskText(r.Bytes)))
		return
	}
	masked := t.masker.Mask(r.Bytes)
	switch masked.Outcome {
	case mask.Broken:
		t.broken(out, r, masked.Bytes, now)
		return
	case mask.Dropped:
		out.Read++
		out.Dropped++
		return
	case mask.Stopped:
		out.Stop = fmt.Errorf("%w: input %s, %s at byte %d", ErrMaskingStopped, out.Batch.Input, out.Batch.Path, r.Offset)
		return
	case mask.Refused:
		out.Read++
		out.Letters = append(out.Letters, t.letter(out, r, event.ReasonMaskRefused, masked.Bytes))
		return
	}
	out.Read++
	if err := t.decoder.DecodeWrapped(masked.Bytes, r.Wrap, &t.record); err != nil {
		out.Letters = append(out.Letters, t.undecoded(out, r, err, masked.Bytes))
		return
	}
	t.document(out, r, now)
}

// undecoded makes a dead letter of a record that cannot be decoded. Of a time that
// cannot be read it says why, and the form of its text.
func (t *Transformer) undecoded(out *Result, r event.Raw, err error, masked []byte) deadletter.Letter {
	if !errors.Is(err, decode.ErrNoTime) {
		return t.letter(out, r, event.ReasonBrokenJSON, masked)
	}
	l := t.letter(out, r, event.ReasonNoTime, masked)
	var fault *eventtime.Fault
	if errors.As(err, &fault) {
		l.Detail = "event_time: " + fault.Error()
	}
	return l
}

// broken looks for records in what turned out not to be one.
func (t *Transformer) broken(out *Result, r event.Raw, masked []byte, now time.Time) {
	if t.splits {
		if parts := filesource.Split(r); len(parts) > 1 {
			for _, part := range parts {
				t.one(out, part, now)
			}
			return
		}
	}
	out.Read++
	out.Letters = append(out.Letters, t.textLetter(out, r, event.ReasonBrokenJSON, masked))
}

// document appends the document of the decoded record.
func (t *Transformer) document(out *Result, r event.Raw, now time.Time) {
	d := bulk.Document{Time: t.record.Time.UnixMilli(), Doubtful: out.Batch.Doubtful}
	id := t.record.ID
	if t.masksID {
		id, _ = t.decoder.FindID(r.Bytes)
	}
	known, ok := t.identity.OfToken(out.Batch.Gateway, id)
	if ok {
		d.ID = known
	} else {
		out.anonymous = append(out.anonymous, anonymous{t.identity.OfRaw(out.Batch.Gateway, r.Bytes), len(out.Documents)})
	}
	start := len(out.text)
	out.text = t.builder.Append(out.text, &t.record, ecs.Meta{
		Gateway: t.observer, Input: string(out.Batch.Input), Path: out.Batch.Path, Offset: r.Offset, Created: now.Truncate(time.Millisecond),
	})
	d.Source, d.EventAt = out.text[start:len(out.text):len(out.text)], t.builder.EventAt()
	out.Documents = append(out.Documents, d)
	out.Places = append(out.Places, Place{Offset: r.Offset, Length: int64(len(r.Bytes)), Named: ok})
}

// failed makes a dead letter of a record on which the agent itself fails.
func (t *Transformer) failed(out *Result, r event.Raw) deadletter.Letter {
	masked := t.masker.Mask(r.Bytes)
	if r.Fault != nil || masked.Outcome == mask.Broken {
		return t.textLetter(out, r, event.ReasonFailed, masked.Bytes)
	}
	return t.letter(out, r, event.ReasonFailed, masked.Bytes)
}

// textLetter makes a dead letter of what is no record. What cannot be masked as a
// text with certainty is not in it: its keyed hash stands for it.
func (t *Transformer) textLetter(out *Result, r event.Raw, reason event.Reason, masked []byte) deadletter.Letter {
	legible := mask.Legible(r.Bytes) && (r.Fault == nil || !r.Fault.Nameless)
	if !legible {
		masked = nil
	}
	l := t.letter(out, r, reason, masked)
	if !legible && l.Hash == "" {
		l.Hash = filesource.Hash(t.hashKey, r.Bytes)
	}
	return l
}

// letter makes a dead letter of a masked record.
func (t *Transformer) letter(out *Result, r event.Raw, reason event.Reason, masked []byte) deadletter.Letter {
	l := deadletter.Letter{
		Reason: string(reason), Input: string(out.Batch.Input), Gateway: out.Batch.Gateway, Path: out.Batch.Path,
		Offset: r.Offset, Length: int64(len(r.Bytes)), Record: string(masked),
	}
	if r.Fault != nil {
		l.Length, l.Hash, l.Count, l.Last = r.Fault.Length, r.Fault.Hash, r.Fault.Count, r.Fault.Last
	}
	return l
}
