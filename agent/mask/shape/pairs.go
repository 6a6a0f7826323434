package shape

import (
	"bytes"

	"github.com/auditship/auditship/agent/mask/chars"
	"github.com/auditship/auditship/agent/mask/detect"
	"github.com/auditship/auditship/agent/mask/names"
	"github.com/auditship/auditship/agent/mask/rule"
)

// pairStops are the separators, and what markers begin with.
var pairStops = chars.Of("=:[h>")

// pairReader is how far the pairs of a text were read.
type pairReader struct {
	*Reader
	text  []byte
	torn  bool
	floor int // no name reaches back into a marker
	beside
	manifest
}

// Pairs reads NAME SEPARATOR VALUE: forms and query strings (a=b&c=d), cookies
// and connection strings (a=b; c=d), environment files (A=b), headers and YAML
// (A: b), arrows (A -> b), and pieces of JSON ("a": "b"). torn says that the text has lost its
// structure. A marker that stands in the text is stepped over.
func Pairs(text []byte, torn bool, r *Reader) {
	p := pairReader{Reader: r, text: text, torn: torn, beside: beside{rule: rule.None}, manifest: manifest{kind: rule.None}}
	for i := 0; i < len(text); i++ {
		if !pairStops[text[i]] {
			continue
		}
		switch text[i] {
		case '[', 'h':
			if n := r.Marker(text[i:]); n > 0 {
				i += n - 1
				p.floor = i + 1
			}
		case '>':
			if i > 1 && text[i-1] == '-' && text[i-2] == ' ' {
				if end := p.pair(i - 1); end > i {
					i = end - 1
				}
			}
		default:
			if end := p.pair(i); end > i {
				i = end - 1
			}
		}
	}
}

// pair looks at the pair whose separator stands at sep. It returns where its
// value ends if it took the value, otherwise 0.
func (p *pairReader) pair(sep int) int {
	text := p.text
	if text[sep] == ':' && chars.HasPrefix(text[sep:], "://") {
		return 0
	}
	key, start := nameBefore(text, p.floor, sep)
	if len(key) == 0 {
		return 0
	}
	said := p.Ask(key)
	by := said.Rule
	if by == rule.None && !isQuote(text[start]) {
		by = p.phrase(start, sep)
	}
	if by == rule.None && p.torn {
		by = said.Lost
	}
	if by == rule.None {
		if said.Role == names.Name || said.Role == names.Value {
			v := valueAfter(text, start, sep)
			p.besides(said.Role, v)
			p.manifests(key, v)
		}
		return 0
	}
	v := valueAfter(text, start, sep)
	if by == said.Rule && said.Object != by && isMapping(text, sep, v) {
		if by = said.Object; by == rule.None {
			return 0
		}
	}
	p.value(text, v, by)
	return v.End
}

// beside is what a text said last about a name and a value that stand beside
// each other: name=password&value=x, or the other way round.
type beside struct {
	rule  rule.ID     // for the value of the last name, or None
	name  int         // where that name ends
	other detect.Span // the last value
}

// maxBeside is how far a name and its value may be apart, in bytes.
const maxBeside = 64

// besides notes a name or a value, and takes the value once both are there.
func (p *pairReader) besides(role names.Role, v detect.Span) {
	b := &p.beside
	if role == names.Value {
		if b.other = v; b.rule != rule.None && v.Start-b.name <= maxBeside {
			p.value(p.text, v, b.rule)
			b.other = detect.Span{}
		}
		return
	}
	name := bytes.TrimSpace(p.text[v.Start:v.End])
	if b.rule, b.name = rule.None, v.End; len(name) == 0 || len(name) > MaxName {
		return
	}
	b.rule = p.Ask(name).Named
	if b.rule != rule.None && b.other.End > 0 && v.Start-b.other.End <= maxBeside {
		p.value(p.text, b.other, b.rule)
		b.other = detect.Span{}
	}
}

// manifest is what is known of a Secret of Kubernetes in YAML, whose values have
// names that say nothing.
type manifest struct {
	kind rule.ID       // for its values, or None where the text is no Secret
	data []detect.Span // its values, while that is not known
}

// maxData is how many sections a Secret has: data and stringData.
const maxData = 8

// manifests notes kind: Secret and its data, in either order.
func (p *pairReader) manifests(key []byte, v detect.Span) {
	switch string(key) {
	case "kind":
		if string(bytes.Trim(p.text[v.Start:v.End], `"' `)) != "Secret" {
			return
		}
		p.kind = p.Ask([]byte("secret")).Named
	case "data", "stringData":
		if len(p.data) < maxData && v.End > v.Start && bytes.IndexByte(p.text[v.Start:v.End], ':') > 0 {
			p.data = append(p.data, v)
		}
	default:
		return
	}
	if p.kind == rule.None {
		return
	}
	for _, v := range p.data {
		p.value(p.text, v, p.kind)
	}
	p.data = p.data[:0]
}

// phrase reads up to four words before a separator as one name: the API key:
// ... Before = the name has to end there, so that attributes do not belong to
// the name of their element.
func (p *pairReader) phrase(start, sep int) rule.ID {
	text, from := p.text, start
	for words := 0; words < 3 && from > p.floor+1 && text[from-1] == ' ' && nameChars[text[from-2]]; words++ {
		for from--; from > p.floor && nameChars[text[from-1]]; from-- {
		}
	}
	if from == start || sep-from > MaxName {
		return rule.None
	}
	if text[sep] == '=' && p.Ask(text[from:start-1]).Named != rule.None {
		return rule.None
	}
	phrase := bytes.TrimRight(text[from:sep], " \t")
	before := phrase[:bytes.LastIndexByte(phrase, ' ')]
	if p.Ask(before).Named != rule.None {
		return rule.None // password too short: the name ended before
	}
	return p.Ask(phrase).Named
}

// nameBefore is the name that ends before sep, and where it starts in text, its
// quote included.
func nameBefore(text []byte, floor, sep int) (name []byte, start int) {
	end := sep
	for end > floor && (text[end-1] == ' ' || text[end-1] == '\t') && sep-end < 3 {
		end--
	}
	if end > floor && isQuote(text[end-1]) {
		return quotedBefore(text, floor, end)
	}
	start = end
	for start > floor && sep-start < MaxName && (nameChars[text[start-1]] || text[start-1] >= 0x80) {
		start--
	}
	name = bytes.TrimLeft(text[start:end], `.-[]\`)
	if len(name) == 0 || chars.IsDigit(name[0]) {
		return nil, start
	}
	return name, end - len(name)
}

// quotedBefore is the quoted key whose closing quote ends at end. The quotes
// may be escaped, as in JSON inside a string.
func quotedBefore(text []byte, floor, end int) (name []byte, start int) {
	quote := text[end-1]
	last := end - 1
	for last > floor && text[last-1] == '\\' {
		last--
	}
	floor = max(floor, last-MaxName)
	at := bytes.LastIndexByte(text[floor:last], quote)
	if at < 0 {
		return nil, end
	}
	return text[floor+at+1 : last], floor + at
}
