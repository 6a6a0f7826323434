package mappings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
)

// setupRole: with every privilege of the role everything can be done; without
// any one of them something cannot.
func setupRole(t *testing.T, n *node) {
	role, err := readRole(SetupRole)
	if err != nil {
		t.Fatal(err)
	}
	everything := func(t *testing.T, role roleBody) error {
		n.empty(t)
		earlierRelease(t, n) // so that there is something to roll over
		n.do(t, http.MethodDelete, "/_security/role/"+AnalystRole, "")
		n.index(t, "logs-api7.audit-default", minimal)
		client := n.signInWith(t, "setup-tester", role)
		if err := Apply(t.Context(), client, Options{Retention: 365 * day}); err != nil {
			return err
		}
		report, err := NewTarget(client, Options{Retention: 365 * day}, "default").Verify(t.Context())
		if err != nil {
			return err
		}
		if !proven(report) {
			return fmt.Errorf("verify: %v", report)
		}
		key, err := CreateAgentKey(t.Context(), client, "auditship-agent-host1", 0)
		if err != nil {
			return err
		}
		need, err := AgentPrivileges("default")
		if err != nil {
			return err
		}
		missing, err := n.signInKey(t, key.Encoded).CheckPrivileges(t.Context(), need)
		if err != nil || len(missing) > 0 {
			return fmt.Errorf("the key lacks %v (%w)", missing, err)
		}
		return InvalidateKey(t.Context(), client, key)
	}
	if err := everything(t, role); err != nil {
		t.Fatalf("with the whole role: %v", err)
	}
	for _, without := range role.privileges() {
		t.Run("without "+without, func(t *testing.T) {
			if err := everything(t, role.without(without)); err == nil {
				t.Errorf("%s is not needed", without)
			}
		})
	}
}

// privileges lists the names of all privileges of a role.
func (r roleBody) privileges() []string {
	names := slices.Clone(r.Cluster)
	for _, group := range r.Indices {
		names = append(names, group.Privileges...)
	}
	return names
}

// without copies a role and leaves one privilege out.
func (r roleBody) without(name string) roleBody {
	not := func(s string) bool { return s == name }
	out := roleBody{Cluster: slices.DeleteFunc(slices.Clone(r.Cluster), not)}
	for _, group := range r.Indices {
		out.Indices = append(out.Indices, exporter.IndexPrivileges{
			Names: group.Names, Privileges: slices.DeleteFunc(slices.Clone(group.Privileges), not),
		})
	}
	return out
}

// signInWith makes a user with exactly one role, and signs in.
func (n *node) signInWith(t *testing.T, user string, role roleBody) *exporter.Client {
	t.Helper()
	body, err := json.Marshal(map[string]any{"cluster": role.Cluster, "indices": role.Indices})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.PutRole(t.Context(), user, body); err != nil {
		t.Fatal(err)
	}
	if err := n.CreateUser(t.Context(), user, "tester-password", user); err != nil {
		t.Fatal(err)
	}
	return n.signIn(t, user, "tester-password")
}

// agentKey makes a key as setup does.
func (n *node) agentKey(t *testing.T) *exporter.Client {
	t.Helper()
	key, err := CreateAgentKey(t.Context(), n.client, "auditship-agent-host1", 0)
	if err != nil {
		t.Fatal(err)
	}
	return n.signInKey(t, key.Encoded)
}

func agentRole(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.do(t, http.MethodPut, "/secrets/_doc/1?refresh=true", `{"a":1}`)
	t.Cleanup(func() { n.Do(context.WithoutCancel(t.Context()), http.MethodDelete, "/secrets", nil) }) //nolint:errcheck // the node goes away
	key := n.agentKey(t)
	var created struct {
		Index string `json:"_index"`
	}
	const stream = "/logs-api7.audit-default"
	if err := key.JSON(t.Context(), http.MethodPut, stream+"/_create/a", json.RawMessage(minimal), &created); err != nil {
		t.Fatalf("create a document and, with it, the stream: %v", err)
	}
	var found struct {
		Docs []struct{ Found bool }
	}
	ids := json.RawMessage(`{"ids":["a"]}`)
	if err := key.JSON(t.Context(), http.MethodPost, "/"+created.Index+"/_mget", ids, &found); err != nil || len(found.Docs) != 1 || !found.Docs[0].Found {
		t.Errorf("look it up in its backing index, before a refresh: %+v, %v", found, err)
	}
	tests := map[string]struct {
		method, path, body string
		allowed            bool
	}{
		"which version":              {"GET", "/", "", true},
		"which backing indices":      {"GET", "/_resolve/index/logs-api7.audit-default", "", true},
		"their settings":             {"GET", stream + "/_settings/index.creation_date", "", true},
		"the stream itself":          {"GET", "/_data_stream/logs-api7.audit-default", "", true},
		"search the trail":           {"GET", stream + "/_search", "", true},
		"another namespace":          {"POST", "/logs-api7.audit-prod/_doc", minimal, true},
		"search something else":      {"GET", "/secrets/_search", "", false},
		"write something else":       {"POST", "/logs-nginx-default/_doc", minimal, false},
		"overwrite a document":       {"PUT", "/" + created.Index + "/_doc/a?if_seq_no=0&if_primary_term=1", minimal, false},
		"delete a document":          {"DELETE", "/" + created.Index + "/_doc/a", "", false},
		"delete the stream":          {"DELETE", "/_data_stream/logs-api7.audit-default", "", false},
		"delete a backing index":     {"DELETE", "/" + created.Index, "", false},
		"roll over":                  {"POST", stream + "/_rollover", "", false},
		"change settings":            {"PUT", stream + "/_settings", `{"index.lifecycle.name":null}`, false},
		"change the policy":          {"PUT", "/_ilm/policy/" + Name, `{"policy":{"phases":{}}}`, false},
		"change a template":          {"PUT", "/_index_template/" + Name, `{"index_patterns":["x"]}`, false},
		"change a role":              {"PUT", "/_security/role/" + AgentRole, `{"cluster":["all"]}`, false},
		"make a user":                {"PUT", "/_security/user/intruder", `{"password":"intruder-1","roles":["superuser"]}`, false},
		"write into a backing index": {"PUT", "/" + created.Index + "/_create/b", minimal, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var body any
			if tc.body != "" {
				body = json.RawMessage(tc.body)
			}
			err := key.JSON(t.Context(), tc.method, tc.path, body, nil)
			wantAllowed(t, err, tc.allowed)
		})
	}
}

func wantAllowed(t *testing.T, err error, allowed bool) {
	t.Helper()
	var e *exporter.Error
	switch {
	case allowed && err != nil:
		t.Errorf("refused: %v", err)
	case !allowed && err == nil:
		t.Error("allowed")
	case !allowed && (!errors.As(err, &e) || e.Status != http.StatusForbidden && e.Status != http.StatusBadRequest):
		t.Errorf("refused, but not for the lack of a right: %v", err)
	}
}

func missingPrivileges(t *testing.T, n *node) {
	role, err := readRole(AgentRole)
	if err != nil {
		t.Fatal(err)
	}
	need, err := AgentPrivileges("default")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		role roleBody
		want []string
	}{
		"none":                        {role, nil},
		"without monitor":             {role.without("monitor"), []string{"cluster privilege monitor"}},
		"without create_doc":          {role.without("create_doc"), []string{"index privilege create_doc on logs-api7.audit-default"}},
		"without read":                {role.without("read"), []string{"index privilege read on logs-api7.audit-default"}},
		"without view_index_metadata": {role.without("view_index_metadata"), []string{"index privilege view_index_metadata on logs-api7.audit-default"}},
		"without auto_configure":      {role.without("auto_configure"), []string{"index privilege auto_configure on logs-api7.audit-default"}},
		"for another namespace": {
			roleBody{Cluster: role.Cluster, Indices: []exporter.IndexPrivileges{{Names: []string{"logs-api7.audit-prod"}, Privileges: []string{"all"}}}},
			[]string{
				"index privilege auto_configure on logs-api7.audit-default",
				"index privilege create_doc on logs-api7.audit-default",
				"index privilege read on logs-api7.audit-default",
				"index privilege view_index_metadata on logs-api7.audit-default",
			},
		},
		"for this namespace only": {
			roleBody{Cluster: role.Cluster, Indices: []exporter.IndexPrivileges{{Names: []string{"logs-api7.audit-default"}, Privileges: role.Indices[0].Privileges}}},
			nil,
		},
	}
	if want := len(role.privileges()) + 3; len(tests) != want {
		t.Errorf("%d cases, want %d: one for each privilege", len(tests), want)
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			missing, err := n.signInWith(t, "agent-tester", tc.role).CheckPrivileges(t.Context(), need)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range missing {
				got = append(got, m.String())
			}
			wantSteps(t, got, tc.want...)
		})
	}
}

func analystRole(t *testing.T, n *node) {
	apply(t, n.client, Options{}, false)
	n.index(t, "logs-api7.audit-default", minimal)
	role, err := readRole(AnalystRole)
	if err != nil {
		t.Fatal(err)
	}
	client := n.signInWith(t, "analyst-tester", role)
	tests := map[string]struct {
		method, path, body string
		allowed            bool
	}{
		"search":                {"GET", "/logs-api7.audit-default/_search", "", true},
		"open a point in time":  {"POST", "/logs-api7.audit-default/_pit?keep_alive=1m", "", true},
		"which fields":          {"GET", "/logs-api7.audit-*/_field_caps?fields=*", "", true},
		"write":                 {"POST", "/logs-api7.audit-default/_doc", minimal, false},
		"delete the stream":     {"DELETE", "/_data_stream/logs-api7.audit-default", "", false},
		"search something else": {"GET", "/logs-nginx-default/_search", "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var body any
			if tc.body != "" {
				body = json.RawMessage(tc.body)
			}
			wantAllowed(t, client.JSON(t.Context(), tc.method, tc.path, body, nil), tc.allowed)
		})
	}
}

func keyMakesNoKeys(t *testing.T, n *node) {
	all, err := n.CreateAPIKey(t.Context(), "all", []byte(`{"all":{"cluster":["all"],"indices":[{"names":["*"],"privileges":["all"]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateAgentKey(t.Context(), n.signInKey(t, all), "derived", 0); err == nil {
		t.Error("Elasticsearch lets a key make keys: the error for --create-key can go")
	}
}

func keyOfAWeakUser(t *testing.T, n *node) {
	weak := n.signInWith(t, "weak-tester", roleBody{Cluster: []string{"monitor", "manage_own_api_key"}, Indices: []exporter.IndexPrivileges{}})
	_, err := CreateAgentKey(t.Context(), weak, "auditship-agent-host1", 0)
	if err == nil || !strings.Contains(err.Error(), "index privilege create_doc on logs-api7.audit-*") {
		t.Errorf("got %v, want the names of what is missing", err)
	}
}
