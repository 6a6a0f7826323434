package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/eventname"
)

// hit is one record as Elasticsearch's search answers with it. Its document
// stays the text it is until a column asks for a field.
type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
	Sort   []int64         `json:"sort"` // what pager.sort asks for; times in milliseconds since 1970
}

// time is the record's @timestamp, of which Elasticsearch keeps milliseconds. It
// stands before the tie-break.
func (h *hit) time() time.Time { return time.UnixMilli(h.Sort[len(h.Sort)-2]) }

// page is the answer to one search.
type page struct {
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Failed int `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Total *struct {
			Value int64 `json:"value"`
		} `json:"total"` // nil where the search did not ask for it
		Hits []hit `json:"hits"`
	} `json:"hits"`
}

// parsePage reads the answer to a search and refuses one that is not complete.
func parsePage(body []byte) (*page, error) {
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, errNotElasticsearch
	}
	if p.TimedOut || p.Shards.Failed > 0 {
		return nil, &exporter.Error{Status: 503, Type: "partial_results"}
	}
	for i := range p.Hits.Hits {
		if n := len(p.Hits.Hits[i].Sort); n != 2 && n != 3 {
			return nil, fmt.Errorf("a hit of a search has %d sort values instead of 2 or 3", n)
		}
	}
	return &p, nil
}

// field gives the JSON text of a field of the document by its dotted path, or
// _id or _index; nil if it is not there or null.
func (r *record) field(path string) json.RawMessage {
	switch path {
	case "_id":
		return quoted(r.hit.ID)
	case "_index":
		return quoted(r.hit.Index)
	case nameField:
		return r.eventName()
	}
	return r.source.find(path)
}

// eventName is the display name: of a record that was indexed under its event type, the
// usual one of that type.
func (r *record) eventName() json.RawMessage {
	name, recorded := r.source.find(nameField), r.source.find(typeField)
	if recorded == nil || name != nil && !bytes.Equal(name, recorded) {
		return name
	}
	return quoted(eventname.Display(text(recorded)))
}

// record is a hit whose fields are asked for.
type record struct {
	hit    *hit
	source object
}

func newRecord(h *hit) *record { return &record{hit: h, source: object{text: h.Source}} }

func isNull(v json.RawMessage) bool {
	return len(v) == 0 || bytes.Equal(v, []byte("null"))
}

// quoted writes s as a JSON string, with < and > as they are.
func quoted(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a JSON form
	return bytes.TrimRight(b.Bytes(), "\n")
}

// text is a JSON value as a cell shows it: strings without quotes, null and
// absent as nothing, all else as JSON text on one line.
func text(v json.RawMessage) string {
	if isNull(v) {
		return ""
	}
	switch v[0] {
	case '"':
		if plain := v[1 : len(v)-1]; bytes.IndexByte(plain, '\\') < 0 {
			return string(plain)
		}
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	case '{', '[':
		return string(compact(v))
	}
	return string(v)
}

// compact puts JSON on one line.
func compact(v json.RawMessage) json.RawMessage {
	if bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return v // on one line already
	}
	var b bytes.Buffer
	if json.Compact(&b, v) != nil {
		return v
	}
	return b.Bytes()
}
