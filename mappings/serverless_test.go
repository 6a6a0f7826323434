package mappings

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/exporter/install"
)

// serverless answers like an Elastic Cloud Serverless project, of which there
// is none to run here: it keeps what is PUT and gives it back in the form the
// server does, has data streams whose lifecycle is fixed at their creation,
// and has no ILM.
type serverless struct {
	t *testing.T

	mu      sync.Mutex
	objects map[string]map[string]any // by path
	streams map[string]*serverlessStream
	cap     string // the project's greatest retention, "" for none
}

type serverlessStream struct {
	retention string
	mappings  []any // of each backing index
}

func newServerless(t *testing.T) (*serverless, *exporter.Client) {
	t.Helper()
	s := &serverless{t: t, objects: map[string]map[string]any{}, streams: map[string]*serverlessStream{}}
	server := httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(server.Close)
	client, err := exporter.New(exporter.Config{Addresses: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

func (s *serverless) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	status, body := s.route(r)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.t.Error(err)
	}
}

func (s *serverless) route(r *http.Request) (int, any) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case strings.Contains(r.URL.Path, "_ilm"):
		s.t.Errorf("%s %s: there is no ILM", r.Method, r.URL.Path)
		return http.StatusGone, map[string]any{"error": "no handler"}
	case r.URL.Path == "/":
		return 200, map[string]any{"version": map[string]any{"number": "8.11.0", "build_flavor": "serverless"}}
	case r.URL.Path == "/_security/user/_has_privileges":
		return 200, map[string]any{"cluster": map[string]any{"monitor": true}}
	case strings.HasPrefix(name, "_simulate_index/"):
		return 200, map[string]any{"template": s.composed()}
	case r.Method == "PUT" && strings.HasSuffix(name, "/_lifecycle"):
		s.streams[strings.TrimSuffix(name, "/_lifecycle")].retention = s.body(r)["data_retention"].(string)
		return 200, map[string]any{"acknowledged": true}
	case r.Method == "PUT":
		s.objects[r.URL.Path] = s.body(r)
		return 200, map[string]any{"acknowledged": true}
	case kind == "_data_stream":
		return 200, s.listStreams()
	case strings.HasPrefix(name, "_settings"):
		return 200, map[string]any{}
	case name == "_rollover":
		s.streams[kind].mappings = append(s.streams[kind].mappings, s.composed()["mappings"])
		return 200, map[string]any{"acknowledged": true}
	case strings.HasPrefix(kind, ".ds-"):
		return 200, map[string]any{kind: s.backingIndex(kind)}
	}
	return s.get(r.URL.Path, kind, name)
}

func (s *serverless) body(r *http.Request) map[string]any {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		s.t.Error(err)
	}
	return body
}

func (s *serverless) get(path, kind, name string) (int, any) {
	object, ok := s.objects[path]
	if !ok {
		return 404, map[string]any{"error": map[string]any{"type": "resource_not_found_exception"}}
	}
	object = maps.Clone(object)
	switch kind {
	case "_component_template":
		object["created_date_millis"], object["modified_date_millis"] = 1, 2
		return 200, map[string]any{"component_templates": []any{map[string]any{"name": name, "component_template": object}}}
	case "_index_template":
		object["data_stream"] = map[string]any{"hidden": false, "allow_custom_routing": false}
		return 200, map[string]any{"index_templates": []any{map[string]any{"name": name, "index_template": object}}}
	}
	object["run_as"] = []any{}
	return 200, map[string]any{strings.TrimPrefix(name, "role/"): object}
}

// composed is what the two component templates make together.
func (s *serverless) composed() map[string]any {
	out := map[string]any{}
	for _, name := range []string{MappingsComponent, SettingsComponent} {
		template, _ := s.objects["/_component_template/"+name]["template"].(map[string]any)
		maps.Copy(out, template)
	}
	return out
}

// create does what the first document does.
func (s *serverless) create(stream string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	retention, _ := get(s.composed(), "lifecycle", "data_retention").(string)
	s.streams[stream] = &serverlessStream{retention: retention, mappings: []any{s.composed()["mappings"]}}
}

func (s *serverless) listStreams() any {
	list := []any{}
	for name, stream := range s.streams {
		lifecycle := map[string]any{"enabled": true, "data_retention": stream.retention}
		if s.cap != "" {
			lifecycle["effective_retention"] = s.cap
		}
		indices := []any{}
		for i := range stream.mappings {
			indices = append(indices, map[string]any{
				"index_name": ".ds-" + name + strings.Repeat("x", i), "managed_by": "Data stream lifecycle",
			})
		}
		list = append(list, map[string]any{"name": name, "template": Name, "indices": indices, "lifecycle": lifecycle})
	}
	return map[string]any{"data_streams": list}
}

func (s *serverless) backingIndex(index string) any {
	name := strings.TrimRight(strings.TrimPrefix(index, ".ds-"), "x")
	return map[string]any{
		"mappings": s.streams[name].mappings[len(index)-len(".ds-"+name)],
		"settings": s.composed()["settings"],
	}
}

func TestServerless(t *testing.T) {
	const stream = "logs-api7.audit-default"
	s, client := newServerless(t)
	wantSteps(t, apply(t, client, Options{}, false),
		"created component template logs-api7.audit@mappings",
		"created component template logs-api7.audit@settings",
		"created index template logs-api7.audit",
		"created role auditship_agent",
		"created role auditship_analyst",
		"created role auditship_setup",
	)
	wantVerified(t, verify(t, client, Options{}))
	s.create(stream)
	wantSteps(t, apply(t, client, Options{}, true))
	wantVerified(t, verify(t, client, Options{}))

	longer := Options{Retention: 365 * day}
	if proven(verify(t, client, longer)) {
		t.Error("180 days pass for 365")
	}
	wantSteps(t, apply(t, client, longer, false),
		"updated component template logs-api7.audit@settings",
		"set retention of data stream "+stream+" to 365d")
	wantVerified(t, verify(t, client, longer))

	s.streams[stream].retention = "30d"
	wantSteps(t, conflicts(planned(t, client, longer)), "retention of data stream "+stream+`: "30d" -> "365d"`)
	wantSteps(t, apply(t, client, longer, false))
	if report := verify(t, client, longer); proven(report) {
		t.Errorf("30 days pass for 365: %v", report)
	}
	wantSteps(t, apply(t, client, longer, true), "set retention of data stream "+stream+" to 365d")
	wantVerified(t, verify(t, client, longer))

	// Shorter deletes, and so needs force, although nobody set anything by hand.
	shorter := Options{Retention: 90 * day}
	wantSteps(t, conflicts(planned(t, client, shorter)), "retention of data stream "+stream+`: "365d" -> "90d"`)
	wantSteps(t, apply(t, client, shorter, true),
		"updated component template logs-api7.audit@settings", "set retention of data stream "+stream+" to 90d")
	wantVerified(t, verify(t, client, shorter))

	s.cap = "60d"
	var failed []string
	for _, c := range verify(t, client, shorter) {
		if c.Result != install.OK {
			failed = append(failed, c.Name+" "+c.Detail)
		}
	}
	wantSteps(t, failed, `retention .ds-`+stream+`: "60d", wanted "90d"`)
}

func TestServerlessRollsOverForANewMapping(t *testing.T) {
	const stream = "logs-api7.audit-default"
	s, client := newServerless(t)
	apply(t, client, Options{}, false)
	s.create(stream)
	s.streams[stream].mappings[0] = map[string]any{"dynamic": "false"}
	wantSteps(t, apply(t, client, Options{}, false), "rolled over data stream "+stream)
	wantVerified(t, verify(t, client, Options{}))
}

// TestSecurityOff: such a server has no roles to install.
func TestSecurityOff(t *testing.T) {
	node := estest.Private(t, esnode.Options{Plain: true, Settings: map[string]string{
		"xpack.security.enabled": "false", "xpack.security.http.ssl.enabled": "false",
	}})
	client, err := exporter.New(exporter.Config{Addresses: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if p := planned(t, client, Options{}); !p.securityOff || slices.ContainsFunc(p.objects, func(o object) bool { return o.Kind == Role }) {
		t.Errorf("roles are planned: %v", p.objects)
	}
	wantSteps(t, apply(t, client, Options{}, false),
		"created ILM policy logs-api7.audit",
		"created component template logs-api7.audit@mappings",
		"created component template logs-api7.audit@settings",
		"created index template logs-api7.audit",
	)
	wantVerified(t, verify(t, client, Options{}))
	if _, err := CreateAgentKey(t.Context(), client, "x", 0); !errors.Is(err, exporter.ErrSecurityOff) {
		t.Errorf("a key: %v", err)
	}
}

func TestTooOldAServerIsRefusedBeforeAnythingIsDone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = w.Write([]byte(`{"version":{"number":"8.11.4","build_flavor":"default"}}`)) // a lost answer fails the test below
	}))
	t.Cleanup(server.Close)
	client, err := exporter.New(exporter.Config{Addresses: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), client, Options{}); err == nil || !strings.Contains(err.Error(), "8.12.0 or newer is needed") {
		t.Errorf("got %v", err)
	}
}
