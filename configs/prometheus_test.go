package configs

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter"
)

// Whatever an alert rule asks for is something that the agent says.
func TestAlertRulesKnowTheMetrics(t *testing.T) {
	rules, err := os.ReadFile("prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\bauditship_\w+`).FindAllString(string(rules), -1)
	if len(asked) == 0 {
		t.Fatal("the rules ask for no metric of the agent")
	}
	said := metricsOfAnAgentInTrouble(t, asked)
	for _, name := range asked {
		if !said[name] && !said[name+"_count"] {
			t.Errorf("%s is no metric of the agent", name)
		}
	}
	verdicts := regexp.MustCompile(`verdict=~?"([\w|]+)"`).FindAllStringSubmatch(string(rules), -1)
	for _, v := range verdicts {
		for _, verdict := range regexp.MustCompile(`\w+`).FindAllString(v[1], -1) {
			if !said[`verdict="`+verdict+`"`] {
				t.Errorf("%s is no verdict of the agent", verdict)
			}
		}
	}
}

// metricsOfAnAgentInTrouble runs an agent that can reach neither its gateway nor
// Elasticsearch, so that even the metrics of waiting appear, until it has said all
// that is asked for, or long enough. It returns the names and verdicts.
func metricsOfAnAgentInTrouble(t *testing.T, asked []string) map[string]bool {
	t.Helper()
	dir := t.TempDir()
	record := `{"id":"1","event_time":1764000000,"event_type":"login"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "audit.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	closed, free := closedAddress(t), closedAddress(t)
	cfg, err := config.Parse(filepath.Join(dir, "auditship.yml"), fmt.Appendf(nil, `
inputs:
  - {type: file, id: files, paths: ["%s/audit.json"]}
  - {type: api, id: dashboard, url: "http://%s", api_key: token}
elasticsearch: {urls: ["http://%s"], flush_interval: 10ms}
state_dir: %s/state
http: %q
shutdown_timeout: 0s
`, dir, closed, closed, dir, free), config.OSEnv())
	if err != nil {
		t.Fatal(err)
	}
	client, err := exporter.New(exporter.Config{Addresses: cfg.Elasticsearch.URLs})
	if err != nil {
		t.Fatal(err)
	}
	line, err := pipeline.Open(cfg, pipeline.Options{Client: client, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	said := askUntilAllIsSaid(t, "http://"+free+"/metrics", asked)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	return said
}

func askUntilAllIsSaid(t *testing.T, url string, asked []string) map[string]bool {
	t.Helper()
	said := map[string]bool{}
	pattern := regexp.MustCompile(`(?m)^auditship_\w+|verdict="\w+"`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, name := range pattern.FindAllString(get(t, url), -1) {
			said[name] = true
		}
		missing := false
		for _, name := range asked {
			missing = missing || !said[name] && !said[name+"_count"]
		}
		if !missing {
			break
		}
	}
	return said
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// closedAddress is an address on which nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
