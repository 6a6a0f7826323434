package cli

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
)

// A gateway that keeps 60 days, asked for 180: the check says how old its oldest record
// is, that since reaches behind it, and where older ones come from. A gateway that
// cannot be reached leaves so many days.
func TestCheckKnowsWhatTheGatewayStillHas(t *testing.T) {
	var store api7sim.Store
	generator := api7sim.NewGenerator(1)
	for i := range 61 {
		store.Add(generator.Next(time.Now().Add(-time.Duration(i)*24*time.Hour - time.Minute)))
	}
	store.Delete(time.Now().Add(-60 * 24 * time.Hour))
	server := httptest.NewServer(api7sim.NewServer(&store, api7sim.Options{APIKey: "k"}))
	defer server.Close()
	check := func(url, since string) (string, *onlineCheck) {
		path := writeConfig(t, fmt.Sprintf(`
inputs: [{type: api, id: dashboard, url: %q, api_key: k, since: %s, timeout: 5s}]
elasticsearch: {urls: "https://es:9200"}
state_dir: state
`, url, since))
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		state(t, cfg.StateDir, time.Now().Add(-51*24*time.Hour))
		var out strings.Builder
		c := &onlineCheck{program: &program{stdout: &out}}
		c.input(context.Background(), cfg.Inputs[0], savedOf(cfg.StateDir, "dashboard"))
		return out.String(), c
	}
	got, c := check(server.URL, "180d")
	t.Logf("the check prints\n%s", got)
	for _, want := range []string{
		"ok     input dashboard: the gateway lets the token read its audit records; the oldest is of ", ", 59 days ago\n",
		"WARN   input dashboard: since: 180d reaches behind the oldest record that the gateway still has\n",
		"comes from exports only: auditship import FILE...\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not print %q", want)
		}
	}
	if c.failed > 0 {
		t.Error("a warning is a failure")
	}
	if got, _ := check(server.URL, "30d"); strings.Contains(got, "WARN") {
		t.Errorf("it warns where since is within what the gateway has:\n%s", got)
	}
	got, c = check("http://127.0.0.1:1", "180d")
	t.Logf("and of one that cannot be reached\n%s", got)
	if !strings.Contains(got, "In 8 days records will be gone for good: the gateway keeps them for 60d.") || c.unreachable != 1 {
		t.Errorf("of one that cannot be reached it prints\n%s", got)
	}
}

// state saves a position of the input dashboard.
func state(t *testing.T, dir string, at time.Time) {
	t.Helper()
	store, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Save(checkpoint.Entry{
		Stream:   event.Stream{Input: "dashboard", Name: "api"},
		Position: fmt.Appendf(nil, `{"next":%q}`, at.UTC().Format(time.RFC3339)), Saved: time.Now(),
	})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}
