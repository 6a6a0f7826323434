package mask

import (
	"slices"

	"github.com/auditship/auditship/agent/mask/rule"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// offset is a place in the text of a layer, in bytes.
type offset int32

// stretch is a part of the text of a layer.
type stretch struct{ start, end offset }

// edit replaces a stretch of a layer with what stands in the arena.
type edit struct {
	stretch
	from, to int32   // in the arena
	rule     rule.ID // that was counted for it, or None
}

// edits are the changes to the text of a layer, in its order.
type edits struct {
	list  []edit
	arena []byte
}

func (e *edits) reset() { e.list, e.arena = e.list[:0], e.arena[:0] }

// quote records that a stretch becomes the JSON string of text.
func (e *edits) quote(at stretch, by rule.ID, text []byte) {
	from := len(e.arena)
	e.arena = jsonscan.AppendQuoted(e.arena, text)
	e.add(at, by, from)
}

// put records that a stretch becomes what is JSON already.
func (e *edits) put(at stretch, by rule.ID, json []byte) {
	from := len(e.arena)
	e.arena = append(e.arena, json...)
	e.add(at, by, from)
}

func (e *edits) add(at stretch, by rule.ID, from int) {
	e.list = append(e.list, edit{at, int32(from), int32(len(e.arena)), by})
}

// remove records that a stretch goes, and gives the number of the edit, from 1.
func (e *edits) remove(at stretch) (number int32) {
	e.add(at, rule.None, len(e.arena))
	return int32(len(e.list))
}

// cuts says whether an edit reaches over the start of a stretch.
func (e *edits) cuts(at stretch) bool {
	return slices.ContainsFunc(e.list, func(x edit) bool { return x.start < at.start && x.end > at.start })
}

// forget takes out the edits inside a stretch, and gives where they stood. Each
// rule that was counted for one of them goes to untake.
func (e *edits) forget(at stretch, untake func(rule.ID)) (index int) {
	kept := e.list[:0]
	for _, x := range e.list {
		switch {
		case x.end <= at.start || x.start < at.start:
			kept = append(kept, x)
			index = len(kept)
		case x.start >= at.end:
			kept = append(kept, x)
		case x.rule != rule.None:
			untake(x.rule)
		}
	}
	e.list = kept
	return index
}

// adopt takes over the edits of a stretch that starts at base.
func (e *edits) adopt(base offset, inner *edits) {
	shift := int32(len(e.arena))
	e.arena = append(e.arena, inner.arena...)
	for _, x := range inner.list {
		e.list = append(e.list, edit{stretch{x.start + base, x.end + base}, x.from + shift, x.to + shift, x.rule})
	}
}

// rotate moves the edits behind the first n of those from index on to their
// front.
func (e *edits) rotate(index, n int) {
	list := e.list[index:]
	for _, x := range list[n:] {
		copy(list[1:], list[:n])
		list[0] = x
		list = list[1:]
	}
}

// assemble appends data with all edits made to dst.
func (e *edits) assemble(dst, data []byte) []byte {
	at := offset(0)
	for _, x := range e.list {
		if x.start > at {
			dst = append(dst, data[at:x.start]...)
		}
		dst = append(dst, e.arena[x.from:x.to]...)
		at = max(at, x.end)
	}
	if int(at) < len(data) {
		dst = append(dst, data[at:]...)
	}
	return dst
}
