package delivery

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// promtool is Prometheus' own tool: the one that is installed, else unpacked from
// Debian's package.
func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", "chmod 777 . && apt-get download -qq prometheus && dpkg-deb --extract prometheus_*.deb root")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("get promtool: %v\n%s", err, out)
	}
	return filepath.Join(dir, "root", "usr", "bin", "promtool")
}

// The alert rules say what their tests expect, by Prometheus' own judgement.
func TestAlertRules(t *testing.T) {
	tool := promtool(t)
	if out := run(t, tool, "check", "rules", "../prometheus/alerts.yml"); !strings.Contains(out, "SUCCESS") {
		t.Error(out)
	}
	if out := run(t, tool, "test", "rules", "../prometheus/alerts_test.yml"); !strings.Contains(out, "SUCCESS") {
		t.Error(out)
	}
}
