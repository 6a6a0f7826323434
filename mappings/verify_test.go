package mappings

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
)

func verify(t *testing.T, client *exporter.Client, opts Options) Report {
	t.Helper()
	report, err := Verify(t.Context(), client, opts, "default")
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantVerified(t *testing.T, report Report) {
	t.Helper()
	for _, c := range report {
		if !c.OK {
			t.Error(c)
		}
	}
	if len(report) < 3 {
		t.Errorf("only %d checks: %v", len(report), report)
	}
}

func verifyFails(t *testing.T, n *node) {
	const stream = "logs-api7.audit-default"
	policy := func(change func(map[string]any)) func(t *testing.T) {
		return func(t *testing.T) {
			p := n.do(t, http.MethodGet, "/_ilm/policy/"+Name, "")[Name].(map[string]any)
			body := map[string]any{"policy": p["policy"]}
			change(body)
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			n.do(t, http.MethodPut, "/_ilm/policy/"+Name, string(text))
		}
	}
	request := func(method, path, body string) func(t *testing.T) {
		return func(t *testing.T) { n.do(t, method, path, body) }
	}
	tests := map[string]struct {
		harm func(t *testing.T)
		want []string // the names of the checks that fail
	}{
		"records would go too early": {
			policy(func(b map[string]any) { set(b, "90d", "policy", "phases", "delete", "min_age") }),
			[]string{"delete.min_age"},
		},
		"records would stay too long": {
			policy(func(b map[string]any) { set(b, "365d", "policy", "phases", "delete", "min_age") }),
			[]string{"delete.min_age"},
		},
		"records would stay for ever": {
			policy(func(b map[string]any) { delete(get(b, "policy", "phases").(map[string]any), "delete") }),
			[]string{"delete.min_age", "delete action"},
		},
		"the rollover comes too late": {
			policy(func(b map[string]any) {
				set(b, "30d", "policy", "phases", "hot", "actions", "rollover", "max_age")
			}),
			[]string{"hot.rollover.max_age"},
		},
		"the write index has no policy": {
			request("PUT", "/"+stream+"/_settings", `{"index.lifecycle.name":null}`),
			[]string{"ILM policy", "managed"},
		},
		"the write index is left out by ILM": {
			request("PUT", "/"+stream+"/_settings", `{"index.lifecycle.skip":true}`),
			[]string{"index.lifecycle.skip"},
		},
		"the template names another policy": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_component_template/"+CustomComponent, `{"template":{"settings":{"index.lifecycle.name":"other"}}}`)
				n.do(t, "POST", "/"+stream+"/_rollover", "")
			},
			[]string{"ILM policy", "managed"},
		},
		"the template is gone and another is in force": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_index_template/other", `{"index_patterns":["logs-api7*"],"priority":400,"data_stream":{}}`)
			},
			[]string{"in force", "template"},
		},
		"the mapping was made by other templates": {
			func(t *testing.T) {
				n.do(t, "PUT", "/_component_template/"+MappingsComponent, `{"template":{"mappings":{"dynamic":"false"}}}`)
				n.do(t, "POST", "/"+stream+"/_rollover", "")
			},
			[]string{"in force", "mapping"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n.empty(t)
			apply(t, n.client, Options{}, false)
			n.index(t, stream, minimal)
			tc.harm(t)
			report := verify(t, n.client, Options{})
			var failed []string
			for _, c := range report {
				if !c.OK {
					failed = append(failed, c.Name)
					if !strings.HasPrefix(c.String(), "FAILED") {
						t.Errorf("the line does not say so: %s", c)
					}
				}
			}
			slices.Sort(failed)
			slices.Sort(tc.want)
			if !slices.Equal(failed, tc.want) {
				t.Errorf("failed: %q, want %q\n%v", failed, tc.want, report)
			}
		})
	}
	t.Run("the policy is missing", func(t *testing.T) {
		n.empty(t)
		report := verify(t, n.client, Options{})
		if report.OK() {
			t.Error("verify passes on a server without anything of ours")
		}
		if !slices.ContainsFunc(report, func(c Check) bool { return c.Name == "exists" && !c.OK }) {
			t.Errorf("nothing says that the policy is missing: %v", report)
		}
	})
}

func TestVerifyFailsForExceptionsFromThePolicy(t *testing.T) {
	tests := map[string]struct {
		lifecycle map[string]any
		want      []string
	}{
		"none":                  {map[string]any{"name": Name}, nil},
		"the defaults, written": {map[string]any{"name": Name, "origination_date": "-1", "parse_origination_date": "false"}, nil},
		"a date":                {map[string]any{"name": Name, "origination_date": "1577836800000"}, []string{"index.lifecycle.origination_date"}},
		"the date in its name":  {map[string]any{"name": Name, "parse_origination_date": true}, []string{"index.lifecycle.parse_origination_date"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v := &verifier{server: es8192, opts: Options{}.withDefaults()}
			settings := map[string]any{"index": map[string]any{"mode": "standard", "lifecycle": tc.lifecycle}}
			v.settings("data stream", "index", template{Settings: settings})
			var failed []string
			for _, c := range v.report {
				if !c.OK {
					failed = append(failed, c.Name)
				}
			}
			wantSteps(t, failed, tc.want...)
		})
	}
}
