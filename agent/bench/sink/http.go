package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// memory of one request, used again and again.
type memory struct {
	raw, plain, answer bytes.Buffer
	gzip               *gzip.Reader
	items              []item
}

var memories = sync.Pool{New: func() any { return new(memory) }}

// Handler answers as Elasticsearch would.
func (s *Sink) Handler() http.Handler { return http.HandlerFunc(s.answer) }

func (s *Sink) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/_bulk"):
		s.bulk(w, r)
	case strings.HasSuffix(path, "/_mget"):
		s.mget(w, r)
	default:
		_, _ = io.Copy(io.Discard, r.Body) // what is asked does not matter
		_, _ = io.WriteString(w, other(r.Method, path))
	}
}

// bulk takes a bulk request.
func (s *Sink) bulk(w http.ResponseWriter, r *http.Request) {
	m := memories.Get().(*memory)
	defer memories.Put(m)
	body, wire, err := m.body(r)
	ok := err == nil
	if ok {
		m.items, ok = parse(m.items[:0], body)
	}
	if !ok {
		http.Error(w, `{"error":{"type":"illegal_argument_exception"},"status":400}`, http.StatusBadRequest)
		return
	}
	errs := s.take(m.items, wire, len(body), rand.IntN(s.every))
	index := backing(strings.TrimSuffix(strings.Trim(r.URL.Path, "/"), "/_bulk"))
	m.writeAnswer(index, errs, r.URL.Query().Get("filter_path") == "")
	w.Header().Set("Content-Length", strconv.Itoa(m.answer.Len()))
	_, _ = w.Write(m.answer.Bytes()) // a client that is gone sends again
}

// body reads a request, decompressed.
func (m *memory) body(r *http.Request) (body []byte, wire int, err error) {
	m.raw.Reset()
	if r.ContentLength > 0 {
		m.raw.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := m.raw.ReadFrom(r.Body); err != nil {
		return nil, 0, err
	}
	wire = m.raw.Len()
	if r.Header.Get("Content-Encoding") != "gzip" {
		return m.raw.Bytes(), wire, nil
	}
	if m.gzip == nil {
		m.gzip, err = gzip.NewReader(&m.raw)
	} else {
		err = m.gzip.Reset(&m.raw)
	}
	if err != nil {
		return nil, 0, err
	}
	m.plain.Reset()
	_, err = m.plain.ReadFrom(m.gzip)
	return m.plain.Bytes(), wire, err
}

// writeAnswer writes the answer to a bulk request; full as Elasticsearch does
// without a filter_path.
func (m *memory) writeAnswer(index string, errs, full bool) {
	a := &m.answer
	a.Reset()
	fmt.Fprintf(a, `{"took":3,"errors":%t,"items":[`, errs)
	for i := range m.items {
		it := &m.items[i]
		if i > 0 {
			a.WriteByte(',')
		}
		a.WriteString(`{"create":{"_index":"`)
		a.WriteString(index)
		a.WriteByte('"')
		if full {
			a.WriteString(`,"_id":"`)
			a.Write(it.id)
			a.WriteByte('"')
		}
		switch {
		case it.status == http.StatusConflict:
			a.WriteString(`,"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[`)
			a.Write(it.id)
			a.WriteString(`]: version conflict, document already exists (current version [1])","index_uuid":"x","shard":"0","index":"`)
			a.WriteString(index)
			a.WriteString(`"}}}`)
		case full:
			a.WriteString(`,"_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":201}}`)
		default:
			a.WriteString(`,"status":201}}`)
		}
	}
	a.WriteString("]}")
}

// mget finds nothing: every event is new.
func (s *Sink) mget(w http.ResponseWriter, r *http.Request) {
	var question struct {
		IDs []string `json:"ids"`
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		http.Error(w, `{"status":400}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.counts.LookedUp += int64(len(question.IDs))
	s.mu.Unlock()
	_, _ = io.WriteString(w, `{"docs":[`+strings.TrimSuffix(strings.Repeat(`{"found":false},`, len(question.IDs)), ",")+`]}`)
}

// backing is the one backing index of a data stream.
func backing(stream string) string {
	if stream == "" || stream == "_bulk" {
		stream = "logs-api7.audit-default"
	}
	return ".ds-" + stream + "-2026.01.01-000001"
}

// created is when the backing index was made, 2026-01-01.
const created = "1767225600000"

// other is the answer to what shippers ask beside _bulk.
func other(method, path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	stream := strings.Split(strings.Trim(path, "/"), "/")[0]
	switch {
	case strings.HasPrefix(path, "/_resolve/index/"):
		return fmt.Sprintf(`{"indices":[],"aliases":[],"data_streams":[{"name":%q,"backing_indices":[%q],"timestamp_field":"@timestamp"}]}`, last, backing(last))
	case strings.Contains(path, "/_settings"):
		return fmt.Sprintf(`{%q:{"settings":{"index":{"creation_date":%q,"uuid":"u"}}}}`, backing(stream), created)
	case path == "/":
		return `{"name":"sink","cluster_name":"sink","cluster_uuid":"k0l1m2n3o4p5q6r7s8t9uA","version":{"number":"8.19.9","build_flavor":"default","build_type":"docker","build_hash":"0","build_date":"2025-12-01T00:00:00.000000000Z","build_snapshot":false,"lucene_version":"9.12.2","minimum_wire_compatibility_version":"7.17.0","minimum_index_compatibility_version":"7.0.0"},"tagline":"You Know, for Search"}`
	case strings.HasPrefix(path, "/_license"):
		return `{"license":{"status":"active","uid":"u","type":"basic","mode":"basic","issued_to":"sink","issuer":"elasticsearch","expiry_date_in_millis":4102444800000}}`
	case strings.HasPrefix(path, "/_cluster/health"):
		return `{"cluster_name":"sink","status":"green","timed_out":false,"number_of_nodes":1}`
	case method == http.MethodGet || method == http.MethodHead:
		return `{}`
	}
	return `{"acknowledged":true}`
}
