package unwrap

import (
	"bytes"
	"slices"
	"sort"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// Text is what stands inside the wraps of a stretch of a file, one line behind the
// other. Its memory is used again by the next Unwrap.
type Text struct {
	// Bytes is the text: whole lines, each with its line feed.
	Bytes []byte

	lines   []line
	again   []again
	pending []pending
	scanner jsonscan.Scanner
	part    part
	// wrapped says that a line had the wrap.
	wrapped bool
}

// line is a line of the text and where it came from.
type line struct {
	text, source int
	wrap         event.Wrap
}

// again is a place where unwrapping can begin again: no line is waiting for the rest
// of it there.
type again struct{ text, source int }

// pending is a line of which parts are missing.
type pending struct {
	group  string
	source int // of its first part
	text   []byte
	wrap   event.Wrap
}

// Unwrap makes t the text inside of src, which begins at the start of a line. final
// says that nothing follows src. A line that is split over more than limit bytes of
// src, or longer than that, is not waited for.
func (t *Text) Unwrap(k Kind, src []byte, final bool, limit int) {
	t.Bytes, t.lines, t.pending = t.Bytes[:0], t.lines[:0], t.pending[:0]
	t.again = append(t.again[:0], again{})
	t.wrapped = false
	for pos := 0; pos < len(src); {
		n := bytes.IndexByte(src[pos:], '\n')
		whole := n >= 0
		if !whole {
			n = len(src) - pos
		}
		if !whole && !final && n <= limit {
			break
		}
		t.giveUp(pos, limit)
		t.take(k, src[pos:pos+n], pos, whole)
		if pos += n; whole {
			pos++
		}
		if len(t.pending) == 0 {
			t.again = append(t.again, again{len(t.Bytes), pos})
		}
	}
	if final {
		t.giveUp(len(src), -1)
		t.again = append(t.again, again{len(t.Bytes), len(src)})
	}
}

// take takes one line of the file.
func (t *Text) take(k Kind, src []byte, pos int, whole bool) {
	src = bytes.TrimPrefix(bytes.TrimSuffix(src, []byte{'\r'}), []byte("\xef\xbb\xbf"))
	if !readLine(k, &t.scanner, src, &t.part) {
		t.lines = append(t.lines, line{text: len(t.Bytes), source: pos})
		t.Bytes = append(t.Bytes, src...)
		if whole {
			t.Bytes = append(t.Bytes, '\n')
		}
		return
	}
	t.wrapped = true
	p := &t.part
	at := slices.IndexFunc(t.pending, func(w pending) bool { return w.group == p.group })
	switch {
	case at >= 0:
		w := &t.pending[at]
		w.text = append(w.text, p.text...)
		if !p.more {
			t.finish(at)
		}
	case p.more:
		t.pending = append(t.pending, pending{p.group, pos, bytes.Clone(p.text), p.wrap()})
	default:
		t.add(pos, p.text, p.wrap())
	}
}

func (p *part) wrap() event.Wrap { return event.Wrap{Time: p.time, Stream: p.stream, Host: p.host} }

func (t *Text) add(source int, text []byte, w event.Wrap) {
	t.lines = append(t.lines, line{len(t.Bytes), source, w})
	t.Bytes = append(append(t.Bytes, text...), '\n')
}

// finish moves a line that waited into the text.
func (t *Text) finish(at int) {
	w := t.pending[at]
	t.pending = slices.Delete(t.pending, at, at+1)
	t.add(w.source, w.text, w.wrap)
}

// giveUp waits no longer for lines whose first part lies more than limit before pos.
func (t *Text) giveUp(pos, limit int) {
	for len(t.pending) > 0 && pos-t.pending[0].source > limit {
		t.finish(0)
	}
}

// Wrapped reports whether any line had the wrap.
func (t *Text) Wrapped() bool { return t.wrapped }

// Source is where in the stretch the line began that the byte of the text at offset
// stands in; its end for the end of the text.
func (t *Text) Source(offset int) int {
	if l := t.lineAt(offset); l != nil && offset < len(t.Bytes) {
		return l.source
	}
	return t.again[len(t.again)-1].source
}

// Wrap is what the wrap of that line knows; nothing for a line without one.
func (t *Text) Wrap(offset int) event.Wrap {
	if l := t.lineAt(offset); l != nil {
		return l.wrap
	}
	return event.Wrap{}
}

func (t *Text) lineAt(offset int) *line {
	n := sort.Search(len(t.lines), func(i int) bool { return t.lines[i].text > offset })
	if n == 0 {
		return nil
	}
	return &t.lines[n-1]
}

// Again is where unwrapping has to begin again to go on behind the first offset bytes
// of the text: at source, and then skip bytes of the text are to be left out.
func (t *Text) Again(offset int) (source, skip int) {
	n := sort.Search(len(t.again), func(i int) bool { return t.again[i].text > offset })
	a := t.again[n-1]
	return a.source, offset - a.text
}
