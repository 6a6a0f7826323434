package mappings

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
)

const day = 24 * time.Hour

var (
	es8192    = exporter.Info{Version: exporter.Version{8, 19, 2}}
	es8120    = exporter.Info{Version: exporter.Version{8, 12, 0}}
	cloudless = exporter.Info{Version: exporter.Version{8, 11, 0}, Serverless: true}
)

func mustAssets(t *testing.T, opts Options, server exporter.Info) map[string]Asset {
	t.Helper()
	list, err := Assets(opts, server)
	if err != nil {
		t.Fatal(err)
	}
	assets := map[string]Asset{}
	for _, a := range list {
		assets[a.String()] = a
	}
	return assets
}

func TestAssetsComeInTheOrderOfInstallation(t *testing.T) {
	tests := map[string]struct {
		server exporter.Info
		want   []string
	}{
		"Elasticsearch": {es8192, []string{
			"ILM policy logs-api7.audit",
			"component template logs-api7.audit@mappings",
			"component template logs-api7.audit@settings",
			"index template logs-api7.audit",
			"role auditship_agent", "role auditship_analyst", "role auditship_setup",
		}},
		"serverless has no ILM": {cloudless, []string{
			"component template logs-api7.audit@mappings",
			"component template logs-api7.audit@settings",
			"index template logs-api7.audit",
			"role auditship_agent", "role auditship_analyst", "role auditship_setup",
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			list, err := Assets(Options{}, tc.server)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range list {
				got = append(got, a.String())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestAssetsFollowVersionAndOptions(t *testing.T) {
	policy := "ILM policy " + Name
	settings := "component template " + SettingsComponent
	tests := map[string]struct {
		server exporter.Info
		opts   Options
		asset  string
		path   []string
		want   any
	}{
		"retention is 180 days unless told": {
			es8192, Options{}, policy, []string{"policy", "phases", "delete", "min_age"}, "180d",
		},
		"retention as told": {
			es8192, Options{Retention: 36 * time.Hour}, policy, []string{"policy", "phases", "delete", "min_age"}, "36h",
		},
		"a rollover each week unless told": {
			es8192, Options{}, policy, []string{"policy", "phases", "hot", "actions", "rollover", "max_age"}, "7d",
		},
		"a rollover each day as told": {
			es8192, Options{RolloverAge: day}, policy, []string{"policy", "phases", "hot", "actions", "rollover", "max_age"}, "1d",
		},
		"8.19 knows the failure store": {
			es8192, Options{}, settings, []string{"template", "data_stream_options", "failure_store", "enabled"}, false,
		},
		"8.12 would refuse it": {
			es8120, Options{}, settings, []string{"template", "data_stream_options"}, nil,
		},
		"so would 9.0": {
			exporter.Info{Version: exporter.Version{9, 0, 4}}, Options{}, settings, []string{"template", "data_stream_options"}, nil,
		},
		"9.1 knows it": {
			exporter.Info{Version: exporter.Version{9, 1, 0}}, Options{}, settings, []string{"template", "data_stream_options", "failure_store", "enabled"}, false,
		},
		"serverless keeps by the data stream lifecycle": {
			cloudless, Options{Retention: 90 * day}, settings, []string{"template", "lifecycle", "data_retention"}, "90d",
		},
		"serverless has no policy to name": {
			cloudless, Options{}, settings, []string{"template", "settings", "index", "lifecycle"}, nil,
		},
		"elsewhere the policy is named": {
			es8120, Options{}, settings, []string{"template", "settings", "index", "lifecycle", "name"}, Name,
		},
		"and the lifecycle is left to ILM": {
			es8192, Options{}, settings, []string{"template", "lifecycle"}, nil,
		},
		"9.x would choose logsdb": {
			es8192, Options{}, settings, []string{"template", "settings", "index", "mode"}, "standard",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := mustAssets(t, tc.opts, tc.server)[tc.asset]
			if got := get(a.Body, tc.path...); got != tc.want {
				t.Errorf("%s %v: got %v, want %v", tc.asset, tc.path, got, tc.want)
			}
		})
	}
}

func TestAssetsRefuse(t *testing.T) {
	tests := map[string]struct {
		server exporter.Info
		opts   Options
		want   string
	}{
		"an old Elasticsearch":  {exporter.Info{Version: exporter.Version{8, 11, 4}}, Options{}, "8.12.0 or newer"},
		"a retention too short": {es8192, Options{Retention: time.Second}, "an hour or more"},
		"a rollover too often":  {es8192, Options{RolloverAge: time.Second}, "an hour or more"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Assets(tc.opts, tc.server)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestIndexTemplateOutranksTheBuiltInOnes(t *testing.T) {
	template := mustAssets(t, Options{}, es8192)["index template "+Name].Body
	if p, _ := template["priority"].(float64); p <= 200 {
		t.Errorf("priority %v, want more than 200", template["priority"])
	}
	if template["data_stream"] == nil {
		t.Error("the template makes no data stream")
	}
	composed, _ := json.Marshal(template["composed_of"])
	if want := `["logs-api7.audit@mappings","logs-api7.audit@settings","logs-api7.audit@custom"]`; string(composed) != want {
		t.Errorf("composed of %s, want %s: the user's own comes last and wins", composed, want)
	}
	missing, _ := json.Marshal(template["ignore_missing_component_templates"])
	if want := `["logs-api7.audit@custom"]`; string(missing) != want {
		t.Errorf("may be missing: %s, want %s", missing, want)
	}
}

func shippedMapping(t *testing.T) map[string]any {
	t.Helper()
	a := mustAssets(t, Options{}, es8192)["component template "+MappingsComponent]
	mapping, ok := get(a.Body, "template", "mappings").(map[string]any)
	if !ok {
		t.Fatal("no mapping in " + a.String())
	}
	return mapping
}

// What the fields are is said in README.md, of which TestTheREADMENamesEveryField makes
// sure.
func TestUnknownFieldsDoNotGrowTheMapping(t *testing.T) {
	if d := shippedMapping(t)["dynamic"]; d != "false" {
		t.Errorf("dynamic is %v, want false: unknown fields must not grow the mapping", d)
	}
}

func TestEveryKeywordAndFlattenedHasIgnoreAbove(t *testing.T) {
	// A term of Lucene takes 32,766 bytes; a character of Java's takes up to 3.
	const most = 32766 / 3
	eachField(shippedMapping(t), "", func(path string, field map[string]any) {
		if field["type"] != "keyword" && field["type"] != "flattened" {
			return
		}
		limit, ok := field["ignore_above"].(float64)
		notIndexed := field["index"] == false && field["doc_values"] == false
		if !ok || limit > most && !notIndexed {
			t.Errorf("%s: ignore_above is %v, want a number up to %d", path, field["ignore_above"], most)
		}
	})
}

func TestNoFieldTypeNeedsAModuleThatMayBeMissing(t *testing.T) {
	allowed := []string{"keyword", "flattened", "text", "ip", "date", "long", "byte", "geo_point"}
	eachField(shippedMapping(t), "", func(path string, field map[string]any) {
		if kind, _ := field["type"].(string); kind != "" && !slices.Contains(allowed, kind) {
			t.Errorf("%s is of type %s", path, kind)
		}
	})
}

func eachField(mapping map[string]any, prefix string, visit func(path string, field map[string]any)) {
	for _, key := range []string{"properties", "fields"} {
		fields, _ := mapping[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			field := fields[name].(map[string]any)
			visit(prefix+name, field)
			eachField(field, prefix+name+".", visit)
		}
	}
}

func TestFingerprints(t *testing.T) {
	const (
		policy   = "ILM policy " + Name
		settings = "component template " + SettingsComponent
		mapping  = "component template " + MappingsComponent
	)
	mark := func(assets map[string]Asset, name string) string {
		a := assets[name]
		s, _ := get(a.Body, a.metaPath("fingerprint")...).(string)
		if len(s) != 24 {
			t.Fatalf("%s has the fingerprint %q", name, s)
		}
		return s
	}
	first := mustAssets(t, Options{}, es8192)
	again := mustAssets(t, Options{}, es8192)
	shorter := mustAssets(t, Options{Retention: day}, es8192)
	older := mustAssets(t, Options{}, es8120)
	for name := range first {
		if mark(first, name) != mark(again, name) {
			t.Errorf("%s: the fingerprint differs from one run to the next", name)
		}
	}
	if mark(first, policy) == mark(shorter, policy) {
		t.Error("another retention leaves the policy's fingerprint as it was")
	}
	if mark(first, mapping) != mark(shorter, mapping) {
		t.Error("another retention changes the mapping's fingerprint: every stream would roll over")
	}
	if mark(first, settings) == mark(older, settings) {
		t.Error("settings without failure store have the fingerprint of those with it")
	}
	if mark(first, mapping) != mark(older, mapping) {
		t.Error("an upgrade to 8.19 would roll every stream over, for an option of the stream that no index has")
	}
}

func TestFilesAreAsAPersonWouldWriteThem(t *testing.T) {
	for _, a := range mustAssets(t, Options{}, es8192) {
		for _, k := range kinds {
			if k.kind != a.Kind {
				continue
			}
			data, err := os.ReadFile("assets/" + k.folder + "/" + a.Name + ".json")
			if err != nil {
				t.Error(err)
				continue
			}
			if !strings.HasPrefix(string(data), "{\n  \"") || !strings.HasSuffix(string(data), "}\n") {
				t.Errorf("%s is not indented by two spaces", a)
			}
		}
	}
}

func TestAgentPrivilegesAreThoseOfTheShippedRole(t *testing.T) {
	need, err := AgentPrivileges("prod")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(need)
	want := `{"cluster":["monitor"],"index":[{"names":["logs-api7.audit-prod"],"privileges":["auto_configure","create_doc","read","view_index_metadata"]}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
