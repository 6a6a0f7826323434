package pipeline

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/decode"
	"github.com/auditship/auditship/agent/ecs"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/agent/mask"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
)

// transformer makes documents of records: mask, decode, document. It belongs to one
// goroutine.
type transformer struct {
	log      zerolog.Logger
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
	splits    bool
	now       func() time.Time
	shipments *shipments

	record event.Record
}

// place is where a document's record stood.
type place struct{ offset, length int64 }

// anonymous is a document or letter whose record has no id: its _id is known when
// equal records before it are counted.
type anonymous struct {
	base     ecs.Base
	document int // index in documents, -1: only counted
}

// ErrMaskingStopped means that a masking rule with on_error: stop could not be
// applied to a record. Nothing of its batch was sent.
var ErrMaskingStopped = errors.New("a masking rule could not be applied, and its on_error is stop")

// transform never fails: what cannot become a document becomes a dead letter.
func (t *transformer) transform(b event.Batch) *shipment {
	if b.Seen {
		s := t.shipments.get(b, 0)
		t.count(s, b.Records)
		return s
	}
	size := 0
	for i := range b.Records {
		size += len(b.Records[i].Bytes)
	}
	s := t.shipments.get(b, size+size/2+len(b.Records)*512)
	s.documents = slices.Grow(s.documents, len(b.Records))
	s.places = slices.Grow(s.places, len(b.Records))
	now := t.now()
	for i := range b.Records {
		t.one(s, b.Records[i], now)
	}
	t.masker.Report(t.tally)
	return s
}

// count notes the records without an id of a batch that was acknowledged before.
func (t *transformer) count(s *shipment, records []event.Raw) {
	for _, r := range records {
		if _, ok := t.decoder.FindID(r.Bytes); !ok && r.Fault == nil {
			s.anonymous = append(s.anonymous, anonymous{t.identity.OfRaw(s.batch.Gateway, r.Bytes), -1})
		}
	}
}

// one transforms one record, or what was read in its place. One on which the agent
// itself fails becomes a dead letter; those around it go on.
func (t *transformer) one(s *shipment, r event.Raw, now time.Time) {
	before := s.extent()
	defer func() {
		failure := recover()
		if failure == nil {
			return
		}
		t.log.Error().Str("input", s.batch.Input).Str("path", s.batch.Path).Int64("offset", r.Offset).
			Str("failure", harmless(failure)).Bytes("stack", debug.Stack()).Msg("failed on a record, which is a dead letter now: please report this")
		s.reset(before)
		s.read++
		s.letters = append(s.letters, t.letter(s, r, event.ReasonFailed, t.masker.Mask(r.Bytes).Bytes))
	}()
	t.take(s, r, now)
}

// extent is how far a shipment is filled.
type extent struct {
	documents, anonymous, letters, places, text int
	read, dropped                               int64
}

func (s *shipment) extent() extent {
	return extent{len(s.documents), len(s.anonymous), len(s.letters), len(s.places), len(s.text), s.read, s.dropped}
}

// reset empties a shipment down to what it was.
func (s *shipment) reset(m extent) {
	s.documents, s.anonymous, s.letters = s.documents[:m.documents], s.anonymous[:m.anonymous], s.letters[:m.letters]
	s.places, s.text, s.read, s.dropped = s.places[:m.places], s.text[:m.text], m.read, m.dropped
}

func (t *transformer) take(s *shipment, r event.Raw, now time.Time) {
	if r.Fault != nil {
		s.read++
		s.letters = append(s.letters, t.letter(s, r, r.Fault.Reason, t.masker.MaskText(r.Bytes)))
		return
	}
	masked := t.masker.Mask(r.Bytes)
	switch masked.Outcome {
	case mask.Broken:
		t.broken(s, r, masked.Bytes, now)
		return
	case mask.Dropped:
		s.read++
		s.dropped++
		return
	case mask.Stopped:
		s.stop = fmt.Errorf("%w: input %s, %s at byte %d", ErrMaskingStopped, s.batch.Input, s.batch.Path, r.Offset)
		return
	case mask.Refused:
		s.read++
		s.letters = append(s.letters, t.letter(s, r, event.ReasonMaskRefused, masked.Bytes))
		return
	}
	s.read++
	if err := t.decoder.Decode(masked.Bytes, &t.record); err != nil {
		reason := event.ReasonBrokenJSON
		if errors.Is(err, decode.ErrNoTime) {
			reason = event.ReasonNoTime
		}
		s.letters = append(s.letters, t.letter(s, r, reason, masked.Bytes))
		return
	}
	t.document(s, r, masked.Bytes, now)
}

// broken looks for records in what turned out not to be one.
func (t *transformer) broken(s *shipment, r event.Raw, masked []byte, now time.Time) {
	if t.splits {
		if parts := filesource.Split(r); len(parts) > 1 {
			for _, part := range parts {
				t.one(s, part, now)
			}
			return
		}
	}
	s.read++
	s.letters = append(s.letters, t.letter(s, r, event.ReasonBrokenJSON, masked))
}

// document appends the document of the decoded record.
func (t *transformer) document(s *shipment, r event.Raw, masked []byte, now time.Time) {
	d := bulk.Document{Time: t.record.Time.UnixMilli(), Doubtful: s.batch.Doubtful}
	id := t.record.ID
	if t.masksID {
		id, _ = t.decoder.FindID(r.Bytes)
	}
	known, ok := t.identity.OfToken(s.batch.Gateway, id)
	if ok {
		d.ID = known
	} else {
		s.anonymous = append(s.anonymous, anonymous{t.identity.OfRaw(s.batch.Gateway, r.Bytes), len(s.documents)})
	}
	start := len(s.text)
	s.text = t.builder.Append(s.text, &t.record, ecs.Meta{
		Gateway: t.observer, Input: s.batch.Input, Path: s.batch.Path, Offset: r.Offset, Ingested: now,
	})
	d.Source = s.text[start:len(s.text):len(s.text)]
	s.documents = append(s.documents, d)
	s.places = append(s.places, place{r.Offset, int64(len(r.Bytes))})
}

// letter makes a dead letter of a masked record.
func (t *transformer) letter(s *shipment, r event.Raw, reason string, masked []byte) deadletter.Letter {
	l := deadletter.Letter{
		Reason: reason, Input: s.batch.Input, Gateway: s.batch.Gateway, Path: s.batch.Path,
		Offset: r.Offset, Length: int64(len(r.Bytes)), Record: string(masked),
	}
	if r.Fault != nil {
		l.Length, l.Hash = r.Fault.Length, r.Fault.Hash
	}
	return l
}
