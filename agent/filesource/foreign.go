package filesource

import (
	"bytes"
	"context"
	"fmt"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unpack"
)

// enoughToTell is how many bytes tell whether a file holds text.
const enoughToTell = 64

// foreignFormat names what a file that begins with opening is, if it holds no text; ""
// if it may.
func foreignFormat(opening []byte) string {
	opening = bytes.TrimLeft(opening, "\x00") // a hole
	if format := unpack.Foreign(opening); format != "" {
		return format
	}
	if c, told := charset.Detect(opening, true); told && c != charset.UTF8 {
		return ""
	}
	control := 0
	for _, c := range opening {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b && c != 0x1e && c != 0 || c == 0x7f {
			control++
		}
	}
	if len(opening) >= enoughToTell && 25*control > len(opening) { // a tenth of what is random
		return "file of no text"
	}
	return ""
}

// isForeign reports whether a file that begins with data holds no text.
func (f *file) isForeign(data []byte) bool {
	if f.foreign = foreignFormat(data[:min(len(data), window)]); f.foreign != "" {
		f.layout = noText
	}
	return f.foreign != ""
}

// setAside leaves a file unread that holds no text, with one dead letter.
func (s *Source) setAside(ctx context.Context, f *file, data []byte, emit Emit) error {
	first := f.offset == 0 // and not in an earlier run
	f.settled = f.size
	f.take(data, len(data))
	if !f.piped() {
		f.dropUnpacker()
	}
	if !first {
		return nil
	}
	if s.cfg.Owe == nil {
		s.cfg.Log.Warn().Msg(s.aside(f))
	}
	b := s.batch(f, 0)
	b.Records = []event.Raw{{Fault: &event.Fault{Reason: event.ReasonNotText, Length: max(f.size, int64(len(data)))}}}
	return s.emit(ctx, f, b, emit)
}

// aside says why a file is set aside, and what helps.
func (s *Source) aside(f *file) string {
	return fmt.Sprintf("%s is set aside: it is a %s; unpack it, or name it under exclude", f.path, f.foreign)
}
