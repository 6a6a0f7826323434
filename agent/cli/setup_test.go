package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/esnode/estest"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/mappings"
)

// setupConfig is a configuration as the README has it: the key file it names
// does not exist before setup has made it.
func setupConfig(t *testing.T, elasticsearch, caFile, more string) (path, keyFile string) {
	t.Helper()
	keyFile = filepath.Join(t.TempDir(), "elasticsearch.key")
	return writeConfig(t, fmt.Sprintf(`
inputs: [{type: api, id: dashboard, url: "https://gw:7443", api_key: "${API7_TOKEN_NOT_SET}"}]
elasticsearch: {urls: %q, ca_file: %q, api_key: "${file:%s}"}
%s`, elasticsearch, caFile, keyFile, more)), keyFile
}

func want(t *testing.T, got outcome, code int, texts ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit code %d, want %d", got.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(got.stdout+got.stderr, text) {
			t.Errorf("no %q", text)
		}
	}
	if t.Failed() {
		t.Fatalf("stdout:\n%s\nstderr:\n%s", got.stdout, got.stderr)
	}
}

// R18: the whole story of an installation, on a real server: the difference is
// shown, a second run changes nothing, a person's policy stays without --force, a
// new mapping rolls the stream over, and --verify proves the live stream.
func TestR18Setup(t *testing.T) {
	node := estest.Private(t, esnode.Options{})
	t.Setenv("AUDITSHIP_SETUP_PASSWORD", node.Password)
	config, keyFile := setupConfig(t, node.URL, node.CAFile, "retention: 90d\n")
	run := func(args ...string) outcome {
		got := runMain(append([]string{"setup", "-c", config}, args...)...)
		if strings.Contains(got.stdout+got.stderr, node.Password) {
			t.Error("the password was printed")
		}
		return got
	}
	admin := []string{"--username", node.Username}

	// Nothing is there, and the plan does not change that.
	for range 2 {
		want(t, run(append(admin, "--plan")...), exitDone,
			"+ ILM policy logs-api7.audit\n", "+ role auditship_agent\n", "Elasticsearch 8.19.9: 0 of 8 objects as shipped\n")
	}
	want(t, run(append(admin, "--verify")...), exitFailed, "FAILED   ILM policy logs-api7.audit: exists")

	// The first run.
	want(t, run(append(admin, "--create-key", keyFile)...), exitDone,
		"created index template logs-api7.audit\n", "created data stream logs-api7.audit-default\n", "created API key auditship-agent-", "documents are kept 90d\n", "set elasticsearch.api_key: ${file:"+keyFile+"}")
	key := readKey(t, keyFile)

	// The second run.
	got := run(append(admin, "--create-key", keyFile)...)
	want(t, got, exitDone, "7 of 7 objects as shipped\n", "kept the API key")
	if strings.Contains(got.stdout, "created") || readKey(t, keyFile) != key {
		t.Errorf("the second run made something:\n%s", got.stdout)
	}

	// The live stream is proven, not only the templates.
	stream := "/logs-api7.audit-default"
	index := func() {
		if status, answer, err := node.Do(t.Context(), "POST", stream+"/_doc?refresh=true", []byte(`{"@timestamp":"2026-03-01T12:00:00Z"}`)); err != nil || status != 201 {
			t.Fatalf("%d %s %v", status, answer, err)
		}
	}
	index()
	want(t, run(append(admin, "--verify")...), exitDone,
		`ok       ILM policy logs-api7.audit: delete.min_age: "90d", wanted "90d"`,
		"ok       data stream logs-api7.audit-default: backing index: .ds-logs-api7.audit-default-")
	config180, _ := setupConfig(t, node.URL, node.CAFile, "")
	want(t, runMain(append([]string{"setup", "-c", config180, "--verify"}, admin...)...), exitFailed,
		`FAILED   ILM policy logs-api7.audit: delete.min_age: "90d", wanted "180d"`)

	// A person adds a field by the hook: the write index gets it by a rollover.
	hook := `{"template":{"mappings":{"properties":{"labels":{"properties":{"site":{"type":"keyword"}}}}}}}`
	if status, answer, err := node.Do(t.Context(), "PUT", "/_component_template/logs-api7.audit@custom", []byte(hook)); err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	want(t, run(append(admin, "--plan")...), exitDone, "~ rollover of data stream logs-api7.audit-default")
	got = run(admin...)
	want(t, got, exitDone, "rolled over data stream logs-api7.audit-default\n", "7 of 8 objects as shipped\n")
	got = run(admin...)
	if want(t, got, exitDone, "7 of 7 objects as shipped\n"); strings.Contains(got.stdout, "rolled over") {
		t.Errorf("it rolled over again:\n%s", got.stdout)
	}

	// The key is what the agent needs, and no more.
	checkKey(t, node, keyFile)
	want(t, run(), exitFailed, "403") // the configured key may not install
	want(t, run("--create-key", filepath.Join(t.TempDir(), "new")), exitMisused, "--username")

	// A person shortens the retention.
	policy := `{"policy":{"_meta":{"managed_by":"auditship"},"phases":{"hot":{"actions":{"rollover":{"max_age":"7d"}}},"delete":{"min_age":"7d","actions":{"delete":{}}}}}}`
	if status, answer, err := node.Do(t.Context(), "PUT", "/_ilm/policy/logs-api7.audit", []byte(policy)); err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	want(t, run(append(admin, "--verify")...), exitFailed, `FAILED   ILM policy logs-api7.audit: delete.min_age: "7d", wanted "90d"`)
	want(t, run(append(admin, "--plan")...), exitDone,
		"! ILM policy logs-api7.audit: changed by a person, left alone without --force\n", `~ policy.phases.delete.min_age: "7d" -> "90d"`)
	want(t, run(admin...), exitFailed, "left alone without --force", "FAILED")
	want(t, run(append(admin, "--force")...), exitDone, "replaced ILM policy logs-api7.audit\n")
	want(t, run(append(admin, "--verify")...), exitDone)

	// The wrong password, and none.
	t.Setenv("AUDITSHIP_SETUP_PASSWORD", "wrong-c4nary")
	want(t, run(admin...), exitFailed, "401")
	t.Setenv("AUDITSHIP_SETUP_PASSWORD", "")
	want(t, run(admin...), exitMisused, "set AUDITSHIP_SETUP_PASSWORD")
}

func readKey(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key file: %v %v, want mode 0600", info, err)
	}
	key, err := os.ReadFile(path)
	if err != nil || !regexp.MustCompile(`^[A-Za-z0-9+/=]{40,}\n$`).Match(key) {
		t.Fatalf("the key file does not hold one encoded key and a new line (%v)", err)
	}
	return string(key)
}

// checkKey signs in with the key as the agent would.
func checkKey(t *testing.T, node *esnode.Node, keyFile string) {
	t.Helper()
	key := strings.TrimSpace(readKey(t, keyFile))
	client, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, APIKey: func() (string, error) { return key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	need, err := mappings.AgentPrivileges("default")
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := client.CheckPrivileges(t.Context(), need); err != nil || len(missing) > 0 {
		t.Errorf("the key lacks %v (%v)", missing, err)
	}
	more := exporter.Privileges{
		Cluster: []string{"manage_security"},
		Indices: []exporter.IndexPrivileges{{Names: []string{"logs-api7.audit-default"}, Privileges: []string{"delete", "manage"}}},
	}
	if missing, err := client.CheckPrivileges(t.Context(), more); err != nil || len(missing) != 3 {
		t.Errorf("of delete, manage and manage_security the key lacks only %v (%v)", missing, err)
	}
}

func TestSetupMistakes(t *testing.T) {
	t.Setenv("AUDITSHIP_SETUP_PASSWORD", "c4nary-s3cret")
	config, _ := setupConfig(t, "http://127.0.0.1:1", "", "")
	bad, _ := setupConfig(t, "http://127.0.0.1:1", "", "retention: soon\n")
	empty := filepath.Join(t.TempDir(), "empty.key")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"two ways at once":       {[]string{"-c", config, "--plan", "--verify"}, exitMisused, "none of the others can be"},
		"a key with a plan":      {[]string{"-c", config, "--plan", "--create-key", "x"}, exitMisused, "none of the others can be"},
		"an argument":            {[]string{"-c", config, "now"}, exitMisused, "takes no arguments"},
		"no user for the key":    {[]string{"-c", config, "--create-key", "x"}, exitMisused, "an API key cannot make another one"},
		"bad configuration":      {[]string{"-c", bad}, exitMisused, `retention: "soon" is not a time span`},
		"no configuration":       {[]string{"-c", "/nonexistent/auditship.yml"}, exitMisused, "no such file"},
		"none to print by":       {[]string{"-c", "/nonexistent/auditship.yml", "--print"}, exitMisused, "no such file"},
		"nobody answers":         {[]string{"-c", config, "--username", "elastic"}, exitUnreachable, "connection refused"},
		"print for no version":   {[]string{"-c", config, "--print", "--for", "latest"}, exitMisused, "not a version"},
		"print for an old one":   {[]string{"-c", config, "--print", "--for", "8.11"}, exitMisused, "8.12.0 or newer is needed"},
		"print for nobody":       {[]string{"-c", config, "--print=kbana"}, exitMisused, "--print=kbana: give --print alone, or --print=kibana"},
		"unknown flag, but near": {[]string{"-c", config, "--forse"}, exitMisused, "did you mean --force?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runMain(append([]string{"setup"}, tt.args...)...)
			want(t, got, tt.code, tt.want)
			if strings.Contains(got.stdout+got.stderr, "c4nary") {
				t.Error("the password was printed")
			}
		})
	}
}

// What is printed for Kibana is what it imports, and roles come with the requests.
func TestSetupPrintsForKibana(t *testing.T) {
	config, _ := setupConfig(t, "http://127.0.0.1:1", "", "")
	if got := runMain("setup", "-c", config, "--print=kibana"); got.code != exitDone || got.stdout != string(kibana.Bundle()) {
		t.Errorf("exit code %d, %.200s %s", got.code, got.stdout, got.stderr)
	}
	want(t, runMain("setup", "-c", config, "--print"), exitDone, "PUT kbn:/api/security/role/"+kibana.AnalystRole+"\n{", "--print=kibana > api7-audit.ndjson")
}

func TestSetupPrint(t *testing.T) {
	config, _ := setupConfig(t, "http://127.0.0.1:1", "", "retention: 30d\n")
	tests := map[string]struct {
		args       []string
		with, sans string
	}{
		"by the configuration": {[]string{"-c", config}, `"min_age": "30d"`, `"data_retention"`},
		"for an older version": {[]string{"-c", config, "--for", "8.12"}, `"min_age": "30d"`, `"failure_store"`},
		"for serverless":       {[]string{"-c", config, "--for", "serverless"}, `"data_retention": "30d"`, "_ilm"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := runMain(append([]string{"setup", "--print"}, tt.args...)...)
			want(t, got, exitDone, tt.with, "PUT /_index_template/logs-api7.audit\n{\n", "POST /_security/api_key\n{\n")
			if strings.Contains(got.stdout, tt.sans) {
				t.Errorf("%s is in it", tt.sans)
			}
		})
	}
}

// refusing is an Elasticsearch that lets everything pass but the given path.
func refusing(t *testing.T, path string, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		answer := map[string]any{"version": map[string]any{"number": "8.19.9"}}
		switch {
		case r.URL.Path == path:
			w.WriteHeader(status)
		case r.URL.Path == "/_security/user/_has_privileges":
			answer = grantAll(t, r)
		case r.Method == http.MethodGet && strings.Count(r.URL.Path, "/") > 1:
			w.WriteHeader(http.StatusNotFound)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// grantAll answers that every privilege asked for is there.
func grantAll(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	var asked exporter.Privileges
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		t.Error(err)
	}
	cluster, index := map[string]bool{}, map[string]map[string]bool{}
	for _, name := range asked.Cluster {
		cluster[name] = true
	}
	for _, group := range asked.Indices {
		for _, on := range group.Names {
			index[on] = map[string]bool{}
			for _, name := range group.Privileges {
				index[on][name] = true
			}
		}
	}
	return map[string]any{"cluster": cluster, "index": index}
}

// A key file never stays behind without a key in it, and an empty one of
// somebody else is not taken for one.
// Elasticsearch can be prepared before anybody knows where the records come from.
func TestSetupNeedsNoInputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "auditship.yml")
	if err := os.WriteFile(file, []byte("elasticsearch: {urls: [\"http://127.0.0.1:1\"], api_key: \"${file:made-later.key}\"}\nretention: 90d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runMain("setup", "-c", file, "--print"); got.code != exitDone || !strings.Contains(got.stdout, "90d") {
		t.Errorf("%+v", got)
	}
}

func TestSetupLeavesNoEmptyKeyFile(t *testing.T) {
	t.Setenv("AUDITSHIP_SETUP_PASSWORD", "c4nary-s3cret")
	config, keyFile := setupConfig(t, refusing(t, "/_security/api_key", http.StatusBadRequest), "", "")
	got := runMain("setup", "-c", config, "--username", "elastic", "--create-key", keyFile)
	want(t, got, exitFailed, "create API key auditship-agent-", "400")
	if _, err := os.Stat(keyFile); !os.IsNotExist(err) {
		t.Errorf("the key file: %v", err)
	}
	if err := os.WriteFile(keyFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got = runMain("setup", "-c", config, "--username", "elastic", "--create-key", keyFile)
	want(t, got, exitMisused, "is there and empty")
	got = runMain("setup", "-c", config, "--username", "elastic", "--create-key", filepath.Join(keyFile, "below"))
	want(t, got, exitMisused, "--create-key: ")
}

// Kibana does not keep the agent from its templates and its key.
func TestSetupWithoutKibana(t *testing.T) {
	node := estest.Private(t, esnode.Options{})
	t.Setenv("ELASTIC_PASSWORD", node.Password)
	config, keyFile := setupConfig(t, node.URL, node.CAFile, `kibana: {url: "http://127.0.0.1:1"}`)
	got := runMain("setup", "-c", config, "--username", node.Username, "--create-key", keyFile)
	want(t, got, exitUnreachable, "created API key", "verified: ", "kibana")
	readKey(t, keyFile)
}

// A key that ends by itself is told when it ends, and early enough to make another.
func TestKeysThatExpire(t *testing.T) {
	node := estest.Private(t, esnode.Options{})
	t.Setenv("ELASTIC_PASSWORD", node.Password)
	for expires, says := range map[string]string{"90d": "ok     Elasticsearch: the agent's key is good until", "13d": "WARN   Elasticsearch: the agent's key is good until", "": ""} {
		config, keyFile := setupConfig(t, node.URL, node.CAFile, "")
		args := []string{"setup", "-c", config, "--username", node.Username, "--create-key", keyFile}
		if expires != "" {
			args = append(args, "--expires", expires)
		}
		want(t, runMain(args...), exitDone, "created API key")
		t.Setenv("API7_TOKEN_NOT_SET", "c4nary")
		got := runMain("check", "-c", config, "--online")
		if !strings.Contains(got.stdout, says) || (says == "") == strings.Contains(got.stdout, "good until") {
			t.Errorf("--expires %q: %+v", expires, got)
		}
	}
	config, keyFile := setupConfig(t, node.URL, node.CAFile, "")
	want(t, runMain("setup", "-c", config, "--username", node.Username, "--create-key", keyFile, "--expires", "5m"), exitMisused, "an hour or more")
}
