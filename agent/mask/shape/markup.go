package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/rule"
)

// Tags takes what stands in XML elements with sensitive names, whatever it is,
// up to the end of the element. Where that is missing it is the text up to the
// next tag.
func Tags(text []byte, r *Reader) {
	open := map[string]bool{} // names of elements that have no end any more
	for from := 0; ; {
		at := bytes.IndexByte(text[from:], '<')
		if at < 0 {
			return
		}
		from += at + 1
		name := text[from:tagChars.Run(text, from)]
		if len(name) == 0 {
			continue
		}
		_, local, found := bytes.Cut(name, []byte(":"))
		if !found {
			local = name
		}
		said := r.Ask(local)
		by := said.Rule
		if by == rule.None {
			if said.Role == names.Name {
				r.named(text, from)
			}
			r.attributed(text, from)
			continue
		}
		end := bytes.IndexByte(text[from:min(from+maxTag, len(text))], '>')
		if end < 1 || text[from+end-1] == '/' {
			continue
		}
		start := from + end + 1
		stop, ended := start+nextTag(text[start:]), false
		switch {
		case open[string(name)]:
		case len(open) == maxOpen:
			stop = len(text)
		default:
			if stop, ended = elementEnd(text, start, name); !ended {
				open[string(name)] = true
			}
		}
		if stop > start && !r.isMarker(text[start:stop]) {
			r.Take(span(start, stop), by)
		}
		from = stop
	}
}

// named takes the element behind one that holds a name: <key>password</key> and
// <string>...</string>, as property lists have them. at is within the first tag.
func (r *Reader) named(text []byte, at int) {
	content, ok := contentOf(text, at)
	if !ok || content.End-content.Start > MaxName {
		return
	}
	by := r.Ask(bytes.TrimSpace(text[content.Start:content.End])).Named
	if by == rule.None || !chars.HasPrefix(text[content.End:], "</") {
		return
	}
	next := bytes.IndexByte(text[content.End+1:], '<')
	if next < 0 || next > maxTag {
		return
	}
	if value, ok := contentOf(text, content.End+1+next+1); ok {
		r.value(text, value, by)
	}
}

// attributed takes what stands in an element whose attribute gives it a name:
// <entry key="password">...</entry>.
func (r *Reader) attributed(text []byte, at int) {
	content, ok := contentOf(text, at)
	if !ok {
		return
	}
	tag := text[at:content.Start]
	for _, attribute := range []string{" name=", " key="} {
		_, value, found := bytes.Cut(tag, []byte(attribute))
		if !found || len(value) < 2 || !isQuote(value[0]) {
			continue
		}
		name, _, _ := bytes.Cut(value[1:], value[:1])
		if by := r.Ask(name).Named; by != rule.None && len(name) > 0 && len(name) <= MaxName {
			r.value(text, content, by)
		}
	}
}

// contentOf is the text of the element whose tag at stands in, up to the next tag.
func contentOf(text []byte, at int) (detect.Span, bool) {
	end := bytes.IndexByte(text[at:min(at+maxTag, len(text))], '>')
	if end < 1 || text[at+end-1] == '/' {
		return detect.Span{}, false
	}
	start := at + end + 1
	return span(start, start+min(nextTag(text[start:]), maxTag)), true
}

// maxTag is how long a tag with its attributes can be, in bytes.
const maxTag = 4096

// maxOpen bounds how many names of elements without an end are remembered. With
// more of them all that follows is taken.
const maxOpen = 16

// tagChars are the characters of the names of XML elements.
var tagChars = chars.Alnum("_-.:")

// elementEnd is where the element ends whose content starts at start, if it does.
func elementEnd(text []byte, start int, name []byte) (end int, ended bool) {
	closing := append([]byte("</"), name...)
	if at := bytes.Index(text[start:], closing); at >= 0 {
		return start + at, true
	}
	return start + nextTag(text[start:]), false
}

func nextTag(text []byte) int {
	if at := bytes.IndexByte(text, '<'); at >= 0 {
		return at
	}
	return len(text)
}

// Multipart takes the fields of a multipart/form-data body whose names are
// sensitive (RFC 7578).
func Multipart(text []byte, r *Reader) {
	const disposition = "form-data;"
	for from := 0; ; {
		at := chars.FoldedIndex(text[from:], disposition)
		if at < 0 {
			return
		}
		from += at + len(disposition)
		window := text[from:min(from+maxFieldHead, len(text))]
		head, _, found := bytes.Cut(window, []byte("\r\n\r\n"))
		start := from + len(head) + 4
		if !found {
			if head, _, found = bytes.Cut(window, []byte("\n\n")); !found {
				continue
			}
			start = from + len(head) + 2
		}
		by := r.Ask(fieldName(head)).Rule
		if by == rule.None {
			continue
		}
		end := len(text)
		if at := bytes.Index(text[start:], []byte("\n--")); at >= 0 {
			end = start + len(bytes.TrimRight(text[start:start+at], "\r"))
		}
		if end > start {
			r.Take(span(start, end), by)
		}
		from = end
	}
}

// maxFieldHead is how long the head of a form's field can be, in bytes.
const maxFieldHead = 2048

// fieldName is the name in the head of a form's field, in quotes or not.
func fieldName(head []byte) []byte {
	const name = "name="
	for {
		at := chars.FoldedIndex(head, name)
		if at < 0 {
			return nil
		}
		file := at > 0 && chars.IsAlnum(head[at-1]) // filename=
		if head = head[at+len(name):]; !file {
			break
		}
	}
	if len(head) > 0 && isQuote(head[0]) {
		head, _, _ = bytes.Cut(head[1:], head[:1])
		return head
	}
	return head[:nameChars.Run(head, 0)]
}
