package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/mappings"
)

// onlineConfig is a configuration for a user of a node, with more elasticsearch keys.
func onlineConfig(t *testing.T, node *esnode.Node, namespace, user, more string) string {
	t.Helper()
	return writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: "*.json"}]
elasticsearch: {urls: %q, namespace: %s, username: %s, password: correct horse%s}
`, node.URL, namespace, user, more))
}

// R19: with the shipped role everything is granted; without any one of its
// privileges that one is named, with the role that grants it, and nothing else.
func TestR19_CheckNamesTheMissingPrivilege(t *testing.T) {
	node := estest.Shared(t)
	namespace := estest.Namespace(t)
	needs, err := mappings.AgentPrivileges(namespace)
	if err != nil {
		t.Fatal(err)
	}
	all := needs.Each()
	config := onlineConfig(t, node, namespace, namespace, fmt.Sprintf(", ca_file: %q", node.CAFile))
	check := func(granted []exporter.Privilege) outcome {
		t.Helper()
		if err := node.PutRole(t.Context(), namespace, roleOf(t, granted)); err != nil {
			t.Fatal(err)
		}
		if err := node.CreateUser(t.Context(), namespace, "correct horse", namespace); err != nil {
			t.Fatal(err)
		}
		return runMain("check", "--online", "-c", config)
	}
	want(t, check(all), exitDone, "ok     cluster privilege monitor\n", "ok     Elasticsearch 8.19.9, cluster ")
	if len(all) < 5 {
		t.Fatalf("only %v", all)
	}
	for _, one := range all {
		t.Run(one.Name, func(t *testing.T) {
			got := check(slices.DeleteFunc(slices.Clone(all), func(p exporter.Privilege) bool { return p == one }))
			want(t, got, exitFailed, "FAILED "+one.String()+"\n", "PUT /_security/role/auditship_agent\n", `"`+one.Name+`"`)
			if n := strings.Count(got.stdout, "FAILED"); n != 1 {
				t.Errorf("%d findings instead of one:\n%s", n, got.stdout)
			}
		})
	}
}

// roleOf is the body of a role that grants exactly these privileges.
func roleOf(t *testing.T, granted []exporter.Privilege) []byte {
	t.Helper()
	type indices struct {
		Names      []string `json:"names"`
		Privileges []string `json:"privileges"`
	}
	role := struct {
		Cluster []string  `json:"cluster"`
		Indices []indices `json:"indices"`
	}{Cluster: []string{}, Indices: []indices{}}
	for _, one := range granted {
		if one.On == "" {
			role.Cluster = append(role.Cluster, one.Name)
		} else {
			role.Indices = append(role.Indices, indices{[]string{one.On}, []string{one.Name}})
		}
	}
	body, err := json.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// What the check says about an unknown authority is enough to trust it.
func TestCheckOnlineTellsHowToPinTheAuthority(t *testing.T) {
	node := estest.Shared(t)
	namespace := estest.Namespace(t)
	if err := node.CreateUser(t.Context(), namespace, "correct horse", "superuser"); err != nil {
		t.Fatal(err)
	}
	got := runMain("check", "--online", "-c", onlineConfig(t, node, namespace, namespace, ""))
	want(t, got, exitUnreachable, "an authority that this host does not know", "ca_file:")
	pin := regexp.MustCompile(`ca_fingerprint: [0-9a-f]{64}`).FindString(got.stdout)
	if pin == "" {
		t.Fatalf("no fingerprint:\n%s", got.stdout)
	}
	want(t, runMain("check", "--online", "-c", onlineConfig(t, node, namespace, namespace, ", "+pin)), exitDone, "ok     Elasticsearch 8.19.9")

	wrong := ", ca_fingerprint: " + strings.Repeat("0", 64)
	want(t, runMain("check", "--online", "-c", onlineConfig(t, node, namespace, namespace, wrong)), exitUnreachable,
		"No certificate that the server shows has elasticsearch.ca_fingerprint")
}

func TestCheckOnlineOfAWrongPassword(t *testing.T) {
	node := estest.Shared(t)
	config := onlineConfig(t, node, "default", "nobody", fmt.Sprintf(", ca_file: %q", node.CAFile))
	want(t, runMain("check", "--online", "-c", config), exitFailed, "FAILED Elasticsearch does not accept the agent's key or password (401)")
}

func TestCheckOnlineOfTheGatewayAndTheFiles(t *testing.T) {
	node := estest.Shared(t)
	namespace := estest.Namespace(t)
	if err := node.CreateUser(t.Context(), namespace, "correct horse", "superuser"); err != nil {
		t.Fatal(err)
	}
	store := &api7sim.Store{}
	gateway := api7sim.NewServer(store, api7sim.Options{APIKey: "right"})
	server := httptest.NewServer(gateway)
	defer server.Close()
	check := func(key, url string) outcome {
		path := writeConfig(t, fmt.Sprintf(`
inputs:
  - {type: file, id: files, paths: "*.json"}
  - {type: api, id: dashboard, url: %q, api_key: %s}
elasticsearch: {urls: %q, namespace: %s, username: %s, password: correct horse, ca_file: %q}
`, url, key, node.URL, namespace, namespace, node.CAFile))
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "audit.json"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return runMain("check", "--online", "-c", path)
	}
	files := "ok     input files: the files that are there can be read\n"
	want(t, check("right", server.URL), exitDone, files, "ok     input dashboard: the gateway lets the token read its audit records; there are none yet\n")
	generator := api7sim.NewGenerator(1)
	store.Add(generator.Next(time.Now().Add(-time.Hour)))
	want(t, check("right", server.URL), exitDone, "ok     input dashboard: the gateway lets the token read its audit records; the oldest is of ")
	want(t, check("wrong", server.URL), exitFailed, "FAILED input dashboard: the gateway does not accept the token", files)
	gateway.Inject(1, api7sim.Status(403))
	want(t, check("right", server.URL), exitFailed, "FAILED input dashboard", "iam:GetAudit on arn:api7:iam:organization/*")
	server.Close()
	want(t, check("right", server.URL), exitUnreachable, "FAILED input dashboard: the gateway cannot be reached")
}

// What the next write will hit is looked at, not only whether it is allowed.
func TestCheckOnlineOfTheDestination(t *testing.T) {
	node := estest.Shared(t)
	for name, c := range map[string]struct {
		arrange func(stream, namespace string)
		code    int
		says    string
	}{
		"nothing yet": {func(string, string) {}, exitDone, " is made with the first record; auditship setup --verify proves by which templates"},
		"an alias": {func(stream, namespace string) {
			ask(t, node, "PUT", "/elsewhere-"+namespace, `{"aliases":{"`+stream+`":{"is_write_index":true}}}`)
			undo(t, node, "/elsewhere-"+namespace)
		}, exitFailed, "is an alias of elsewhere-"},
		"a stream of another template": {func(stream, namespace string) {
			ask(t, node, "PUT", "/_index_template/"+namespace, `{"index_patterns":["`+stream+`"],"priority":900,"data_stream":{}}`)
			undo(t, node, "/_index_template/"+namespace)
			ask(t, node, "POST", "/"+stream+"/_doc", `{"@timestamp":"2026-03-01T12:00:00Z"}`)
			undo(t, node, "/_data_stream/"+stream)
		}, exitFailed, "was made by another index template than logs-api7.audit; run auditship setup"},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := estest.Namespace(t)
			if err := node.CreateUser(t.Context(), namespace, "correct horse", "superuser"); err != nil {
				t.Fatal(err)
			}
			c.arrange("logs-api7.audit-"+namespace, namespace)
			got := runMain("check", "--online", "-c", onlineConfig(t, node, namespace, namespace, fmt.Sprintf(", ca_file: %q", node.CAFile)))
			want(t, got, c.code, "logs-api7.audit-"+namespace, c.says)
		})
	}
}

// undo deletes at the end of the test what would be in the way of others on the node.
func undo(t *testing.T, node *esnode.Node, path string) {
	t.Helper()
	t.Cleanup(func() {
		if status, answer, err := node.Do(context.Background(), "DELETE", path, nil); err != nil || status >= 300 {
			t.Errorf("DELETE %s: %d %s %v", path, status, answer, err)
		}
	})
}

func ask(t *testing.T, node *esnode.Node, method, path, body string) {
	t.Helper()
	if status, answer, err := node.Do(t.Context(), method, path, []byte(body)); err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, status, answer, err)
	}
}
