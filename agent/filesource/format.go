package filesource

import (
	"bytes"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/csvrows"
	"github.com/auditship/auditship/agent/filesource/unpack"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// resume takes over a saved position if the file still is what it was, and reports
// whether it did.
func (s *Source) resume(f *file, saved event.Saved, p position) (bool, error) {
	if err := f.readHead(); err != nil {
		return false, err
	}
	if f.compressed() != p.Gzip {
		return false, nil
	}
	opening, tail, err := f.agree(s.cfg.Key, p)
	if tail == nil || err != nil {
		return false, err
	}
	f.stream = saved.Stream
	if saved.Recount {
		f.recount = p.Offset
		f.dropUnpacker()
		return true, nil
	}
	s.recall(f, p, opening)
	f.offset, f.tail, f.passed = p.Offset, tail, p.Passed
	if p.Gzip {
		f.unpack.fill(64) // what may follow the last record of a file that is complete
		f.stopUnpacking()
	}
	return true, nil
}

// recall finds out again how the file is written: as the position says, and from what
// the file begins with.
func (s *Source) recall(f *file, p position, opening []byte) {
	if f.layout != untold {
		return // it was closed for a while only
	}
	switch {
	case s.cfg.Encoding != nil:
	case p.Encoding != "":
		f.charset, _ = charset.Lookup(p.Encoding) // parsePosition did
	case p.Unwrap != "":
		f.charset = charset.UTF8
	}
	if s.cfg.Unwrap == "" {
		f.wrap = p.Unwrap
	}
	if p.Passed == 0 {
		opening = opening[:min(int64(len(opening)), p.Offset)]
	}
	var buf buffer
	s.recognise(f, s.read(f, &buf, opening, false).text, false)
}

// encodingName is what a position says of the encoding.
func (f *file) encodingName() string {
	if f.charset == nil || f.charset == charset.UTF8 {
		return ""
	}
	return f.charset.Name()
}

// recognise finds out how the records of the file are laid out, as far as that is not
// known yet, from the beginning of its text. It returns where what is no record ends:
// the header of a CSV file.
func (s *Source) recognise(f *file, opening []byte, final bool) (end int) {
	if f.layout != untold || f.wrap == "" {
		return 0
	}
	t, end, told := csvrows.Read(opening, final, s.cfg.Rename)
	switch {
	case t != nil:
		f.layout, f.table = csvRows, t
	case told || final:
		f.layout = layoutOf(opening)
	}
	return end
}

// layoutOf is that of a JSON text that begins with opening.
func layoutOf(opening []byte) layout {
	text := bytes.TrimLeft(opening, "\xef\xbb\xbf \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("[")):
		return array
	case envelopeBegins.Match(text):
		return answer
	}
	return objects
}

// sayFormat says how a file is written, where it is not plain JSON.
func (s *Source) sayFormat(f *file) {
	packing := unpack.Detect(f.head)
	if f.piped() {
		packing = f.unpack.format
	}
	if f.layout != csvRows && f.charset == charset.UTF8 && f.wrap == unwrap.None && packing == unpack.None {
		return
	}
	e := s.cfg.Log.Info().Str("path", f.path)
	if packing != unpack.None {
		e = e.Str("compression", string(packing))
	}
	if f.charset != charset.UTF8 {
		e = e.Str("encoding", f.charset.Name())
	}
	if f.wrap != unwrap.None {
		e = e.Str("wrap", string(f.wrap))
	}
	if f.layout == csvRows {
		e = e.Str("csv_separator", string(f.table.Separator()))
	}
	e.Msg("file format found")
}

// sayNotUTF8 says that a file holds text that is not UTF-8, and what to do.
func (s *Source) sayNotUTF8(f *file, offset int64) {
	e := s.cfg.Log.Warn().Str("path", f.path).Int64("offset", offset)
	switch {
	case f.charset != charset.UTF8:
		e.Str("encoding", f.charset.Name()).Msg("the file holds characters that its encoding does not have; these records become dead letters")
	case f.guess == charset.UTF8.Name():
		e.Msg("the file holds damaged characters; they become U+FFFD")
	default:
		e.Str("guess", f.guess).Msg("the file is not UTF-8; records that are not ASCII become dead letters. Name its encoding with encoding: or --encoding, and import it again")
	}
}
