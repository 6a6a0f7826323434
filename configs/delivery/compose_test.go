package delivery

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads the compose file as docker compose does: against its schema, with all
// references resolved.
func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../compose/compose.yml"}, cli.WithWorkingDirectory("../compose"), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	project := compose(t)
	for _, name := range []string{"elasticsearch", "kibana", "setup", "agent", "gateway"} {
		if _, ok := project.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for name, image := range map[string]string{"elasticsearch": "elasticsearch:8.19.", "kibana": "kibana:8.19."} {
		if got := project.Services[name].Image; !strings.Contains(got, image) {
			t.Errorf("%s is %s", name, got)
		}
	}
	agent := project.Services["agent"]
	if !agent.ReadOnly || !slices.Equal(agent.CapDrop, []string{"ALL"}) {
		t.Error("the agent's root can be written to, or it has capabilities")
	}
	for name, service := range project.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to the network", name)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Error(err)
			}
		}
		if build := service.Build; build != nil {
			text := string(read(t, filepath.Join(build.Context, build.Dockerfile)))
			if !strings.Contains(text, " AS "+build.Target+"\n") {
				t.Errorf("%s: the Dockerfile has no target %s", name, build.Target)
			}
		}
	}
}

// The agent and setup take the configuration that compose gives them.
func TestComposeConfiguration(t *testing.T) {
	auditship := release(t).path("bin", "stage", "linux_amd64", "auditship")
	dir := t.TempDir()
	key := filepath.Join(dir, "elasticsearch.key")
	text := strings.ReplaceAll(string(read(t, "../compose/auditship.yml")), "/var/lib/auditship/elasticsearch.key", key)
	for path, text := range map[string]string{key: "key\n", filepath.Join(dir, "auditship.yml"): text} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := run(t, auditship, "check", "-c", filepath.Join(dir, "auditship.yml")); !strings.Contains(out, "configuration ok: 2 inputs (1 file, 1 api)") {
		t.Error(out)
	}
}
