package delivery

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// buildah keeps its images in a folder of the test.
type buildah struct {
	*testing.T
	flags []string
}

func (b buildah) run(args ...string) string {
	b.Helper()
	return strings.TrimSpace(run(b.T, "buildah", append(slices.Clone(b.flags), args...)...))
}

// The image holds the binary, its user and the certificate authorities, and nothing
// else; it runs as that user on a read-only root, and its health check works.
func TestImage(t *testing.T) {
	release := release(t)
	dir := t.TempDir()
	b := buildah{t, []string{"--root", dir + "/images", "--runroot", dir + "/run", "--storage-driver", "vfs"}}
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "image-of-stage",
		"CONTAINER=buildah "+strings.Join(b.flags, " "), "PACKAGE_VERSION=1.2.3", "IMAGE_ARCH="+runtime.GOARCH)
	cmd.Dir = release.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, out)
	}
	checkImageConfig(t, b.run("inspect", "--type", "image", "auditship:1.2.3"))
	size := b.run("images", "--format", "{{.Size}}", "auditship:1.2.3")
	t.Logf("the image takes %s", size)

	container := b.run("from", "--pull-never", "auditship:1.2.3")
	root := b.run("mount", container)
	t.Cleanup(func() { _ = exec.Command("buildah", append(b.flags, "rm", container)...).Run() }) // its folder is removed in any case
	checkImageFiles(t, root)
	runImage(t, root)
}

func checkImageConfig(t *testing.T, inspected string) {
	t.Helper()
	var image struct {
		Docker struct {
			Architecture string `json:"architecture"`
			Config       struct {
				User            string
				Entrypoint, Cmd []string
				Volumes         map[string]any
				ExposedPorts    map[string]any
				Labels          map[string]string
				Healthcheck     *struct{ Test []string }
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(inspected), &image); err != nil {
		t.Fatal(err)
	}
	c := image.Docker.Config
	if c.User != "65532:65532" || image.Docker.Architecture != runtime.GOARCH {
		t.Errorf("user %s, architecture %s", c.User, image.Docker.Architecture)
	}
	if got := strings.Join(append(c.Entrypoint, c.Cmd...), " "); got != "/usr/bin/auditship run" {
		t.Errorf("it runs %s", got)
	}
	if c.Healthcheck == nil || strings.Join(c.Healthcheck.Test, " ") != "CMD /usr/bin/auditship health" {
		t.Errorf("health check %v", c.Healthcheck)
	}
	if c.Volumes["/var/lib/auditship"] == nil || c.ExposedPorts["9479/tcp"] == nil || c.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("volumes %v, ports %v, labels %v", c.Volumes, c.ExposedPorts, c.Labels)
	}
}

func checkImageFiles(t *testing.T, root string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(files, " "); got != "/etc/group /etc/passwd /etc/ssl/certs/ca-certificates.crt /usr/bin/auditship" {
		t.Errorf("the image holds %s", got)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(read(t, root+"/etc/ssl/certs/ca-certificates.crt")) || len(pool.Subjects()) < 50 { //nolint:staticcheck // not the system's pool
		t.Error("there are no certificate authorities")
	}
}

// runImage runs the image's root as a container engine would: see
// testdata/container.sh.
func runImage(t *testing.T, root string) {
	t.Helper()
	mounts := t.TempDir()
	if err := os.Chmod(mounts, 0o755); err != nil {
		t.Fatal(err)
	}
	free := freeAddress(t)
	config := fmt.Sprintf(`
inputs: [{type: file, id: files, paths: ["/audit/*.json"]}]
elasticsearch: {urls: ["https://localhost:1"], api_key: "${ES_API_KEY}"}
http: %q
shutdown_timeout: 1s
`, free)
	for name, text := range map[string]string{
		"config/auditship.yml": config,
		"config/wrong.yml":     config + "state_dir: /usr/state\n",
		"audit/audit.json":     `{"id":"1","event_time":1764000000,"event_type":"login"}` + "\n",
		"state/empty":          "",
	} {
		path := filepath.Join(mounts, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(mounts, "state")
	if err := os.Chown(state, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	container := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child",
			"sh", "-eu", "testdata/container.sh", root, mounts}, args...)...)
		cmd.Env = []string{"ES_API_KEY=key", "PATH=" + os.Getenv("PATH")}
		return cmd
	}
	agent := container("/usr/bin/auditship", "run")
	waitsAndStops(t, agent, func() (int, string) {
		health := container("/usr/bin/auditship", "health")
		out, _ := health.CombinedOutput() // the exit code tells
		return health.ProcessState.ExitCode(), string(out)
	})
	info, err := os.Stat(filepath.Join(state, "positions.log"))
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 65532 {
		t.Errorf("the state is not the user's: %v", err)
	}
	out, err := container("/usr/bin/auditship", "run", "-c", "/etc/auditship/wrong.yml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "read-only file system") {
		t.Errorf("the root is not read-only: %v\n%s", err, out)
	}
}
