package faultproxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
)

// rejected is the item of a document that a full write queue refused, in the shape
// of Elasticsearch 8.19.9.
const rejected = `{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}}}`

// rejectSome keeps every third document of a bulk request from the node and gives
// it a 429, as a node does whose queue is full. The others are the node's.
func (p *Proxy) rejectSome(w http.ResponseWriter, r *http.Request, body []byte) {
	text, err := plain(r.Header.Get("Content-Encoding"), body)
	if err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	kept, refused := split(text)
	r.Header.Del("Content-Encoding")
	r.Header.Del("Accept-Encoding")
	a := answer{status: http.StatusOK, header: http.Header{
		"Content-Type": r.Header.Values("Accept"), "X-Elastic-Product": {"Elasticsearch"},
	}, body: []byte(`{"items":[]}`)}
	if len(kept) > 0 {
		if a, err = p.forward(r, bytes.NewReader(kept), int64(len(kept))); err != nil {
			refuse(w, http.StatusBadGateway)
			return
		}
	}
	if a.status == http.StatusOK {
		if a.body, err = merge(a.body, refused); err != nil {
			refuse(w, http.StatusBadGateway)
			return
		}
	}
	a.write(w, a.body)
}

func plain(encoding string, body []byte) ([]byte, error) {
	if encoding != "gzip" {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// split takes every third document out of a bulk body and tells which those were.
func split(text []byte) (kept []byte, refused []bool) {
	for n := 0; len(text) > 0; n++ {
		action := bytes.IndexByte(text, '\n') + 1
		end := action + bytes.IndexByte(text[action:], '\n') + 1
		if action == 0 || end == action {
			break // no whole document
		}
		refused = append(refused, n%3 == 0)
		if n%3 != 0 {
			kept = append(kept, text[:end]...)
		}
		text = text[end:]
	}
	return kept, refused
}

// merge puts the items of refused documents between those of the node's answer.
func merge(body []byte, refused []bool) ([]byte, error) {
	var given struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, err
	}
	var items []json.RawMessage
	for _, r := range refused {
		switch {
		case r:
			items = append(items, json.RawMessage(rejected))
		case len(given.Items) > 0:
			items = append(items, given.Items[0])
			given.Items = given.Items[1:]
		}
	}
	return json.Marshal(map[string]any{"errors": true, "items": items})
}
