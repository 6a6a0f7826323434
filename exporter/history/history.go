package history

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/report"
)

// Operation is one recorded operation on the resource. Texts are as recorded, masked,
// and not made printable; "" where the record has none.
type Operation struct {
	Time       time.Time `json:"time"` // to the millisecond, in UTC
	DocumentID string    `json:"document_id"`
	Event      string    `json:"event"` // display name, or the event type
	Operator   string    `json:"operator"`
	TokenName  string    `json:"token_name,omitempty"`
	Source     string    `json:"source"`
	Address    string    `json:"ip_address"`
	Outcome    string    `json:"outcome"`
	StatusCode string    `json:"status_code,omitempty"`
	Error      string    `json:"error,omitempty"`

	ResourceType string `json:"resource_type,omitempty"`
	ResourceID   string `json:"resource_id"`
	ResourceName string `json:"resource_name,omitempty"`

	// Changes are what it changed of the object; what a refused operation would have
	// changed is not among them.
	Changes []Change `json:"changes"`
	// FromNothing says that no earlier record of the object was found although this
	// operation did not create it: Changes are then all that it sent.
	FromNothing bool `json:"from_nothing,omitempty"`
	// Sent is the JSON text of the request's body where it is not the object or a
	// part of it, such as a JSON Patch or the parameters of an action.
	Sent string `json:"sent,omitempty"`
}

// fields are what is asked for of each document.
var fields = []string{
	"user.name", "event.action", "event.outcome", "error.message",
	"api7.audit.event_name", "api7.audit.token_name", "api7.audit.source", "source.address",
	"api7.audit.resource.type", "api7.audit.resource.id", "api7.audit.resource.name",
	"http.request.method", "url.path", "http.response.status_code",
	"api7.audit.request.body", "api7.audit.request.body_text", "api7.audit.response.body",
}

// Follow hands over the operations that q describes, oldest first. An error of hand
// ends it. Memory holds the last state of each resource that q matches.
func Follow(ctx context.Context, client *exporter.Client, q report.Query, hand func(Operation) error) error {
	states := map[string]any{} // by id, or by name where there is no id
	return report.Scan(ctx, client, q, fields, func(h report.Hit) error {
		return hand(follow(states, h))
	})
}

// follow makes an operation of a document and moves the state of its resource on.
func follow(states map[string]any, h report.Hit) Operation {
	get := func(path string) string { text, _ := h.Text(path); return text }
	o := Operation{
		Time: h.Time.UTC(), DocumentID: h.ID,
		Event: get("api7.audit.event_name"), Operator: get("user.name"), TokenName: get("api7.audit.token_name"),
		Source: get("api7.audit.source"), Address: get("source.address"),
		Outcome: get("event.outcome"), StatusCode: get("http.response.status_code"), Error: get("error.message"),
		ResourceType: get("api7.audit.resource.type"), ResourceID: get("api7.audit.resource.id"), ResourceName: get("api7.audit.resource.name"),
	}
	if o.Event == "" {
		o.Event = get("event.action")
	}
	r := request{
		method: strings.ToUpper(get("http.request.method")), path: get("url.path"), id: o.ResourceID,
		body: decode(get("api7.audit.request.body")), text: get("api7.audit.request.body_text"),
		answer: decode(get("api7.audit.response.body")),
	}
	if r.body == absent {
		r.body = decode(r.text)
	}
	if o.refused() || r.reads() {
		return o
	}
	key := o.ResourceID
	if key == "" {
		key = o.ResourceName
	}
	before, known := states[key]
	if !known {
		before = absent
	}
	after, whole := r.after(before)
	if !whole {
		o.Sent = r.sent()
		return o
	}
	o.Changes = diff("", before, after)
	o.FromNothing = !known && !r.creates() && after != absent
	states[key] = after
	return o
}

// refused says that the gateway did not do it.
func (o Operation) refused() bool {
	code, err := strconv.Atoi(o.StatusCode)
	return o.Outcome == "failure" || err == nil && code >= 400
}

// request is what a record says of the HTTP request and its answer.
type request struct {
	method, path string
	id           string // of the resource
	body, answer any    // decoded, or absent
	text         string // of a body that is no object
}

func (r request) reads() bool { return r.method == "GET" || r.method == "HEAD" }

// names says that the request's path ends with the resource itself.
func (r request) names() bool {
	return r.id != "" && strings.HasSuffix(strings.TrimRight(r.path, "/"), "/"+r.id)
}

// creates says that it makes a new object in a collection.
func (r request) creates() bool {
	return r.method == "POST" && (r.id == "" || !strings.Contains(r.path+"/", "/"+r.id+"/"))
}

// after is the object after the operation. whole is false where the record does not
// tell: an action on the resource, a JSON Patch, a body that is no object.
func (r request) after(before any) (after any, whole bool) {
	if r.method == "DELETE" {
		return absent, r.names()
	}
	if !r.names() && !r.creates() {
		return nil, false
	}
	answer, answered := answered(r.answer)
	body, isObject := r.body.(map[string]any)
	switch {
	case isObject && r.method == "PATCH":
		return merge(merge(before, body), answer), true
	case isObject:
		return merge(body, answer), true
	}
	return answer, answered
}

// answered is the object, or what of it stands in the answer to a write: APISIX puts
// it under value, API7 under value or data.
func answered(answer any) (map[string]any, bool) {
	envelope, _ := answer.(map[string]any)
	for _, key := range []string{"value", "data"} {
		if object, ok := envelope[key].(map[string]any); ok {
			return object, true
		}
	}
	return nil, false
}

// sent is the request's body as one line of JSON, or as text.
func (r request) sent() string {
	if r.body != absent {
		return string(encode(r.body))
	}
	return r.text
}
