package api7sim

import (
	"bytes"
	_ "embed" // catalog.json, operations.tsv
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
)

//go:embed catalog.json
var catalogJSON []byte

//go:embed operations.tsv
var operationsTSV string

// Operator is who did something.
type Operator struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
}

// Record is an audit record as the gateway's audit API gives it.
type Record struct {
	ID           string          `json:"id"`
	EventTime    int64           `json:"event_time"` // Unix seconds
	Operator     Operator        `json:"operator"`
	Source       string          `json:"source"` // dashboard, api or adc
	TokenName    string          `json:"token_name,omitempty"`
	EventType    string          `json:"event_type"`
	ResourceID   string          `json:"resource_id,omitempty"`
	IPAddress    string          `json:"ip_address"`
	ErrorMessage string          `json:"error_message,omitempty"`
	Request      json.RawMessage `json:"http_request"`
	Response     json.RawMessage `json:"http_response"`
}

// EventType is a kind of event: the key stands in records, the name on the page.
type EventType struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

type catalog struct {
	Operators []struct {
		Operator
		Weight    int    `json:"weight"`
		TokenName string `json:"token_name"`
	} `json:"operators"`
	Services []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"services"`
	GatewayGroups []string                   `json:"gateway_groups"`
	UserAgents    []string                   `json:"user_agents"`
	Errors        map[string]string          `json:"errors"`
	Bodies        map[string]json.RawMessage `json:"bodies"`
	Answers       map[string]json.RawMessage `json:"answers"`
}

// Generator makes records from a seed: the same seed, the same records.
type Generator struct {
	random     *rand.Rand
	catalog    catalog
	operations []Operation
	secrets    []string
	n          int
}

// NewGenerator makes a generator. The assets of this package are checked by its
// tests, so it does not fail.
func NewGenerator(seed uint64) *Generator {
	g := &Generator{random: rand.New(rand.NewPCG(seed, 7)), operations: Operations()}
	if err := json.Unmarshal(catalogJSON, &g.catalog); err != nil {
		panic("api7sim: catalog.json: " + err.Error())
	}
	return g
}

// Secrets lists every secret that was planted so far, as plain text.
func (g *Generator) Secrets() []string { return g.secrets }

// EventTypes lists all kinds of events, sorted by key.
func EventTypes() []EventType {
	seen := map[string]bool{}
	var types []EventType
	for _, o := range Operations() {
		if !seen[o.Event.Key] {
			seen[o.Event.Key] = true
			types = append(types, o.Event)
		}
	}
	return types
}

// Next makes the record of the next operation, at a time. Every operation of the
// specification comes up in turn, between those that are done often.
func (g *Generator) Next(at time.Time) Record {
	o := g.operations[g.n/3%len(g.operations)]
	if g.n%3 != 0 {
		o = g.often()
	}
	g.n++
	return g.Make(o, at)
}

// often picks one of the operations that make up most of a trail.
func (g *Generator) often() Operation {
	common := []string{
		"POST /apisix/admin/services", "PUT /apisix/admin/services/{service_id}", "POST /api/services/publish",
		"PUT /apisix/admin/routes/{route_id}", "POST /apisix/admin/routes", "PUT /apisix/admin/consumers/{consumer_id}",
		"POST /api/login", "POST /api/settings/tokens", "PATCH /apisix/admin/services/{service_id}", "POST /apisix/admin/ssls",
	}
	return mustFind(g.operations, common[g.random.IntN(len(common))])
}

func mustFind(operations []Operation, name string) Operation {
	for _, o := range operations {
		if o.Method+" "+o.Path == name {
			return o
		}
	}
	panic("api7sim: operations.tsv has no " + name)
}

// Find returns the operation with this method and path of the specification.
func Find(method, path string) Operation { return mustFind(Operations(), method+" "+path) }

// Make makes a record of one operation by a random operator on a random service.
func (g *Generator) Make(o Operation, at time.Time) Record {
	return g.MakeBy(o, at, g.operator(), g.random.IntN(len(g.catalog.Services)))
}

// Operators lists the operators' names.
func (g *Generator) Operators() []string {
	var names []string
	for _, o := range g.catalog.Operators {
		names = append(names, o.Username)
	}
	return names
}

func (g *Generator) operator() int {
	total := 0
	for _, o := range g.catalog.Operators {
		total += o.Weight
	}
	n := g.random.IntN(total)
	for i, o := range g.catalog.Operators {
		if n -= o.Weight; n < 0 {
			return i
		}
	}
	return 0
}

// MakeBy makes a record of one operation by an operator on a service, both by their
// place in the catalog: operator 0 is Ops, service 0 is httpbin.
func (g *Generator) MakeBy(o Operation, at time.Time, operator, service int) Record {
	who, what := g.catalog.Operators[operator], g.catalog.Services[service]
	v := values{name: what.Name, id: g.uuid(), group: pick(g, g.catalog.GatewayGroups), operator: who.Username}
	if o.Resource == "service" {
		v.id = what.ID
	}
	status := g.status(o)
	r := Record{
		ID: g.uuid(), EventTime: at.Unix(), Operator: who.Operator, TokenName: who.TokenName,
		Source: pick(g, []string{"dashboard", "dashboard", "api"}), EventType: o.Event.Key,
		IPAddress:    fmt.Sprintf("203.0.113.%d", 1+g.random.IntN(254)),
		ErrorMessage: g.catalog.Errors[fmt.Sprint(status)],
	}
	if who.TokenName != "" {
		r.Source = pick(g, []string{"api", "adc"})
	}
	if o.Resource != "" {
		r.ResourceID = v.id
	}
	r.Request, r.Response = g.request(o, v), g.response(o, v, status)
	return r
}

// status is mostly success; some operations fail, and logins more often.
func (g *Generator) status(o Operation) int {
	switch n := g.random.IntN(100); {
	case strings.HasSuffix(o.Path, "/login") && n < 15:
		return 401
	case n < 2:
		return 403
	case n < 4:
		return 400
	case n < 5 && o.Method != "POST":
		return 404
	case o.Method == "POST" && o.Resource != "":
		return 201
	}
	return 200
}

func (g *Generator) request(o Operation, v values) json.RawMessage {
	type request struct {
		Method    string            `json:"method"`
		URI       string            `json:"uri"`
		UserAgent string            `json:"user_agent"`
		Headers   map[string]string `json:"headers,omitempty"`
		Body      json.RawMessage   `json:"body,omitempty"`
	}
	r := request{Method: o.Method, URI: g.uri(o, v), UserAgent: pick(g, g.catalog.UserAgents)}
	if g.random.IntN(4) == 0 {
		r.Headers = map[string]string{"Content-Type": "application/json", "X-API-KEY": g.a7ee()}
	}
	if o.Method != "GET" && o.Method != "DELETE" {
		r.Body = g.fill(body(g.catalog.Bodies, o.Resource), v)
	}
	return encode(r)
}

func (g *Generator) uri(o Operation, v values) string {
	uri := parameter.ReplaceAllString(o.Path, v.id)
	if strings.HasPrefix(uri, "/apisix/") {
		uri += "?gateway_group_id=" + v.group
	}
	return uri
}

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

func (g *Generator) response(o Operation, v values, status int) json.RawMessage {
	type response struct {
		Status int             `json:"status_code"`
		Body   json.RawMessage `json:"body,omitempty"`
	}
	r := response{Status: status}
	switch {
	case status >= 400:
		r.Body = encode(map[string]string{"error_msg": g.catalog.Errors[fmt.Sprint(status)]})
	case o.Method != "DELETE":
		r.Body = g.fill(body(g.catalog.Answers, o.Resource), v)
	}
	return encode(r)
}

func body(bodies map[string]json.RawMessage, resource string) json.RawMessage {
	if b, ok := bodies[resource]; ok {
		return b
	}
	return bodies[""]
}

// values are what a body's placeholders stand for.
type values struct{ name, id, group, operator string }

var placeholder = regexp.MustCompile(`\{\{[^}]+\}\}`)

// fill puts values and new secrets into the placeholders of a body.
func (g *Generator) fill(body json.RawMessage, v values) json.RawMessage {
	filled := placeholder.ReplaceAllStringFunc(string(body), func(p string) string {
		text := g.value(strings.Trim(p, "{}"), v)
		quoted := encode(text)
		return string(quoted[1 : len(quoted)-1])
	})
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(filled)); err != nil {
		panic("api7sim: catalog.json: " + err.Error())
	}
	return compact.Bytes()
}

func (g *Generator) value(name string, v values) string {
	switch name {
	case "name":
		return v.name
	case "id":
		return v.id
	case "group":
		return v.group
	case "operator":
		return v.operator
	case "octet":
		return fmt.Sprint(g.random.IntN(250))
	case "a7ee":
		return g.a7ee()
	case "jwt":
		return g.plant(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
			base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+v.name+`"}`)) + "." + g.text(43))
	case "basic":
		return g.plant(base64.StdEncoding.EncodeToString([]byte("logger:" + g.text(18))))
	case "pem":
		return "-----BEGIN PRIVATE KEY-----\n" + g.plant(g.text(64)) + "\n" + g.plant(g.text(64)) + "\n-----END PRIVATE KEY-----\n"
	}
	return g.plant(strings.TrimPrefix(name, "secret:") + g.text(24))
}

// plant notes a secret.
func (g *Generator) plant(secret string) string {
	g.secrets = append(g.secrets, secret)
	return secret
}

// a7ee is a token of the gateway's form: 50 letters and digits, 32 hexadecimal.
func (g *Generator) a7ee() string {
	return g.plant("a7ee-" + g.text(50) + fmt.Sprintf("%016x%016x", g.random.Uint64(), g.random.Uint64()))
}

func (g *Generator) text(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[g.random.IntN(len(letters))]
	}
	return string(b)
}

func (g *Generator) uuid() string {
	a, b := g.random.Uint64(), g.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}

func pick[T any](g *Generator, from []T) T { return from[g.random.IntN(len(from))] }

// encode marshals what cannot fail to.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("api7sim: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

// JSON is the record in one line, without a line break.
func (r Record) JSON() []byte { return encode(r) }
