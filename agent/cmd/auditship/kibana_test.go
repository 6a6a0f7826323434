package main

import (
	"os"
	"strings"
	"testing"
)

// R20: a Kibana that does not answer stops neither the agent nor what setup does
// in Elasticsearch. Setup says so and exits with 3.
func TestR20AKibanaThatIsAwayStopsNothing(t *testing.T) {
	tr := newTrail(t)
	tr.must(tr.configure(settings{more: `kibana: {url: "http://127.0.0.1:1"}`}))

	setup, err := tr.command("setup", "--username", tr.node.Username)
	tr.must(err)
	setup.Env = append(setup.Env, "AUDITSHIP_SETUP_PASSWORD="+tr.node.Password)
	var said strings.Builder
	setup.Stdout, setup.Stderr = &said, &said
	_ = setup.Run() // the exit code tells
	if code := setup.ProcessState.ExitCode(); code != 3 || !strings.Contains(said.String(), "kibana: ask for its status") {
		t.Errorf("setup ended with %d:\n%s", code, &said)
	}
	tr.call("GET", "/_ilm/policy/logs-api7.audit", nil)
	tr.call("GET", "/_index_template/logs-api7.audit", nil)

	agent := tr.start()
	tr.write(20)
	tr.until("20 documents", func() bool { return tr.count() == 20 })
	tr.stop(agent)
	if log, err := os.ReadFile(tr.dir + "/agent.log"); err != nil || strings.Contains(string(log), "kibana") {
		t.Errorf("the agent speaks of Kibana: %v %s", err, log)
	}
}
