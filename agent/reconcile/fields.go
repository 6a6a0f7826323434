package reconcile

import (
	"encoding/binary"
	"slices"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/report"
)

// field is a field of documents that is compared, with the fields of the gateway's
// record that it is made of.
type field struct {
	name string
	from []string
}

// fields is the fixed list: what a record says itself, in a field that every version
// makes in the same way.
var fields = func() []field {
	var list []field
	for _, f := range event.Fields() {
		for _, name := range f.Compared {
			at := slices.IndexFunc(list, func(known field) bool { return known.name == name })
			if at < 0 {
				at, list = len(list), append(list, field{name: name})
			}
			list[at].from = append(list[at].from, f.Name)
		}
	}
	return list
}()

// fieldNames are the names of all.
func fieldNames() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// values are what a document says in the fields, each as its length plus one (0 where
// the document has none) and its text.
type values []byte

// valuesOf reads a document.
func valuesOf(d *report.Document) values {
	var v values
	for _, f := range fields {
		text, present := d.Text(f.name)
		if !present {
			v = append(v, 0)
			continue
		}
		v = binary.AppendUvarint(v, uint64(len(text))+1)
		v = append(v, text...)
	}
	return slices.Clip(v)
}

// list takes the values apart; nil stands for none.
func (v values) list() []*string {
	list := make([]*string, len(fields))
	for i := range list {
		n, size := binary.Uvarint(v)
		v = v[size:]
		if n > 0 {
			text := string(v[:n-1])
			list[i], v = &text, v[n-1:]
		}
	}
	return list
}

// get is the value of a field, "" where it has none.
func (v values) get(name string) string {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if text := v.list()[i]; text != nil {
		return *text
	}
	return ""
}

// changes lists the compared fields in which two documents differ.
func (c *comparison) changes(gateway, elasticsearch values) []Change {
	if string(gateway) == string(elasticsearch) {
		return nil
	}
	var changes []Change
	mine, theirs := gateway.list(), elasticsearch.list()
	for i, f := range fields {
		a, b := mine[i], theirs[i]
		if c.masked[i] || a == b || a != nil && b != nil && *a == *b {
			continue
		}
		changes = append(changes, Change{f.name, a, b})
	}
	return changes
}
