package cli

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestReconcile(t *testing.T) {
	const token = "gateway-c4nary"
	elasticsearch, stream := liveAgent(t)
	store := &api7sim.Store{}
	generator := api7sim.NewGenerator(5)
	for i := range 40 {
		store.Add(generator.Next(time.Now().Add(-time.Hour - time.Duration(i)*time.Minute)))
	}
	server := api7sim.NewServer(store, api7sim.Options{APIKey: token})
	gateway := httptest.NewServer(server)
	defer gateway.Close()
	dir := t.TempDir()
	secret := filepath.Join(dir, "token")
	if err := os.WriteFile(secret, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := writeConfig(t, fmt.Sprintf(`
inputs: [{type: api, id: dashboard, url: %q, api_key: "${file:%s}"}]
elasticsearch: %s
state_dir: %s/state
`, gateway.URL, secret, elasticsearch, dir))
	reconcile := func(args ...string) outcome {
		got := runMain(append([]string{"reconcile", "-c", cfg}, args...)...)
		if strings.Contains(got.stdout+got.stderr, "c4nary") {
			t.Error("a secret was printed")
		}
		return got
	}

	// Nothing was shipped yet, not even the stream is there.
	want(t, reconcile("--last", "1d"), exitFailed, "40 missing", "the gateway and Elasticsearch differ")
	got := reconcile("--last", "1d", "--format", "json", "--repair")
	want(t, got, exitDone)
	var whole struct {
		Differences []map[string]any
		Gateways    []map[string]any
		Complete    bool
		Differs     bool
	}
	if err := json.Unmarshal([]byte(got.stdout), &whole); err != nil || len(whole.Differences) != 40 || whole.Differs || !whole.Complete {
		t.Errorf("%v: %s", err, got.stdout)
	}
	node := estest.Shared(t)
	if status, _, err := node.Do(t.Context(), "POST", "/"+stream+"/_refresh", nil); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	want(t, reconcile("--last", "1d"), exitDone, "40 records, 40 documents: 0 missing, 0 altered, 0 unexpected, 0 twice",
		"left out, because masking rules may change them: url.original, user_agent.original, error.message")
	want(t, reconcile("--from", "2026-01-01", "--to", "2026-01-02", "--timezone", "Europe/Berlin"), exitDone,
		"from 2026-01-01 00:00:00.000+01:00 to 2026-01-03 00:00:00.000+01:00")

	want(t, reconcile(), exitMisused, "at least one of the flags in the group [last from] is required")
	want(t, reconcile("--last", "soon"), exitMisused, "--last")
	want(t, reconcile("--from", "2026-01-02", "--to", "2026-01-01T00:00:00Z"), exitMisused, "the period is empty")
	want(t, reconcile("--last", "1d", "--format", "csv"), exitMisused, "must be table or json")
	want(t, reconcile("--last", "1d", "--input", "other"), exitMisused, `no input "other" of type api`)
	server.Set(func(o *api7sim.Options) { o.APIKey = "another" })
	want(t, reconcile("--last", "1d"), exitFailed, "does not accept the token")
	gateway.Close()
	want(t, reconcile("--last", "1d"), exitUnreachable, "cannot be reached", "broke off")
	noInput, _ := replayConfig(t, elasticsearch)
	want(t, runMain("reconcile", "-c", noInput, "--last", "1d"), exitMisused, "no input of type api")
}
