package delivery

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The life of a Debian package on a machine: installed, configured, run, upgraded,
// removed, purged.
func TestDeb(t *testing.T) {
	b := release(t)
	m := newMachine(t)
	deb := b.one(t, "*_"+runtime.GOARCH+".deb")

	m.install(deb)
	m.want(true, "/usr/bin/auditship", "/etc/auditship/auditship.yml", "/usr/lib/systemd/system/auditship.service",
		"/etc/systemd/system/multi-user.target.wants/auditship.service") // enabled
	if got := m.run(0, "stat", "-c", "%a %U:%G", "/etc/auditship/auditship.yml", "/etc/auditship"); got != "640 root:auditship\n755 root:root\n" {
		t.Errorf("the configuration is %s", got)
	}
	if got := m.run(0, "getent", "passwd", "auditship"); !strings.HasSuffix(got, ":/var/lib/auditship:/usr/sbin/nologin\n") {
		t.Errorf("the user is %s", got)
	}
	version := m.run(0, "dpkg-query", "--show", "--showformat=${Version}", "auditship")
	if got := m.run(0, "auditship", "version"); !strings.Contains(got, "linux/"+runtime.GOARCH) {
		t.Errorf("%s installed, and it says %s", version, got)
	}
	t.Run("unit", func(t *testing.T) { m.unit(t) })
	t.Run("shipped configuration", func(t *testing.T) {
		m.write("/etc/auditship/elasticsearch.key", "key\n")
		if got := m.run(0, "auditship", "check"); !strings.HasPrefix(got, "configuration ok: 1 input") {
			t.Error(got)
		}
	})
	t.Run("agent", func(t *testing.T) { m.agent(t) })
	t.Run("completion", func(t *testing.T) {
		got := m.run(0, "bash", "-c", ". /usr/share/bash-completion/bash_completion 2>/dev/null; . /usr/share/bash-completion/completions/auditship && complete -p auditship")
		if !strings.Contains(got, "__start_auditship") {
			t.Error(got)
		}
	})

	// An upgrade that brings another configuration keeps the one that was edited.
	edited := string(read(t, m.path("/etc/auditship/auditship.yml")))
	m.install(b.newer(t), "--force-confdef", "--force-confold")
	if got := string(read(t, m.path("/etc/auditship/auditship.yml"))); got != edited {
		t.Errorf("the upgrade made of the configuration\n%s", got)
	}
	if got := m.run(0, "dpkg-query", "--show", "--showformat=${Version}", "auditship"); got != "99.0.0" {
		t.Errorf("upgraded to %s", got)
	}
	m.want(true, "/etc/auditship/auditship.yml.dpkg-dist", "/var/lib/auditship/positions.log")

	m.run(0, "dpkg", "--remove", "auditship")
	m.want(false, "/usr/bin/auditship", "/usr/lib/systemd/system/auditship.service")
	m.want(true, "/etc/auditship/auditship.yml", "/etc/auditship/elasticsearch.key", "/var/lib/auditship/positions.log")

	m.run(0, "dpkg", "--purge", "auditship")
	m.want(false, "/etc/auditship", "/var/lib/auditship", "/etc/systemd/system/multi-user.target.wants/auditship.service")
	m.run(0, "getent", "passwd", "auditship")
}

// newer packs the release again as a later one with another configuration.
func (b built) newer(t *testing.T) string {
	t.Helper()
	path := b.path("bin", "stage", "auditship.yml")
	old := read(t, path)
	if err := os.WriteFile(path, append(old, "# new in this release\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.WriteFile(path, old, 0o644) }() // only this test looks at it
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=.ci/tools/go.mod", "nfpm", "package",
		"--config", "configs/packages/nfpm.yaml", "--packager", "deb", "--target", dir)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "STAGE=bin/stage", "PACKAGE_VERSION=99.0.0", "ARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nfpm: %v\n%s", err, out)
	}
	return filepath.Join(dir, "auditship_99.0.0_"+runtime.GOARCH+".deb")
}

// unit: systemd finds nothing to complain about, and rates the exposure 2.0 or better.
func (m machine) unit(t *testing.T) {
	const unit = "/usr/lib/systemd/system/auditship.service"
	if got := m.run(0, "systemd-analyze", "verify", "--man=no", unit); got != "" {
		t.Error(got)
	}
	got := m.run(0, "systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit)
	level := regexp.MustCompile(`Overall exposure level for auditship.service: ([0-9.]+)`).FindStringSubmatch(got)
	if level == nil {
		t.Fatal(got)
	}
	if n, err := strconv.ParseFloat(level[1], 64); err != nil || n > 2 {
		t.Errorf("exposure %s", level[1])
	}
	t.Logf("exposure level %s", level[1])
}

// agent: the installed agent runs as its user, says that it waits, and stops in order.
func (m machine) agent(t *testing.T) {
	free := freeAddress(t)
	m.run(0, "install", "-d", "-o", "auditship", "-m", "0700", "/var/lib/auditship", "/var/log/api7/audit")
	m.write("/var/log/api7/audit/audit.json", `{"id":"1","event_time":1764000000,"event_type":"login"}`+"\n")
	m.run(0, "chmod", "644", "/var/log/api7/audit/audit.json")
	m.run(0, "chown", "auditship", "/etc/auditship/elasticsearch.key")
	m.append("/etc/auditship/auditship.yml", fmt.Sprintf("http: %q\nshutdown_timeout: 1s\n", free))
	cmd := m.command("setpriv", "--reuid=auditship", "--regid=auditship", "--clear-groups", "--no-new-privs", "/usr/bin/auditship", "run")
	waitsAndStops(t, cmd, func() (int, string) {
		health := m.command("auditship", "health")
		out, _ := health.CombinedOutput() // the exit code tells
		return health.ProcessState.ExitCode(), string(out)
	})
}

// waitsAndStops runs an agent without an Elasticsearch until health says so, and then
// stops it.
func waitsAndStops(t *testing.T, agent *exec.Cmd, health func() (code int, out string)) {
	t.Helper()
	var log strings.Builder
	agent.Stdout, agent.Stderr = &log, &log
	agent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	var out string
	var code int
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if code, out = health(); code == 1 && strings.Contains(out, "elasticsearch: unreachable (since ") {
			break
		}
	}
	stop(t, agent)
	if code != 1 || !strings.Contains(out, "elasticsearch: unreachable (since ") {
		t.Errorf("health ended with %d and said %s\nthe log:\n%s", code, out, log.String())
	}
	if !strings.Contains(log.String(), `"message":"stopped"`) {
		t.Errorf("it did not stop in order:\n%s", log.String())
	}
}

// stop interrupts a command and what it started, which is the agent where the command
// only waits for it.
func stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ended with %v", err)
	}
}

func freeAddress(t *testing.T) string {
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
