package esnode_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditship/auditship/exporter/esnode/estest"
)

func TestServerIsNeverRoot(t *testing.T) {
	pid, err := serverPID(t.Context(), estest.Shared(t))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil {
		t.Fatal(err)
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	if owner == 0 {
		t.Error("the server runs as root")
	}
	if me := os.Geteuid(); me != 0 && owner != me {
		t.Errorf("the server runs as user %d, its parent as %d", owner, me)
	}
}

func TestNodeDiesWithTheProcessThatStartedIt(t *testing.T) {
	estest.NeedsNode(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), orphanVariable+"="+openFolder(t))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	_ = parent.Process.Kill()
	_ = parent.Wait() // it was killed
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the parent told %q (%v)", line, readErr)
	}
	awaitEnd(t, pid)
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return
		}
		if _, rest, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(rest, "Z") {
			return // dead, and its new parent has not looked yet
		}
	}
	t.Errorf("process %d outlived its parent", pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
