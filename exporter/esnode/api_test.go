package esnode_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestNodeTellsWhoItIs(t *testing.T) {
	var main struct {
		Name        string
		ClusterName string `json:"cluster_name"`
		ClusterUUID string `json:"cluster_uuid"`
		Version     struct {
			Number      string
			BuildFlavor string `json:"build_flavor"`
			BuildHash   string `json:"build_hash"`
			Lucene      string `json:"lucene_version"`
		}
		Tagline string
	}
	admin(t).wants(t, http.StatusOK, get, "/", "", &main)
	if main.Version.Number != wantedVersion() || main.Version.BuildFlavor != "default" || main.Tagline != "You Know, for Search" {
		t.Errorf("GET / answered %+v", main)
	}
	for name, value := range map[string]string{
		"name": main.Name, "cluster_name": main.ClusterName, "cluster_uuid": main.ClusterUUID,
		"build_hash": main.Version.BuildHash, "lucene_version": main.Version.Lucene,
	} {
		if value == "" {
			t.Errorf("GET / left %s empty", name)
		}
	}
	status, body, err := estest.Shared(t).Do(t.Context(), head, "/", nil)
	if err != nil || status != http.StatusOK || len(body) != 0 {
		t.Errorf("HEAD /: status %d, error %v, %d bytes", status, err, len(body))
	}
}

// policies is the answer to GET _ilm/policy.
type policies map[string]struct {
	Version  int
	Modified string `json:"modified_date"`
	Policy   struct{ Phases map[string]any }
	InUseBy  struct {
		Indices             []string
		DataStreams         []string `json:"data_streams"`
		ComposableTemplates []string `json:"composable_templates"`
	} `json:"in_use_by"`
}

const goodPolicy = `{"policy":{"phases":{
	"hot":{"min_age":"0ms","actions":{"rollover":{"max_age":"30d","max_primary_shard_size":"50gb"},"set_priority":{"priority":100}}},
	"warm":{"min_age":"7d","actions":{"forcemerge":{"max_num_segments":1},"readonly":{}}},
	"delete":{"min_age":"90d","actions":{"delete":{}}}}}}`

func TestPolicyIsStoredListedChangedAndDeleted(t *testing.T) {
	root, name := admin(t), estest.Namespace(t)
	path := "/_ilm/policy/" + name
	root.isRefused(t, http.StatusNotFound, "resource_not_found_exception", get, path, "")
	root.isRefused(t, http.StatusNotFound, "resource_not_found_exception", remove, path, "")
	for version := 1; version <= 2; version++ {
		root.wants(t, http.StatusOK, put, path, goodPolicy, nil)
		var stored policies
		root.wants(t, http.StatusOK, get, path, "", &stored)
		if len(stored) != 1 || stored[name].Version != version || len(stored[name].Policy.Phases) != 3 {
			t.Fatalf("after PUT %d the policy is %+v", version, stored)
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`).MatchString(stored[name].Modified) {
			t.Errorf("modified_date is %q", stored[name].Modified)
		}
	}
	var all policies
	root.wants(t, http.StatusOK, get, "/_ilm/policy", "", &all)
	if _, ok := all[name]; !ok {
		t.Errorf("the list of all policies lacks %s", name)
	}
	root.wants(t, http.StatusOK, remove, path, "", nil)
	root.isRefused(t, http.StatusNotFound, "resource_not_found_exception", get, path, "")
	var status struct {
		Mode string `json:"operation_mode"`
	}
	root.wants(t, http.StatusOK, get, "/_ilm/status", "", &status)
	if status.Mode != "RUNNING" {
		t.Errorf("operation_mode is %q", status.Mode)
	}
}

func TestBadPolicyIsRefused(t *testing.T) {
	cases := map[string]struct{ name, body, kind string }{
		"misspelt action":         {"p", `{"policy":{"phases":{"hot":{"actions":{"rollovr":{"max_age":"1d"}}}}}}`, "x_content_parse_exception"},
		"misspelt setting":        {"p", `{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_agee":"1d"}}}}}}`, "x_content_parse_exception"},
		"rollover without limit":  {"p", `{"policy":{"phases":{"hot":{"actions":{"rollover":{}}}}}}`, "x_content_parse_exception"},
		"unknown phase":           {"p", `{"policy":{"phases":{"hottest":{"actions":{}}}}}`, "action_request_validation_exception"},
		"action in a wrong phase": {"p", `{"policy":{"phases":{"delete":{"actions":{"rollover":{"max_age":"1d"}}}}}}`, "action_request_validation_exception"},
		"name with a comma":       {"a,b", goodPolicy, "illegal_argument_exception"},
		"name with an underscore": {"_a", goodPolicy, "illegal_argument_exception"},
		"body that is no JSON":    {"p", `{"policy":`, "x_content_e_o_f_exception"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.name += estest.Namespace(t)
			admin(t).isRefused(t, http.StatusBadRequest, c.kind, put, "/_ilm/policy/"+c.name, c.body)
			admin(t).isRefused(t, http.StatusNotFound, "resource_not_found_exception", get, "/_ilm/policy/"+c.name, "")
		})
	}
}

// dataStreams is the answer to GET _data_stream.
type dataStreams struct {
	DataStreams []struct {
		Name           string
		TimestampField struct{ Name string } `json:"timestamp_field"`
		Generation     int
		Status         string
		Template       string
		Policy         string `json:"ilm_policy"`
		PreferILM      bool   `json:"prefer_ilm"`
		NextManagedBy  string `json:"next_generation_managed_by"`
		Indices        []struct {
			Name      string `json:"index_name"`
			UUID      string `json:"index_uuid"`
			Policy    string `json:"ilm_policy"`
			PreferILM bool   `json:"prefer_ilm"`
			ManagedBy string `json:"managed_by"`
		}
	} `json:"data_streams"`
}

// explained is the answer to GET index/_ilm/explain.
type explained struct {
	Indices map[string]struct {
		Managed                     bool
		Policy, Phase, Action, Step string
	}
}

func putTemplate(t *testing.T, name, stream, policy string) {
	t.Helper()
	admin(t).wants(t, http.StatusOK, put, "/_index_template/"+name, `{
		"index_patterns":["`+stream+`"],"data_stream":{},"priority":500,
		"template":{"settings":{"index.lifecycle.name":"`+policy+`"}}}`, nil)
}

const document = `{"@timestamp":"2025-01-02T03:04:05Z","message":"one"}`

func TestDataStreamIsCreatedWithoutADocument(t *testing.T) {
	root, name := admin(t), estest.Namespace(t)
	stream := "logs-empty-" + name
	root.isRefused(t, http.StatusBadRequest, "illegal_argument_exception", put, "/_data_stream/nothing-matches-"+name, "")
	root.wants(t, http.StatusOK, put, "/_ilm/policy/"+name, goodPolicy, nil)
	putTemplate(t, name, stream, name)
	root.wants(t, http.StatusOK, put, "/_data_stream/"+stream, "", nil)
	root.isRefused(t, http.StatusBadRequest, "resource_already_exists_exception", put, "/_data_stream/"+stream, "")

	var found dataStreams
	root.wants(t, http.StatusOK, get, "/_data_stream/"+stream, "", &found)
	if len(found.DataStreams) != 1 || len(found.DataStreams[0].Indices) != 1 || found.DataStreams[0].Template != name {
		t.Errorf("GET _data_stream answered %+v", found)
	}
}

func TestDataStreamIsCreatedByItsFirstDocumentAndRollsOver(t *testing.T) {
	root, name := admin(t), estest.Namespace(t)
	stream := "logs-story-" + name
	root.isRefused(t, http.StatusNotFound, "index_not_found_exception", get, "/_data_stream/"+stream, "")
	root.wants(t, http.StatusOK, put, "/_ilm/policy/"+name, goodPolicy, nil)
	putTemplate(t, name, stream, name)
	root.wants(t, http.StatusCreated, put, "/"+stream+"/_create/first", document, nil)
	root.wants(t, http.StatusOK, post, "/"+stream+"/_rollover", "", nil)

	var found dataStreams
	root.wants(t, http.StatusOK, get, "/_data_stream/logs-story-"+name[:len(name)-1]+"*", "", &found)
	if len(found.DataStreams) != 1 || len(found.DataStreams[0].Indices) != 2 {
		t.Fatalf("GET _data_stream answered %+v", found)
	}
	got := found.DataStreams[0]
	if got.Name != stream || got.TimestampField.Name != "@timestamp" || got.Generation != 2 || got.Status == "" ||
		got.Template != name || got.Policy != name || !got.PreferILM || got.NextManagedBy != "Index Lifecycle Management" {
		t.Errorf("the data stream is %+v", got)
	}
	for _, index := range got.Indices {
		if !strings.HasPrefix(index.Name, ".ds-"+stream) || index.UUID == "" ||
			index.Policy != name || !index.PreferILM || index.ManagedBy != "Index Lifecycle Management" {
			t.Errorf("a backing index is %+v", index)
		}
	}

	var lifecycle explained
	root.wants(t, http.StatusOK, get, "/"+stream+"/_ilm/explain", "", &lifecycle)
	for _, index := range got.Indices {
		if e := lifecycle.Indices[index.Name]; !e.Managed || e.Policy != name || e.Phase != "hot" {
			t.Errorf("explain says of %s: %+v", index.Name, e)
		}
	}
	var stored policies
	root.wants(t, http.StatusOK, get, "/_ilm/policy/"+name, "", &stored)
	use := stored[name].InUseBy
	if len(use.Indices) != 2 || len(use.DataStreams) != 1 || len(use.ComposableTemplates) != 1 {
		t.Errorf("in_use_by is %+v", use)
	}
	root.isRefused(t, http.StatusBadRequest, "illegal_argument_exception", remove, "/_ilm/policy/"+name, "")

	root.wants(t, http.StatusOK, remove, "/_data_stream/"+stream, "", nil)
	root.isRefused(t, http.StatusNotFound, "index_not_found_exception", get, "/_data_stream/"+stream, "")
	for _, index := range got.Indices {
		root.wants(t, http.StatusNotFound, head, "/"+index.Name, "", nil)
	}
	root.wants(t, http.StatusOK, remove, "/_index_template/"+name, "", nil)
	root.wants(t, http.StatusOK, remove, "/_ilm/policy/"+name, "", nil)
}

func TestExplainTellsManagedFromUnmanagedAndMissingPolicies(t *testing.T) {
	root, name := admin(t), estest.Namespace(t)
	root.wants(t, http.StatusOK, put, "/plain-"+name, "", nil)
	root.wants(t, http.StatusOK, put, "/lost-"+name, `{"settings":{"index.lifecycle.name":"no-such-`+name+`"}}`, nil)
	var all, managed, broken explained
	root.wants(t, http.StatusOK, get, "/*-"+name+"/_ilm/explain", "", &all)
	if plain := all.Indices["plain-"+name]; len(all.Indices) != 2 || plain.Managed {
		t.Errorf("explain says %+v", all)
	}
	root.wants(t, http.StatusOK, get, "/*-"+name+"/_ilm/explain?only_managed=true", "", &managed)
	root.wants(t, http.StatusOK, get, "/*-"+name+"/_ilm/explain?only_errors=true", "", &broken)
	for what, answer := range map[string]explained{"only_managed": managed, "only_errors": broken} {
		if lost := answer.Indices["lost-"+name]; len(answer.Indices) != 1 || !lost.Managed || lost.Phase != "" {
			t.Errorf("%s: explain says %+v", what, answer)
		}
	}
	root.isRefused(t, http.StatusNotFound, "index_not_found_exception", get, "/none-"+name+"/_ilm/explain", "")
}

// The stack's own templates (logs, metrics, ...) are not in the distribution:
// a test of what outranks them has to bring them.
func TestNoBuiltInTemplates(t *testing.T) {
	admin(t).wants(t, http.StatusNotFound, get, "/_index_template/logs", "", nil)
	var simulated struct {
		Template    struct{ Settings map[string]any }
		Overlapping []any
	}
	admin(t).wants(t, http.StatusOK, post, "/_index_template/_simulate_index/logs-a-b", "", &simulated)
	if len(simulated.Template.Settings) != 0 || len(simulated.Overlapping) != 0 {
		t.Errorf("logs-a-b would be made from %+v", simulated)
	}
}
