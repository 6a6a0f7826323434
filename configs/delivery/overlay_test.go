package delivery

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is this machine's root with everything that is changed in memory only.
type machine struct {
	*testing.T
	root string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	dir := t.TempDir()
	mount(t, dir, "-t", "tmpfs", "tmpfs")
	for _, name := range []string{"changes", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m := machine{t, filepath.Join(dir, "root")}
	mount(t, m.root, "-t", "overlay", "-o", "lowerdir=/,upperdir="+dir+"/changes,workdir="+dir+"/work", "overlay")
	mount(t, filepath.Join(m.root, "proc"), "-t", "proc", "proc")
	mount(t, filepath.Join(m.root, "dev"), "--rbind", "/dev")
	// No service manager runs in there.
	mount(t, filepath.Join(m.root, "run"), "-t", "tmpfs", "tmpfs")
	return m
}

// mount mounts for the time of a test. Nothing that is mounted here is seen outside of
// the tests' mount namespace.
func mount(t *testing.T, target string, args ...string) {
	t.Helper()
	run(t, "mount", append(args, target)...)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--recursive", "--lazy", target).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
}

// command is a command in the machine.
func (m machine) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(m.Context(), "chroot", append([]string{m.root}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	return cmd
}

// run runs a command that has to end with a code, and returns what it printed.
func (m machine) run(code int, args ...string) string {
	m.Helper()
	cmd := m.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		m.Fatalf("%s: %v, want exit code %d\n%s", strings.Join(args, " "), err, code, out)
	}
	return string(out)
}

// install copies a package into the machine and hands it to dpkg.
func (m machine) install(deb string, flags ...string) string {
	m.Helper()
	m.write("/run/auditship.deb", string(read(m.T, deb)))
	return m.run(0, append(append([]string{"dpkg", "--install"}, flags...), "/run/auditship.deb")...)
}

func (m machine) path(name string) string { return filepath.Join(m.root, name) }

func (m machine) write(name, text string) {
	m.Helper()
	if err := os.WriteFile(m.path(name), []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

func (m machine) append(name, text string) {
	m.Helper()
	f, err := os.OpenFile(m.path(name), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		m.Fatal(err)
	}
}

// there reports whether a path is there, without following it.
func (m machine) there(name string) bool {
	_, err := os.Lstat(m.path(name))
	return err == nil
}

func (m machine) want(there bool, names ...string) {
	m.Helper()
	for _, name := range names {
		if m.there(name) != there {
			m.Errorf("%s is there: %v", name, !there)
		}
	}
}
