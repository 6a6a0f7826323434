package filesource

import (
	"unicode/utf8"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/csvrows"
	"github.com/auditship/auditship/agent/filesource/unwrap"
)

// format is what was found of how a file is written. It is known once its first bytes
// are, and goes with a saved position.
type format struct {
	charset *charset.Charset // nil: not known yet
	wrap    unwrap.Kind      // "": not known yet
	layout  layout
	foreign string         // what the file is, of layout noText
	table   *csvrows.Table // of layout csvRows
	// guess is the encoding that the file seems to be in where it is not the one
	// that it is read in: "" as long as nothing was met that is not UTF-8.
	guess string
}

// stretch is a part of a file on its way through the chain that doc.go describes: the
// bytes of the file, decompressed, and the text that framing sees.
type stretch struct {
	text []byte

	decoded *charset.Text // nil where the file is UTF-8
	inner   *unwrap.Text  // nil where nothing stands around its records
	passed  int           // bytes of the inner text before text: emitted already
	// lineStart says that the text begins at the start of a line.
	lineStart bool
}

// read takes the file's bytes at its offset through the links between decompressing
// and framing, in the memory of buf. ended says that nothing will follow them. The
// text is empty while too little was read to know what it is.
func (s *Source) read(f *file, buf *buffer, data []byte, ended bool) stretch {
	known := ended || int64(len(data)) >= s.limit(f)
	if f.layout == untold && f.charset == nil && f.isForeign(data) {
		return stretch{}
	}
	if f.charset == nil && !s.tellCharset(f, data, known) {
		return stretch{}
	}
	st := stretch{text: data, lineStart: f.atLineStart()}
	if f.charset != charset.UTF8 {
		f.charset.Decode(&buf.decoded, data, ended)
		st.decoded, st.text = &buf.decoded, buf.decoded.Bytes
	}
	if f.wrap == "" && !s.tellWrap(f, st.text, known) {
		return stretch{}
	}
	if f.wrap != unwrap.None {
		// Less than half of what can be read at once, or reading would wait for ever.
		buf.inner.Unwrap(f.wrap, st.text, ended, int(s.limit(f))/2/f.charset.Unit())
		st.inner, st.passed = &buf.inner, min(f.passed, len(buf.inner.Bytes))
		st.text = buf.inner.Bytes[st.passed:]
		st.lineStart = st.passed == 0 || isBreak(buf.inner.Bytes[st.passed-1])
	}
	return st
}

// tellCharset finds out the file's encoding, from its first bytes.
func (s *Source) tellCharset(f *file, data []byte, known bool) bool {
	if s.cfg.Encoding != nil {
		f.charset = s.cfg.Encoding.ByMark(data)
		return len(data) >= 4 || known // or the mark may not be there yet
	}
	c, told := charset.Detect(data, known)
	if told {
		f.charset = c
	}
	return told
}

// tellWrap finds out what stands around the file's records, from its first lines.
func (s *Source) tellWrap(f *file, text []byte, known bool) bool {
	if s.cfg.Unwrap != "" {
		f.wrap = s.cfg.Unwrap
		return true
	}
	k, told := unwrap.Detect(text, known)
	if told {
		f.wrap = k
	}
	return told
}

// atLineStart reports whether a line of the file begins at the offset.
func (f *file) atLineStart() bool {
	if f.offset == 0 {
		return true
	}
	var text charset.Text
	f.charset.Decode(&text, f.tail[max(0, len(f.tail)-4):], true)
	return len(text.Bytes) > 0 && isBreak(text.Bytes[len(text.Bytes)-1])
}

// origin is how many bytes of the file stand before the byte of the text at n, or
// before the line that a wrap stands around. Every position, in what is saved as in
// what is said of a record, is one in the file.
func (st stretch) origin(n int) int {
	if st.inner != nil {
		n = st.inner.Source(st.passed + n)
	}
	if st.decoded != nil {
		n = st.decoded.Source(n)
	}
	return n
}

// taken is how many bytes of the file are done when the first n bytes of the text
// are, and how many bytes of the text behind them.
func (st stretch) taken(n int) (bytes, passed int) {
	if st.inner != nil {
		n, passed = st.inner.Again(st.passed + n)
	}
	if st.decoded != nil {
		n = st.decoded.Source(n)
	}
	return n, passed
}

// wrapAt is what the wrap around the byte of the text at n knows, nil for nothing.
func (st stretch) wrapAt(n int) *event.Wrap {
	if st.inner == nil {
		return nil
	}
	if w := st.inner.Wrap(st.passed + n); w != (event.Wrap{}) {
		return &w
	}
	return nil
}

// limit is how many bytes of the file are looked at to find one record, at least
// max_record of its text: wide letters and quoted records take more.
func (s *Source) limit(f *file) int64 {
	limit := s.cfg.MaxRecord + 1
	if f.charset != nil {
		limit *= int64(f.charset.Unit())
	}
	if f.wrap != "" && f.wrap != unwrap.None {
		limit = 3*limit + 64<<10
	}
	return limit
}

// isText reports whether a record is text that can be told: valid UTF-8, or UTF-8 that
// is damaged somewhere. What is in another encoding is said once.
func (s *Source) isText(f *file, st stretch, start, end int) bool {
	if utf8.Valid(st.text[start:end]) {
		return true
	}
	if f.guess == "" {
		f.guess = charset.Guess(st.text[max(0, start-around):])
		if st.decoded != nil {
			f.guess = "not " + f.charset.Name()
		}
		s.sayNotUTF8(f, f.offset+int64(st.origin(start)))
	}
	return f.guess == charset.UTF8.Name()
}

// around is how many bytes before a record are looked at for its encoding.
const around = 16 << 10
