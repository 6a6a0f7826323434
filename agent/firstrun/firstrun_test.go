package firstrun

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditship/auditship/agent/config"
)

func TestRender(t *testing.T) {
	for name, c := range map[string]struct {
		answers Answers
		check   func(*config.Config) bool
	}{
		"the least": {Answers{Paths: []string{"/var/log/*.json"}}, func(c *config.Config) bool {
			return len(c.Inputs) == 1 && c.Inputs[0].File.Paths[0] == "/var/log/*.json" && c.Elasticsearch.URLs[0] == "https://localhost:9200" && c.Kibana.URL == ""
		}},
		"all of it": {Answers{
			Gateway: "prod", GatewayURL: "https://gw:7443", TokenFile: "/run/token", Paths: []string{"/a", "/b"},
			URLs: []string{"https://es1:9200", "https://es2:9200"}, KeyFile: "/etc/key", Namespace: "eu",
			KibanaURL: "https://kb:5601", StateDir: "/state", Timezone: "Europe/Berlin",
		}, func(c *config.Config) bool {
			return len(c.Inputs) == 2 && c.Inputs[0].API.URL == "https://gw:7443" && len(c.Inputs[1].File.Paths) == 2 && c.Gateway == "prod" &&
				len(c.Elasticsearch.URLs) == 2 && c.Elasticsearch.Namespace == "eu" && c.Kibana.URL == "https://kb:5601" && c.StateDir == "/state" && c.Timezone == "Europe/Berlin"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			text, cfg, err := Render(filepath.Join(t.TempDir(), "auditship.yml"), c.answers)
			if err != nil || !c.check(cfg) {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	if _, _, err := Render("auditship.yml", Answers{}); !errors.Is(err, ErrNoInput) {
		t.Errorf("no input: %v", err)
	}
	for name, a := range map[string]Answers{
		"address":   {GatewayURL: "gw:7443"},
		"glob":      {Paths: []string{"/a/["}},
		"zone":      {Paths: []string{"/a"}, Timezone: "Mars"},
		"namespace": {Paths: []string{"/a"}, Namespace: "A-B"},
		"pin":       {Paths: []string{"/a"}, CAFingerprint: "abc"},
	} {
		if _, _, err := Render("auditship.yml", a); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever somebody answers stands in the configuration as it was answered.
func TestAnswersAreTakenAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.StringMatching(`[a-zA-Z0-9 ${}:'"#&*!|>%@`+"`"+`\-]{1,20}`).Draw(t, "path")
		_, cfg, err := Render("/etc/auditship/auditship.yml", Answers{Paths: []string{path}})
		if err != nil {
			return // not every text is a glob
		}
		if got := cfg.Inputs[0].File.Paths; !slices.Equal([]string(got), []string{filepath.Clean(path)}) && got[0] != path {
			t.Fatalf("%q became %q", path, got)
		}
	})
}

func TestNothingIsOverwritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "auditship.yml")
	if err := Write(name, []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := Write(name, []byte("b")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second time: %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "a" {
		t.Errorf("%q %v", text, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}
