package cli

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditship/auditship/agent/api7sim"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/exporter/esnode/estest"
)

// simulatedGateway takes the token "right-t0ken" and no other.
func simulatedGateway(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(api7sim.NewServer(&api7sim.Store{}, api7sim.Options{APIKey: "right-t0ken"}))
	t.Cleanup(server.Close)
	return server.URL
}

// A person answers on a terminal, makes two mistakes, and ends with a configuration
// that works; the token is in a file of its own and never on the screen.
func TestInitAsksOnATerminal(t *testing.T) {
	node, gateway := estest.Shared(t), simulatedGateway(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "auditship.yml")
	keyboard, terminal := openTerminal(t)
	answers := []string{
		gateway, "wrong-t0ken", "no", // refused by the gateway
		gateway, "right-t0ken",
		filepath.Join(folder, "*.json"),
		node.URL, node.CAFile, // not trusted without the authority
		"https://kibana.example.com:5601",
	}
	if _, err := keyboard.WriteString(strings.Join(answers, "\n") + "\n"); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := Main([]string{"init", "-c", file}, terminal, &stdout, &stderr)
	if _, err := keyboard.WriteString("\x04"); err != nil { // the end of the input, for who still reads it
		t.Fatal(err)
	}
	if code != exitDone {
		t.Fatalf("%d\n%s\n%s", code, &stdout, &stderr)
	}
	got := outcome{code, stdout.String(), stderr.String()}
	want(t, got, exitDone,
		"FAILED input dashboard: the gateway does not accept the token", "ok     input dashboard: the gateway lets the token read",
		"signed by an authority that this host does not know", "ok     Elasticsearch answers, and is trusted",
		"auditship setup -c "+file+" --username elastic --create-key "+filepath.Join(folder, "elasticsearch.key"))
	if strings.Contains(stdout.String()+stderr.String(), "t0ken") {
		t.Error("the token was printed")
	}
	token, err := os.ReadFile(filepath.Join(folder, "gateway.token"))
	if err != nil || string(token) != "right-t0ken\n" {
		t.Errorf("%q %v", token, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte("t0ken")) {
		t.Fatalf("%v %s", err, text)
	}
	cfg, err := config.Parse(file, text, config.Env{Unresolved: notYet})
	if err != nil || len(cfg.Inputs) != 2 || cfg.Elasticsearch.CAFile != node.CAFile || cfg.Kibana.URL == "" {
		t.Errorf("%v %+v", err, cfg)
	}
	want(t, runMain("init", "-c", file), exitMisused, "is there already, and init overwrites nothing")
}

func TestInitFromFlags(t *testing.T) {
	node, gateway := estest.Shared(t), simulatedGateway(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("right-t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{"--gateway-url", gateway, "--gateway-token-file", token, "--elasticsearch-url", node.URL, "--ca-file", node.CAFile}
	for name, c := range map[string]struct {
		args   []string
		code   int
		says   string
		writes bool
	}{
		"everything":            {all, exitDone, "wrote ", true},
		"files only":            {[]string{"--paths", "/var/log/*.json", "--elasticsearch-url", node.URL, "--ca-file", node.CAFile}, exitDone, "1 input into logs-api7.audit-default", true},
		"without tests":         {[]string{"--paths", "/var/log/*.json", "--offline"}, exitDone, "next:", true},
		"nothing to read":       {[]string{"--offline"}, exitMisused, "name the gateway's address, globs of files, or both", false},
		"nobody answers":        {[]string{"--paths", "/var/log/*.json", "--elasticsearch-url", "http://127.0.0.1:1"}, exitUnreachable, "nothing was written", false},
		"an unknown authority":  {all[:6], exitUnreachable, "ca_fingerprint", false},
		"no address":            {[]string{"--gateway-url", "gw", "--offline"}, exitMisused, "gw", false},
		"two ways to trust one": {append(all[:8:8], "--ca-fingerprint", "ab"), exitMisused, "ca-fingerprint", false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "auditship.yml")
			want(t, runMain(append([]string{"init", "-c", file}, c.args...)...), c.code, c.says)
			if _, err := os.Stat(file); (err == nil) != c.writes {
				t.Errorf("written: %v", err)
			}
		})
	}
}
