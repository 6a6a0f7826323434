package delivery

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The installed service under a real systemd: it starts as its user without any right,
// reads the key that only root may read, reloads, refuses a wrong configuration without
// stopping, is left alone while it waits, and restarted when it hangs.
func TestService(t *testing.T) {
	b := release(t)
	m := newMachine(t)
	m.install(b.one(t, "*_"+runtime.GOARCH+".deb"))
	m.write("/etc/auditship/elasticsearch.key", "key\n") // for root only
	m.append("/etc/auditship/auditship.yml", fmt.Sprintf("http: %q\nshutdown_timeout: 500ms\n", freeAddress(t)))
	m.run(0, "install", "-d", "-m", "755", "/var/log/api7/audit", "/etc/systemd/system/auditship.service.d")
	m.write("/var/log/api7/audit/audit.json", `{"id":"1","event_time":1764000000,"event_type":"login"}`+"\n")
	m.run(0, "chmod", "644", "/var/log/api7/audit/audit.json")
	m.write("/etc/systemd/system/auditship.service.d/test.conf", "[Service]\nWatchdogSec=1s\nRestartSec=100ms\n")
	m.write("/etc/systemd/system/probe.service", "[Service]\nType=oneshot\nExecStart=/bin/bash /service.sh\nStandardOutput=file:/facts\nStandardError=file:/errors\n")
	m.write("/service.sh", string(read(t, "testdata/service.sh")))
	m.run(0, "rm", "-f", "/etc/machine-id")
	facts := m.boot("probe.service")
	for _, want := range []string{
		"started=active",
		"user=auditship",
		"capabilities=0000000000000000",
		"seccomp=2",
		"waits=0",
		"state=600 auditship",
		"restarts=0",
		"reload=0",
		"reloaded=active",
		"badreload=1",
		"sameprocess=0",
		"watchdog=0",
		"crash=0",
		"stop=0",
		"result=success",
		"wrongstart=1",
		"wrongstate=failed 0",
	} {
		if !strings.Contains(facts, want+"\n") {
			t.Errorf("not %s", want)
		}
	}
	if t.Failed() {
		journal, _ := m.command("journalctl", "--no-pager", "--unit=auditship.service").CombinedOutput() // for a person
		t.Logf("%s\n%s\n%s", facts, read(t, m.path("/errors")), journal)
	}
}

// boot starts the machine with one unit, which ends it, and returns the facts that it
// found.
func (m machine) boot(unit string) string {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 2*time.Minute)
	defer cancel()
	// It mounts these itself.
	run(m.T, "umount", "--recursive", "--lazy", m.path("/proc"), m.path("/dev"), m.path("/run"))
	out, err := exec.CommandContext(ctx, "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe",
		"--directory="+m.root, "--boot", "--", "--unit="+unit).CombinedOutput()
	for _, name := range []string{"/proc", "/dev", "/run"} {
		run(m.T, "mount", "-t", "tmpfs", "tmpfs", m.path(name)) // to be unmounted at the end
	}
	if err != nil {
		m.Fatalf("systemd-nspawn: %v\n%s", err, out)
	}
	return string(read(m.T, m.path("/facts")))
}
