package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(estest.Wrap(m),
		// Connections that clients of this package keep open for the next request.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// trail is an audit trail on the real node, in a namespace of its own.
type trail struct {
	node      *esnode.Node
	namespace string
	// analyst signs in as a user that has the shipped role auditship_analyst
	// and no other.
	analyst  *exporter.Client
	username string
}

const password = "correct horse battery staple"

func newTrail(tb testing.TB) *trail {
	tb.Helper()
	return newTrailOn(tb, estest.Shared(tb))
}

func newTrailOn(tb testing.TB, node *esnode.Node) *trail {
	tb.Helper()
	tr := &trail{node: node, namespace: estest.Namespace(tb)}
	admin := tr.client(tb, node.URL, node.Username, node.Password)
	if err := mappings.Apply(tb.Context(), admin, mappings.Options{}); err != nil {
		tb.Fatal(err)
	}
	tr.username = "analyst-" + tr.namespace
	if err := node.CreateUser(tb.Context(), tr.username, password, mappings.AnalystRole); err != nil {
		tb.Fatal(err)
	}
	tr.analyst = tr.client(tb, node.URL, tr.username, password)
	return tr
}

func (tr *trail) client(tb testing.TB, url, username, password string) *exporter.Client {
	tb.Helper()
	c, err := exporter.New(exporter.Config{
		Addresses: []string{url}, CAFile: tr.node.CAFile, Username: username,
		Password: func() (string, error) { return password, nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (tr *trail) query(q Query) Query {
	q.Namespace = tr.namespace
	return q
}

// entry is a record as the agent indexes it; empty fields are left out.
type entry struct {
	id                           string // _id
	at                           time.Time
	event, action                string
	operator, operatorID, email  string
	resourceID, resourceName     string
	source, ip, address, outcome string
	body                         string // JSON
	ingested                     time.Time
}

func (e entry) document() map[string]any {
	doc := map[string]any{"@timestamp": e.at.UTC().Format(timeLayout)}
	put := func(value any, keys ...string) {
		if value == "" {
			return
		}
		at := doc
		for _, k := range keys[:len(keys)-1] {
			if at[k] == nil {
				at[k] = map[string]any{}
			}
			at = at[k].(map[string]any)
		}
		at[keys[len(keys)-1]] = value
	}
	if !e.ingested.IsZero() {
		put(e.ingested.UTC().Format(timeLayout), "event", "ingested")
	}
	put(e.event, "api7", "audit", "event_name")
	put(e.action, "event", "action")
	put(e.outcome, "event", "outcome")
	put(e.operator, "user", "name")
	put(e.operatorID, "user", "id")
	put(e.email, "user", "email")
	put(e.resourceID, "api7", "audit", "resource", "id")
	put(e.resourceName, "api7", "audit", "resource", "name")
	put(e.source, "api7", "audit", "source")
	put(e.ip, "source", "ip")
	put(e.address, "source", "address")
	if e.body != "" {
		put(json.RawMessage(e.body), "api7", "audit", "request", "body")
	}
	return doc
}

// index adds entries and makes them visible to searches.
func (tr *trail) index(tb testing.TB, entries ...entry) {
	tb.Helper()
	for chunk := range slices.Chunk(entries, 5000) {
		var b bytes.Buffer
		for _, e := range chunk {
			doc, err := json.Marshal(e.document())
			if err != nil {
				tb.Fatal(err)
			}
			fmt.Fprintf(&b, "{\"create\":{\"_id\":%q}}\n%s\n", e.id, doc)
		}
		answer := tr.do(tb, "POST", "/"+Query{Namespace: tr.namespace}.Stream()+"/_bulk?refresh=true", b.Bytes())
		var result struct {
			Errors bool `json:"errors"`
		}
		if err := json.Unmarshal(answer, &result); err != nil || result.Errors {
			tb.Fatalf("bulk: %v %.2000s", err, answer)
		}
	}
}

// do sends a request as the superuser.
func (tr *trail) do(tb testing.TB, method, path string, body []byte) []byte {
	tb.Helper()
	status, answer, err := tr.node.Do(tb.Context(), method, path, body)
	if err != nil || status >= http.StatusBadRequest {
		tb.Fatalf("%s %s: %d %v %s", method, path, status, err, answer)
	}
	return answer
}

// ids exports the ids of the records that match, in their order.
func (tr *trail) ids(tb testing.TB, client *exporter.Client, q Query, opts Options) ([]string, Summary) {
	tb.Helper()
	opts.Format, opts.Columns = NDJSON, []string{"_id"}
	var out bytes.Buffer
	sum, err := Run(tb.Context(), client, tr.query(q), &out, opts)
	if err != nil {
		tb.Fatal(err)
	}
	ids := []string{}
	for d := json.NewDecoder(&out); d.More(); {
		var row struct {
			ID string `json:"_id"`
		}
		if err := d.Decode(&row); err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	if int64(len(ids)) != sum.Rows {
		tb.Fatalf("%d ids but the summary says %d", len(ids), sum.Rows)
	}
	return ids, sum
}

func mustJSON(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
