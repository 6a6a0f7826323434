package mappings

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// node is a real Elasticsearch of this package alone: policies, templates and
// roles are global, so a shared one would not do.
type node struct {
	*esnode.Node
	client *exporter.Client // the superuser's
}

// TestOnElasticsearch runs its stories one after the other on one node, each on
// an empty one.
func TestOnElasticsearch(t *testing.T) {
	n := &node{Node: estest.Private(t, esnode.Options{})}
	n.client = n.signIn(t, n.Username, n.Password)
	stories := []struct {
		name string
		tell func(*testing.T, *node)
	}{
		{"a first run creates everything and a second changes nothing", firstAndSecondRun},
		{"another retention updates the policy only", otherRetention},
		{"what print writes, sent by hand, is what setup installs", printedByHand},
		{"what a person changed stays unless forced", changedByHand},
		{"what somebody else made under our names stays unless forced", madeBySomebodyElse},
		{"a changed mapping rolls the stream over, once", changedMapping},
		{"the user's own fields are kept and take effect", customFields},
		{"a stream older than the templates is taken over", olderStream},
		{"a stream that is deleted meanwhile needs nothing", deletedMeanwhile},
		{"a template of a higher priority is reported", higherPriority},
		{"verify fails, by name, for what is wrong", verifyFails},
		{"what the next write hits is said", destinations},
		{"a shorter retention deletes nothing unless forced", shorterRetention},
		{"the templates take documents and refuse none for a field", takesDocuments},
		{"the setup role is enough, and nothing in it too much", setupRole},
		{"the agent's role lets a key write and look up, and nothing else", agentRole},
		{"each privilege the agent lacks is named", missingPrivileges},
		{"the analyst's role reads and nothing else", analystRole},
		{"a key cannot make keys", keyMakesNoKeys},
		{"a user who lacks rights cannot hand them on", keyOfAWeakUser},
	}
	for _, s := range stories {
		if !t.Run(s.name, func(t *testing.T) { s.tell(t, n.empty(t)) }) && t.Context().Err() != nil {
			break
		}
	}
}

// signIn makes a client for a user of the node.
func (n *node) signIn(t *testing.T, user, password string) *exporter.Client {
	t.Helper()
	return n.connect(t, exporter.Config{Username: user, Password: func() (string, error) { return password, nil }})
}

// signInKey makes a client for an API key.
func (n *node) signInKey(t *testing.T, key string) *exporter.Client {
	t.Helper()
	return n.connect(t, exporter.Config{APIKey: func() (string, error) { return key, nil }})
}

func (n *node) connect(t *testing.T, cfg exporter.Config) *exporter.Client {
	t.Helper()
	cfg.Addresses, cfg.CAFile = []string{n.URL}, n.CAFile
	client, err := exporter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// do sends a request as the superuser; a status of 300 or more, but 404 to a
// DELETE, fails the test.
func (n *node) do(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	status, answer, err := n.Do(t.Context(), method, path, []byte(body))
	if err != nil || status >= 300 && (method != http.MethodDelete || status != http.StatusNotFound) {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

// empty removes what an earlier story left.
func (n *node) empty(t *testing.T) *node {
	t.Helper()
	for _, path := range []string{
		"/_data_stream/logs-*", "/_index_template/*", "/_component_template/logs-*", "/_ilm/policy/" + Name, "/_ilm/policy/other",
		"/_security/role/" + AgentRole, "/_security/role/" + AnalystRole, "/_security/role/" + SetupRole,
	} {
		n.do(t, http.MethodDelete, path, "")
	}
	return n
}

// index puts a document into a stream and gives the backing index it went to.
func (n *node) index(t *testing.T, stream, doc string) string {
	t.Helper()
	answer := n.do(t, http.MethodPost, "/"+stream+"/_doc?refresh=true", doc)
	name, _ := answer["_index"].(string)
	return name
}

const minimal = `{"@timestamp":"2026-01-01T00:00:00Z"}`
