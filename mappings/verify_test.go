package mappings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

func verify(t *testing.T, client *exporter.Client, opts Options) []install.Check {
	t.Helper()
	report, err := NewTarget(client, opts, "default").Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantVerified(t *testing.T, report []install.Check) {
	t.Helper()
	for _, c := range report {
		if c.Result != install.OK {
			t.Error(c)
		}
	}
	if len(report) < 3 {
		t.Errorf("only %d checks: %v", len(report), report)
	}
}

// trail is a stream with one rolled-over index, and the index written to.
const stream = "logs-api7.audit-default"

func twoIndices(t *testing.T, n *node) (older, write string) {
	t.Helper()
	older = n.index(t, stream, minimal)
	n.do(t, http.MethodPost, "/"+stream+"/_rollover", "")
	return older, n.index(t, stream, minimal)
}

// stage puts an index into a state that ILM's runner would have brought it to. Keys
// that end in _date, _time or _created are ages.
func (n *node) stage(t *testing.T, index string, state map[string]string) {
	t.Helper()
	staged := map[string]string{}
	for key, value := range state {
		if age, err := time.ParseDuration(value); err == nil {
			value = strconv.FormatInt(time.Now().Add(-age).UnixMilli(), 10)
		}
		staged[key] = value
	}
	body, err := json.Marshal(staged)
	if err != nil {
		t.Fatal(err)
	}
	n.do(t, http.MethodPut, "/"+index+"/_ilm/stage", string(body))
}

// Of everything that can go wrong with retention, each is named, and nothing else.
func verifyFails(t *testing.T, n *node) {
	policy := func(change func(map[string]any)) func(*testing.T, string, string) {
		return func(t *testing.T, _, _ string) {
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
	phase := func(value any, path ...string) func(*testing.T, string, string) {
		return policy(func(b map[string]any) { set(b, value, append([]string{"policy", "phases"}, path...)...) })
	}
	request := func(method, path, body string) func(*testing.T, string, string) {
		return func(t *testing.T, older, write string) {
			n.do(t, method, strings.NewReplacer("OLDER", older, "WRITE", write).Replace(path), body)
		}
	}
	both := func(first, then func(*testing.T, string, string)) func(*testing.T, string, string) {
		return func(t *testing.T, older, write string) { first(t, older, write); then(t, older, write) }
	}
	stage := func(which string, state map[string]string) func(*testing.T, string, string) {
		return func(t *testing.T, older, write string) {
			n.stage(t, map[string]string{"OLDER": older, "WRITE": write}[which], state)
		}
	}
	// other is a policy beside ours.
	other := func(retention string) func(*testing.T, string, string) {
		return request("PUT", "/_ilm/policy/other", `{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_age":"1d"}}},
			"warm":{"min_age":"1h","actions":{"allocate":{"number_of_replicas":0}}},
			"delete":{"min_age":"`+retention+`","actions":{"delete":{}}}}}}`)
	}
	custom := func(template string) func(*testing.T, string, string) {
		return request("PUT", "/_component_template/"+CustomComponent, `{"template":`+template+`}`)
	}
	aged := func(days string) func(*testing.T, string, string) {
		return both(stage("OLDER", map[string]string{"phase": "hot", "action": "complete", "step": "complete", "step_time": days, "creation_date": days}),
			stage("WRITE", map[string]string{"index_created": days}))
	}
	tests := map[string]struct {
		harm func(t *testing.T, older, write string)
		want []string // the names of the checks that fail
	}{
		"records would go too early":  {phase("90d", "delete", "min_age"), []string{"delete.min_age"}},
		"records would stay too long": {phase("365d", "delete", "min_age"), []string{"delete.min_age"}},
		"records would stay for ever": {
			policy(func(b map[string]any) { delete(get(b, "policy", "phases").(map[string]any), "delete") }),
			[]string{"delete.min_age", "delete action"},
		},
		"the rollover comes too late":                      {phase("30d", "hot", "actions", "rollover", "max_age"), []string{"hot.rollover.max_age"}},
		"the rollover waits for documents":                 {phase(1000, "hot", "actions", "rollover", "min_docs"), []string{"hot.rollover.min_docs"}},
		"the rollover waits for bytes":                     {phase("1gb", "hot", "actions", "rollover", "min_size"), []string{"hot.rollover.min_size"}},
		"the deletion waits for a snapshot":                {phase("nightly", "delete", "actions", "wait_for_snapshot", "policy"), []string{"delete.wait_for_snapshot"}},
		"a harmless change of the policy":                  {phase("20gb", "hot", "actions", "rollover", "max_size"), nil},
		"ILM does not run":                                 {request("POST", "/_ilm/stop", ""), []string{"status"}},
		"the write index has no policy":                    {request("PUT", "/WRITE/_settings", `{"index.lifecycle.name":null}`), []string{"managed"}},
		"an older index has no policy":                     {request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":null}`), []string{"managed"}},
		"the write index is left out by ILM":               {request("PUT", "/WRITE/_settings", `{"index.lifecycle.skip":true}`), []string{"index.lifecycle.skip"}},
		"an older index is left out by ILM":                {request("PUT", "/OLDER/_settings", `{"index.lifecycle.skip":true}`), []string{"index.lifecycle.skip"}},
		"the write index counts as complete":               {request("PUT", "/WRITE/_settings", `{"index.lifecycle.indexing_complete":true}`), []string{"index.lifecycle.indexing_complete"}},
		"an older index counts as complete, as ILM has it": {request("PUT", "/OLDER/_settings", `{"index.lifecycle.indexing_complete":true}`), nil},
		"an older index counts from 179 days back": {
			func(t *testing.T, older, _ string) {
				n.do(t, "PUT", "/"+older+"/_settings", fmt.Sprintf(`{"index.lifecycle.origination_date":%d}`, time.Now().Add(-179*day).UnixMilli()))
			},
			[]string{"index.lifecycle.origination_date", "age"},
		},
		"an older index counts from its name": {
			request("PUT", "/OLDER/_settings", `{"index.lifecycle.parse_origination_date":true}`), []string{"index.lifecycle.parse_origination_date"},
		},
		"an older index counts from before its rollover": {
			stage("OLDER", map[string]string{"phase": "hot", "action": "complete", "step": "complete", "creation_date": "720h"}), []string{"age"},
		},
		"an older index should be gone": {
			aged("4560h"), []string{"age", "age"}, // and the write index should have been rolled over
		},
		"an older index is about to go":                {both(aged("4320h"), stage("WRITE", map[string]string{"index_created": "1h"})), []string{"age"}},
		"the write index should have been rolled over": {stage("WRITE", map[string]string{"index_created": "192h"}), []string{"age"}},
		"an older index is left to the stream's lifecycle": {
			request("PUT", "/OLDER/_settings", `{"index.lifecycle.prefer_ilm":false}`), []string{"managed"},
		},
		"an older index failed": {
			stage("OLDER", map[string]string{
				"phase": "delete", "action": "delete", "step": "ERROR", "failed_step": "delete",
				"step_info": `{"type":"illegal_argument_exception","reason":"c4use"}`,
			}),
			[]string{"ILM error"},
		},
		"the write index failed": {
			stage("WRITE", map[string]string{"phase": "hot", "action": "rollover", "step": "ERROR", "failed_step": "check-rollover-ready"}), []string{"ILM error"},
		},
		"an older index waits for a place for ever": {
			both(both(other("180d"), request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":"other"}`)),
				stage("OLDER", map[string]string{"phase": "warm", "action": "allocate", "step": "check-allocation", "step_time": "48h", "step_info": `{"message":"c4use"}`})),
			[]string{"ILM step"},
		},
		"an older index waits for a place since a minute": {
			both(both(other("180d"), request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":"other"}`)),
				stage("OLDER", map[string]string{"phase": "warm", "action": "allocate", "step": "check-allocation", "step_time": "1m"})),
			nil,
		},
		"an older index hangs in its rollover": {
			both(stage("WRITE", map[string]string{"index_created": "3h"}),
				stage("OLDER", map[string]string{"phase": "hot", "action": "rollover", "step": "attempt-rollover", "step_time": "3h", "creation_date": "3h"})),
			[]string{"ILM step"},
		},
		"an older index is being rolled over": {
			stage("OLDER", map[string]string{"phase": "hot", "action": "rollover", "step": "set-indexing-complete", "step_time": "10s"}), nil,
		},
		"the write index is past its hot phase": {
			stage("WRITE", map[string]string{"phase": "warm", "action": "complete", "step": "complete", "step_time": "1m"}), []string{"ILM step"},
		},
		"an older index is under a policy of other ages": {
			both(other("1d"), request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":"other"}`)), []string{"delete.min_age"},
		},
		"an older index is under another policy of the same ages": {
			both(other("180d"), request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":"other"}`)), nil,
		},
		"an older index is under a policy that is not there": {
			request("PUT", "/OLDER/_settings", `{"index.lifecycle.name":"gone"}`), []string{"exists"},
		},
		"the next index takes a policy of other ages": {
			both(other("1d"), custom(`{"settings":{"index.lifecycle.name":"other"}}`)), []string{"delete.min_age"},
		},
		"the next index takes another policy of the same ages": {
			both(other("4320h"), custom(`{"settings":{"index.lifecycle.name":"other"}}`)), nil,
		},
		"the next index takes a policy that is not there": {custom(`{"settings":{"index.lifecycle.name":"gone"}}`), []string{"exists"}},
		"the next index takes no policy":                  {custom(`{"settings":{"index.lifecycle.name":""}}`), []string{"next ILM policy"}},
		"the next index is left out by ILM":               {custom(`{"settings":{"index.lifecycle.skip":true}}`), []string{"index.lifecycle.skip"}},
		"the next index is left to the lifecycle": {
			custom(`{"settings":{"index.lifecycle.prefer_ilm":false},"lifecycle":{"data_retention":"1d"}}`), []string{"next lifecycle"},
		},
		"the template is gone and another is in force": {
			request("PUT", "/_index_template/other", `{"index_patterns":["logs-api7*"],"priority":400,"data_stream":{}}`),
			[]string{"in force", "template", "next ILM policy"},
		},
		"the mapping was made by other templates": {
			both(request("PUT", "/_component_template/"+MappingsComponent, `{"template":{"mappings":{"dynamic":"false"}}}`),
				request("POST", "/"+stream+"/_rollover", "")),
			[]string{"as shipped", "in force", "mapping"},
		},
		"a person changed the template": {
			request("PUT", "/_index_template/"+Name, `{"index_patterns":["logs-api7.audit-*"],"priority":300,"data_stream":{},"composed_of":["logs-api7.audit@mappings","logs-api7.audit@settings"]}`),
			[]string{"as shipped"},
		},
		"a person changed the role": {request("PUT", "/_security/role/"+AgentRole, `{"cluster":["all"]}`), []string{"as shipped"}},
		"the role is gone":          {request("DELETE", "/_security/role/"+AnalystRole, ""), []string{"exists"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n.empty(t)
			apply(t, n.client, Options{}, false)
			if strings.Contains(name, "stream's lifecycle") {
				n.do(t, "PUT", "/_component_template/"+CustomComponent, `{"template":{"lifecycle":{"data_retention":"20s"}}}`)
			}
			older, write := twoIndices(t, n)
			tc.harm(t, older, write)
			report := verify(t, n.client, Options{})
			n.do(t, "POST", "/_ilm/start", "")
			wantFailed(t, report, tc.want)
		})
	}
	t.Run("the policy is missing", func(t *testing.T) {
		n.empty(t)
		wantFailed(t, verify(t, n.client, Options{}), []string{
			"exists", "exists", "exists", "exists", "exists", "exists", "exists", "in force", "index.mode", "next ILM policy",
		})
	})
}

func wantFailed(t *testing.T, report []install.Check, want []string) {
	t.Helper()
	var failed []string
	for _, c := range report {
		if c.Result == install.Failed {
			failed = append(failed, c.Name)
			t.Log(c)
		}
	}
	slices.Sort(failed)
	slices.Sort(want)
	if !slices.Equal(failed, want) {
		t.Errorf("failed: %q, want %q", failed, want)
		for _, c := range report {
			t.Log(c)
		}
	}
}

// remove deletes an index when the test has ended.
func (n *node) remove(t *testing.T, path string) {
	t.Helper()
	t.Cleanup(func() {
		if status, _, err := n.Do(context.WithoutCancel(t.Context()), http.MethodDelete, path, nil); status != http.StatusOK || err != nil {
			t.Errorf("delete %s: %d %v", path, status, err)
		}
	})
}

// What the next write really hits is said, whoever looks.
func destinations(t *testing.T, n *node) {
	tests := map[string]struct {
		arrange func(t *testing.T)
		exists  bool
		says    string // "" if nothing is wrong
	}{
		"nothing yet": {func(t *testing.T) { apply(t, n.client, Options{}, false) }, false, ""},
		"our stream": {func(t *testing.T) {
			apply(t, n.client, Options{}, false)
			n.index(t, stream, minimal)
		}, true, ""},
		"an alias": {func(t *testing.T) {
			apply(t, n.client, Options{}, false)
			n.do(t, "PUT", "/elsewhere", `{"aliases":{"`+stream+`":{"is_write_index":true}}}`)
			n.remove(t, "/elsewhere")
		}, true, "is an alias of elsewhere, not a data stream"},
		"an index": {func(t *testing.T) {
			n.do(t, "PUT", "/"+stream, "")
			n.remove(t, "/"+stream)
			apply(t, n.client, Options{}, false)
		}, true, "is an index, not a data stream"},
		"a stream of the built-in template": {func(t *testing.T) {
			n.do(t, "PUT", "/_index_template/logs", `{"index_patterns":["logs-*-*"],"priority":100,"data_stream":{},"template":{"settings":{"index.lifecycle.name":"logs"}}}`)
			n.index(t, stream, minimal)
		}, true, "was made by another index template than logs-api7.audit; run auditship setup"},
		"the same, after setup": {func(t *testing.T) {
			n.do(t, "PUT", "/_index_template/logs", `{"index_patterns":["logs-*-*"],"priority":100,"data_stream":{},"template":{"settings":{"index.lifecycle.name":"logs"}}}`)
			n.index(t, stream, minimal)
			apply(t, n.client, Options{}, false)
		}, true, ""},
		"another template takes the next index": {func(t *testing.T) {
			apply(t, n.client, Options{}, false)
			n.index(t, stream, minimal)
			n.do(t, "PUT", "/_index_template/other", `{"index_patterns":["logs-api7*"],"priority":400,"data_stream":{}}`)
		}, true, `takes index template "other" instead of "logs-api7.audit"`},
	}
	role, err := readRole(AgentRole)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n.empty(t)
			tc.arrange(t)
			agent := n.signInWith(t, "agent-tester", role)
			exists, err := CheckDestination(t.Context(), agent, "default")
			if exists != tc.exists || (err == nil) != (tc.says == "") {
				t.Fatalf("exists %v, %v", exists, err)
			}
			if err != nil && (!errors.Is(err, ErrWrongDestination) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("it says %v", err)
			}
			if proven(verify(t, n.client, Options{})) != (tc.says == "") {
				t.Error("verify does not agree")
			}
		})
	}
}
