package decode

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/auditship/auditship/agent/event"
)

// field is where a member of the record goes.
type field byte

const (
	none field = iota // only an object with names of its own
	id
	eventTime
	operatorID
	operatorUsername
	operatorFirstName
	operatorLastName
	operatorEmail
	source
	tokenName
	eventType
	resourceID
	resourceName
	resourceType
	ipAddress
	errorMessage
	requestMethod
	requestURI
	requestUserAgent
	requestHeaders
	requestBody
	statusCode
	responseBody
	gatewayGroup
)

// isValue says that the field takes any JSON value, not scalars only.
func (f field) isValue() bool {
	return f == requestHeaders || f == requestBody || f == responseBody
}

// ownNames are the gateway's names, as dotted paths.
// Source: the published audit log API; gateway_group is how its other answers
// name the group.
var ownNames = map[string]field{
	"id":                        id,
	"event_time":                eventTime,
	"operator.id":               operatorID,
	"operator.username":         operatorUsername,
	"operator.first_name":       operatorFirstName,
	"operator.last_name":        operatorLastName,
	"operator.email":            operatorEmail,
	"source":                    source,
	"token_name":                tokenName,
	"event_type":                eventType,
	"resource_id":               resourceID,
	"resource_name":             resourceName,
	"resource_type":             resourceType,
	"ip_address":                ipAddress,
	"error_message":             errorMessage,
	"http_request.method":       requestMethod,
	"http_request.uri":          requestURI,
	"http_request.user_agent":   requestUserAgent,
	"http_request.headers":      requestHeaders,
	"http_request.body":         requestBody,
	"http_response.status_code": statusCode,
	"http_response.body":        responseBody,
	"gateway_group_id":          gatewayGroup,
	"gateway_group.id":          gatewayGroup,
}

// set and setValue put a member into the record; nil takes it out again.
func (d *Decoder) set(f field, t event.Token, rec *event.Record) {
	switch f {
	case id:
		rec.ID = t
	case eventTime:
		d.time = t
	case operatorID:
		rec.Operator.ID = t
	case operatorUsername:
		rec.Operator.Username = t
	case operatorFirstName:
		rec.Operator.FirstName = t
	case operatorLastName:
		rec.Operator.LastName = t
	case operatorEmail:
		rec.Operator.Email = t
	case source:
		rec.Source = t
	case tokenName:
		rec.TokenName = t
	case eventType:
		rec.EventType = t
	case resourceID:
		rec.ResourceID = t
	case resourceName:
		rec.ResourceName = t
	case resourceType:
		rec.ResourceType = t
	case ipAddress:
		rec.IPAddress = t
	case errorMessage:
		rec.ErrorMessage = t
	case requestMethod:
		rec.Request.Method = t
	case requestURI:
		rec.Request.URI = t
	case requestUserAgent:
		rec.Request.UserAgent = t
	case gatewayGroup:
		rec.GatewayGroup = t
	}
}

func (d *Decoder) setValue(f field, v event.Value, rec *event.Record) {
	switch f {
	case requestHeaders:
		rec.Request.Headers = v
	case requestBody:
		rec.Request.Body = v
	case responseBody:
		rec.Response.Body = v
	}
}

// node is a name in the tree of known names. It can stand for a field, or for an
// object with known names in it, or, after a rename, for both: then the kind of
// the value decides. The tree never changes once it is compiled and is shared by
// the decoders of all goroutines.
type node struct {
	index    int
	parent   *node
	field    field
	under    []string  // its path in the input
	fields   []field   // its own and all below it
	byLength [][]child // children by the length of their name
}

type child struct {
	name string
	node *node
}

func (n *node) find(name []byte) *node {
	if len(name) >= len(n.byLength) {
		return nil
	}
	for _, c := range n.byLength[len(name)] {
		if c.name == string(name) {
			return c.node
		}
	}
	return nil
}

func (n *node) add(name string) *node {
	if c := n.find([]byte(name)); c != nil {
		return c
	}
	for len(n.byLength) <= len(name) {
		n.byLength = append(n.byLength, nil)
	}
	c := &node{parent: n, under: append(slices.Clone(n.under), name)}
	n.byLength[len(name)] = append(n.byLength[len(name)], child{name, c})
	return c
}

// number gives every node its index, beginning with next, and collects the
// fields below it. It returns the first index that is free.
func (n *node) number(next int) int {
	n.index = next
	next++
	if n.field != none {
		n.fields = []field{n.field}
	}
	for _, children := range n.byLength {
		for _, c := range children {
			next = c.node.number(next)
			n.fields = append(n.fields, c.node.fields...)
		}
	}
	return next
}

// put enters a field under a dotted path and, because flat exports write the
// path as one name, under that name too.
func (n *node) put(path string, f field) error {
	leaf := n
	for part := range strings.SplitSeq(path, ".") {
		if leaf.field.isValue() {
			return fmt.Errorf("%q lies inside what is kept whole", path)
		}
		leaf = leaf.add(part)
	}
	if f.isValue() && leaf.byLength != nil {
		return fmt.Errorf("%q is kept whole, but a name inside it is used", path)
	}
	leaf.field = f
	n.add(path).field = f
	return nil
}

// RenameError says which entry of Options.Rename cannot work.
type RenameError struct {
	From, To string // the entry
	Problem  string
}

func (e *RenameError) Error() string {
	return fmt.Sprintf("rename %q to %q: %s", e.From, e.To, e.Problem)
}

// compile builds the tree of known names.
func compile(rename map[string]string) (*node, error) {
	root := &node{}
	for path, f := range ownNames {
		if err := root.put(path, f); err != nil {
			return nil, err
		}
	}
	for _, from := range slices.Sorted(maps.Keys(rename)) {
		to := rename[from]
		if problem := unusable(from); problem != "" {
			return nil, &RenameError{from, to, problem}
		}
		targets := under(to)
		if len(targets) == 0 {
			return nil, &RenameError{from, to, "no such field of the record"}
		}
		for rest, f := range targets {
			if err := root.put(from+rest, f); err != nil {
				return nil, &RenameError{from, to, err.Error()}
			}
		}
	}
	return root, nil
}

// maxParts is how many names a path may have; an unknown field beside the last
// of them is kept with all the objects around it.
const maxParts = 8

// unusable says why a path cannot be renamed, "" where it can.
func unusable(path string) string {
	parts := strings.Split(path, ".")
	if len(parts) > maxParts {
		return "the path is too long"
	}
	for _, part := range parts {
		if strings.TrimSpace(part) == "" || strings.ContainsFunc(part, unicode.IsControl) {
			return "a name in it is blank"
		}
	}
	return ""
}

// under is what a path of the record names: one field ("" in the result), or
// the fields of an object by the rest of their paths (".username").
func under(path string) map[string]field {
	if f, ok := ownNames[path]; ok {
		return map[string]field{"": f}
	}
	found := map[string]field{}
	for name, f := range ownNames {
		if rest, ok := strings.CutPrefix(name, path); ok && strings.HasPrefix(rest, ".") {
			found[rest] = f
		}
	}
	return found
}

// IDPaths are the dotted paths under which an id is found in the input, sorted:
// "id", and what is renamed to it. A masking rule that names one of them changes
// the id.
func (d *Decoder) IDPaths() []string { return d.Paths("id") }

// Paths are the dotted paths under which a field of the record, given by its own
// name, is found in the input, sorted: that name, and what is renamed to it.
func (d *Decoder) Paths(name string) []string {
	paths := d.root.paths(ownNames[name])
	slices.Sort(paths)
	return slices.Compact(paths)
}

func (n *node) paths(f field) []string {
	var paths []string
	if n.field == f {
		paths = append(paths, strings.Join(n.under, "."))
	}
	for _, children := range n.byLength {
		for _, c := range children {
			paths = append(paths, c.node.paths(f)...)
		}
	}
	return paths
}

// Names are the record's names that a rename may lead to, sorted.
func Names() []string { return slices.Sorted(maps.Keys(ownNames)) }
