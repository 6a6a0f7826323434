package esnode_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// Each endpoint of the plugin asks for the privilege that the real endpoint
// documents, and for no other.
func TestEndpointsAskForTheirPrivilege(t *testing.T) {
	name := estest.Namespace(t)
	stream := "logs-access-" + name
	admin(t).wants(t, http.StatusOK, put, "/_ilm/policy/"+name, goodPolicy, nil)
	putTemplate(t, name, stream, name)
	admin(t).wants(t, http.StatusCreated, put, "/"+stream+"/_create/first", document, nil)

	const (
		nothing   = `{"cluster":["manage_own_api_key"]}`
		monitor   = `{"cluster":["monitor"]}`
		readILM   = `{"cluster":["read_ilm"]}`
		manageILM = `{"cluster":["manage_ilm"]}`
	)
	on := func(stream, privilege string) string {
		return `{"indices":[{"names":["` + stream + `"],"privileges":["` + privilege + `"]}]}`
	}
	cases := map[string]struct{ method, path, body, enough, tooLittle string }{
		"who it is":       {get, "/", "", monitor, nothing},
		"put policy":      {put, "/_ilm/policy/" + name, goodPolicy, manageILM, readILM},
		"get policy":      {get, "/_ilm/policy/" + name, "", readILM, monitor},
		"list policies":   {get, "/_ilm/policy", "", readILM, monitor},
		"ILM status":      {get, "/_ilm/status", "", readILM, monitor},
		"explain":         {get, "/" + stream + "/_ilm/explain", "", on(stream, "view_index_metadata"), on(stream, "read")},
		"get data stream": {get, "/_data_stream/" + stream, "", on(stream, "view_index_metadata"), on(stream, "create_doc")},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			withKey(t, c.enough).wants(t, http.StatusOK, c.method, c.path, c.body, nil)
			got := withKey(t, c.tooLittle).isRefused(t, http.StatusForbidden, "security_exception", c.method, c.path, c.body)
			if !strings.Contains(got.Error.Reason, "is unauthorized for API key") {
				t.Errorf("the reason is %q", got.Error.Reason)
			}
		})
	}
	t.Run("delete policy", func(t *testing.T) {
		unused := "/_ilm/policy/unused-" + name
		admin(t).wants(t, http.StatusOK, put, unused, goodPolicy, nil)
		withKey(t, readILM).isRefused(t, http.StatusForbidden, "security_exception", remove, unused, "")
		withKey(t, manageILM).wants(t, http.StatusOK, remove, unused, "", nil)
	})
	t.Run("delete data stream", func(t *testing.T) {
		doomed := "logs-access.doomed-" + name
		putTemplate(t, "doomed-"+name, doomed, name)
		admin(t).wants(t, http.StatusCreated, put, "/"+doomed+"/_create/first", document, nil)
		withKey(t, on(doomed, "write")).isRefused(t, http.StatusForbidden, "security_exception", remove, "/_data_stream/"+doomed, "")
		withKey(t, on(doomed, "delete_index")).wants(t, http.StatusOK, remove, "/_data_stream/"+doomed, "", nil)
	})
	t.Run("who it is, by HEAD", func(t *testing.T) {
		withKey(t, monitor).wants(t, http.StatusOK, head, "/", "", nil)
		withKey(t, nothing).wants(t, http.StatusForbidden, head, "/", "", nil)
	})
}

// A key that sees one data stream gets a list without the others.
func TestListOfDataStreamsHoldsWhatTheCallerMaySee(t *testing.T) {
	name := estest.Namespace(t)
	putTemplate(t, name, "logs-seen.*-"+name, name)
	for _, stream := range []string{"logs-seen.mine-" + name, "logs-seen.other-" + name} {
		admin(t).wants(t, http.StatusCreated, put, "/"+stream+"/_create/first", document, nil)
	}
	key := withKey(t, `{"indices":[{"names":["logs-seen.mine-*"],"privileges":["view_index_metadata"]}]}`)
	var found dataStreams
	key.wants(t, http.StatusOK, get, "/_data_stream/logs-seen.*-"+name, "", &found)
	if len(found.DataStreams) != 1 || found.DataStreams[0].Name != "logs-seen.mine-"+name {
		t.Errorf("the key sees %+v", found)
	}
}

func TestWriterWritesAndNothingElse(t *testing.T) {
	name := estest.Namespace(t)
	stream := "logs-writer-" + name
	putTemplate(t, name, stream, name)
	writer := withKey(t, `{"indices":[{"names":["`+stream+`"],"privileges":["auto_configure","create_doc"]}]}`)
	var result struct {
		Errors bool
		Items  []map[string]struct{ Status int }
	}
	bulk := `{"create":{"_id":"a"}}` + "\n" + document + "\n" + `{"create":{"_id":"a"}}` + "\n" + document + "\n"
	writer.wants(t, http.StatusOK, post, "/"+stream+"/_bulk", bulk, &result)
	if len(result.Items) != 2 || result.Items[0]["create"].Status != 201 || result.Items[1]["create"].Status != 409 {
		t.Errorf("the bulk answer is %+v", result)
	}
	for _, path := range []string{"/_search", "/_refresh", "/_doc/a", "/_mapping"} {
		writer.isRefused(t, http.StatusForbidden, "security_exception", get, "/"+stream+path, "")
	}
	writer.isRefused(t, http.StatusForbidden, "security_exception", post, "/"+stream+"/_rollover", "")
	writer.isRefused(t, http.StatusForbidden, "security_exception", get, "/_ilm/policy", "")
}

func TestUsersHaveTheirRoles(t *testing.T) {
	node, name := estest.Shared(t), estest.Namespace(t)
	if err := node.PutRole(t.Context(), name, []byte(`{"cluster":["monitor"]}`)); err != nil {
		t.Fatal(err)
	}
	const password = "correct horse"
	if err := node.CreateUser(t.Context(), name, password, name); err != nil {
		t.Fatal(err)
	}
	logIn := func(password string) caller {
		user, err := esnode.Attach(node.URL, name, password, node.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		return caller{node: user}
	}
	logIn(password).wants(t, http.StatusOK, get, "/", "", nil)
	logIn(password).isRefused(t, http.StatusForbidden, "security_exception", get, "/_ilm/status", "")
	logIn("wrong battery").isRefused(t, http.StatusUnauthorized, "security_exception", get, "/", "")
	if err := node.PutRole(t.Context(), name, []byte(`{"cluster":["no_such_privilege"]}`)); err == nil {
		t.Error("a role with an unknown privilege was accepted")
	}
	if err := node.CreateUser(t.Context(), name, "short"); err == nil {
		t.Error("a password of five characters was accepted")
	}
	if _, err := node.CreateAPIKey(t.Context(), name, []byte(`{"role":{"cluster":["no_such_privilege"]}}`)); err == nil {
		t.Error("an API key with an unknown privilege was accepted")
	}
}
