package decode

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/eventtime"
	"github.com/auditship/auditship/exporter/jsonscan"
)

// ErrNotObject says that a text is JSON, but no object.
var ErrNotObject = errors.New("the record is not a JSON object")

// ErrNoTime says that a record has no event_time that can be read, and wraps the
// *eventtime.Fault that says why. The record is decoded nevertheless, all but its Time.
var ErrNoTime = errors.New("the record has no readable event_time")

// maxExtra bounds Record.Extra: what has more unknown members is kept as a whole.
const maxExtra = 1000

// wholeRecord is the name under which Extra then has it.
var wholeRecord = event.Token(`"_json"`)

// maxScratch is how much memory an unusual record may leave behind.
const maxScratch = 64 << 10

// Options say how records of other shapes are read. The zero value reads the
// gateway's own.
type Options struct {
	// Rename maps names in the input to names of the record, both as dotted
	// paths ("actor.login": "operator.username"). A whole object can be
	// renamed too ("actor": "operator"). The record's own names stay valid.
	Rename map[string]string
	// Location is the time zone of times that name none; nil is UTC.
	Location *time.Location
	// Now tells times that are too far ahead; nil is time.Now.
	Now func() time.Time
	// Known says that every text was found to be JSON before, as masking does. What
	// is kept whole is then not read once more.
	Known bool
}

// Decoder decodes records, one at a time.
type Decoder struct {
	root  *node
	nodes int // how many there are below root, root included
	times eventtime.Reader
	known bool

	scan    jsonscan.Scanner
	key     []byte       // scratch: an unescaped key
	text    []byte       // scratch: the text of event_time
	time    event.Token  // event_time of the current record
	at      []int        // by node: 1 + where its last occurrence starts
	owners  []owner      // of rec.Extra, entry by entry
	twice   bool         // some known name stood twice
	many    bool         // more unknown members than maxExtra
	scratch event.Record // for FindID
}

// owner says where an entry of Extra stood.
type owner struct {
	node   *node // the known name it stood under, or was itself
	offset int
}

// New returns a Decoder; its error is a *RenameError.
func New(o Options) (*Decoder, error) {
	root, err := compile(o.Rename)
	if err != nil {
		return nil, err
	}
	d := &Decoder{root: root, times: eventtime.Reader{Location: o.Location, Now: o.Now}, known: o.Known, nodes: root.number(0)}
	d.at = make([]int, d.nodes)
	return d, nil
}

// Clone returns a Decoder with the same options for another goroutine.
func (d *Decoder) Clone() *Decoder {
	return &Decoder{root: d.root, times: d.times, known: d.known, nodes: d.nodes, at: make([]int, d.nodes)}
}

// Decode sets rec to what raw says; DecodeWrapped takes what raw does not say from
// what stood around it. rec then aliases raw; its own memory (Extra)
// is reused by the next call. After an error other than ErrNoTime, rec holds
// only Raw.
func (d *Decoder) Decode(raw []byte, rec *event.Record) error {
	return d.DecodeWrapped(raw, nil, rec)
}

// DecodeWrapped is Decode for a record that a wrap stood around; nil for none.
func (d *Decoder) DecodeWrapped(raw []byte, wrap *event.Wrap, rec *event.Record) error {
	if err := d.read(raw, rec); err != nil {
		*rec = event.Record{Raw: raw, Extra: rec.Extra[:0]}
		return err
	}
	rec.ValidUTF8 = utf8.Valid(raw)
	d.text = d.time.AppendText(d.text[:0])
	if d.time == nil && wrap != nil {
		d.text = append(d.text, wrap.Time...)
	}
	t, err := d.times.Read(d.text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTime, err)
	}
	rec.Time = t
	return nil
}

// FindID returns the id of a record that was not masked yet, by the same rules
// as Decode. It is for records whose id a masking rule changed: _id is made of
// the original one. It returns false where there is none, or no JSON object.
func (d *Decoder) FindID(raw []byte) (event.Token, bool) {
	defer func(known bool) { d.known = known }(d.known)
	d.known = false // these texts were not read before
	if err := d.read(raw, &d.scratch); err != nil {
		return nil, false
	}
	return d.scratch.ID, d.scratch.ID.NamesRecord()
}

// read does all that needs no interpretation of values.
func (d *Decoder) read(raw []byte, rec *event.Record) error {
	*rec = event.Record{Raw: raw, Extra: rec.Extra[:0]}
	clear(d.at)
	d.owners = d.owners[:0]
	d.time, d.twice, d.many = nil, false, false
	if cap(d.key)+cap(d.text) > maxScratch {
		d.key, d.text = nil, nil
	}
	d.scan.Reset(raw)
	if k := d.scan.Next(); k != jsonscan.BeginObject {
		if d.scan.Skip(k) && d.scan.Next() == jsonscan.EOF {
			return ErrNotObject
		}
		return d.broken()
	}
	if !d.object(d.root, rec) || d.scan.Next() != jsonscan.EOF {
		return d.broken()
	}
	if d.twice {
		d.dropReplaced(rec)
	}
	if d.many {
		rec.Extra = append(rec.Extra[:0], event.Extra{Key: wholeRecord, Value: raw})
	}
	return nil
}

// broken is the scanner's error, in memory of its own.
func (d *Decoder) broken() error {
	var broken *jsonscan.SyntaxError
	if !errors.As(d.scan.Err(), &broken) {
		return errors.New("decode record: unexpected token")
	}
	e := *broken
	return fmt.Errorf("decode record: %w", &e)
}

// object reads the members of the object that was just opened.
func (d *Decoder) object(n *node, rec *event.Record) bool {
	for {
		switch d.scan.Next() {
		case jsonscan.Key:
		case jsonscan.EndObject:
			return true
		default:
			return false
		}
		key, offset := d.scan.Bytes(), d.scan.Start()
		child := n.find(d.name(key))
		if child == nil {
			if !d.extra(n, n, key, offset, d.scan.Next(), rec) {
				return false
			}
			continue
		}
		if d.at[child.index] != 0 {
			d.twice = true
			d.forget(child, rec)
		}
		d.at[child.index] = offset + 1
		if !d.member(n, child, key, offset, rec) {
			return false
		}
	}
}

// name is the text of a key token.
func (d *Decoder) name(token []byte) []byte {
	if !d.scan.Escaped() {
		return token[1 : len(token)-1]
	}
	d.key = jsonscan.AppendUnquoted(d.key[:0], token)
	return d.key
}

// member reads the value of a known name.
func (d *Decoder) member(parent, n *node, key []byte, offset int, rec *event.Record) bool {
	first := d.scan.Next()
	switch {
	case first == jsonscan.BeginObject && n.byLength != nil:
		return d.object(n, rec)
	case isWhole(n.field):
		return d.value(n.field, first, rec)
	case n.field == nil || !first.IsScalar():
		return d.extra(parent, n, key, offset, first, rec)
	}
	token := d.scan.Bytes()
	if empty(first, token) {
		return true
	}
	if n.field.Name == event.StatusCodeName {
		if rec.Response.StatusCode = d.readStatus(token); rec.Response.StatusCode == 0 {
			return d.extra(parent, n, key, offset, first, rec)
		}
		return true
	}
	d.set(n.field, token, rec)
	return true
}

// value reads a field that is kept whole.
func (d *Decoder) value(f *event.Field, first jsonscan.Kind, rec *event.Record) bool {
	start := d.scan.Start()
	if !d.skip(first) {
		return false
	}
	if v := rec.Raw[start:d.scan.End()]; !empty(first, v) {
		*f.Value(rec) = v
	}
	return true
}

// skip moves past the value that begins with the current token.
func (d *Decoder) skip(first jsonscan.Kind) bool {
	if d.known {
		return d.scan.SkipKnown(first)
	}
	return d.scan.Skip(first)
}

func empty(k jsonscan.Kind, token []byte) bool {
	return k == jsonscan.Null || k == jsonscan.String && len(token) == 2
}

// extra keeps a member that has no field. n is the known name it stands under,
// or its own where only the kind of the value is unexpected.
func (d *Decoder) extra(parent, n *node, key []byte, offset int, first jsonscan.Kind, rec *event.Record) bool {
	start := d.scan.Start()
	if !d.skip(first) {
		return false
	}
	if first == jsonscan.Null && n != parent {
		return true
	}
	if len(rec.Extra) == maxExtra {
		d.many = true
		return true
	}
	rec.Extra = append(rec.Extra, event.Extra{Under: parent.under, Key: key, Value: rec.Raw[start:d.scan.End()]})
	d.owners = append(d.owners, owner{n, offset})
	return true
}

// forget clears what an earlier occurrence of the name set.
func (d *Decoder) forget(n *node, rec *event.Record) {
	for _, f := range n.fields {
		switch {
		case f.Name == event.StatusCodeName:
			rec.Response.StatusCode = 0
		case isWhole(f):
			*f.Value(rec) = nil
		default:
			d.set(f, nil, rec)
		}
	}
}

// dropReplaced drops the extras of names that stood again later.
func (d *Decoder) dropReplaced(rec *event.Record) {
	kept := rec.Extra[:0]
	for i, e := range rec.Extra {
		if !d.replaced(d.owners[i]) {
			kept = append(kept, e)
		}
	}
	rec.Extra = kept
}

func (d *Decoder) replaced(o owner) bool {
	for n := o.node; n.parent != nil; n = n.parent {
		if o.offset+1 < d.at[n.index] {
			return true
		}
	}
	return false
}

// readStatus is the status code that a token says, 0 if it says none.
func (d *Decoder) readStatus(token event.Token) int {
	d.text = token.AppendText(d.text[:0])
	if n, ok := readDigits(d.text); ok {
		if n > 999_999 {
			return 0
		}
		return int(n)
	}
	if len(d.text) > 24 {
		return 0
	}
	f, err := strconv.ParseFloat(string(d.text), 64)
	if err != nil || f < 1 || f > 999_999 || f != math.Trunc(f) {
		return 0
	}
	return int(f)
}

// readDigits reads a text of nothing but 1 to 18 digits.
func readDigits(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
