package filesource

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ext4 mounts a small ext4, which gives the inode of a removed file to the next one.
func ext4(t *testing.T) string {
	t.Helper()
	if testing.Short() || os.Geteuid() != 0 {
		t.Skip("LEFT OUT under -short and without root, who alone can mount an ext4")
	}
	dir := t.TempDir()
	image, at := filepath.Join(dir, "ext4.img"), filepath.Join(dir, "mounted")
	for _, command := range [][]string{
		{"truncate", "--size=8M", image}, {"mkfs.ext4", "-q", "-F", image}, {"mkdir", at}, {"mount", "-o", "loop", image, at},
	} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s (a container needs CAP_SYS_ADMIN and loop devices for it)", command[0], err, out)
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return at
}

// R3: on a file system that gives an inode away again at once, a file that is removed
// and made anew while the source is stopped, longer or shorter, comes whole.
func TestR3_InodeReuseOnExt4(t *testing.T) {
	d := newDesk(t, ext4(t), "audit.json")
	inode := func() uint64 {
		t.Helper()
		info, err := os.Stat(d.path("audit.json"))
		d.must(err)
		id, _ := identify(info)
		return id.Ino
	}
	d.write("audit.json", recordRange(0, 100)...)
	first := inode()
	d.start()
	d.expect(recordRange(0, 100)...)
	d.stop()
	for i, to := range []int{150, 400} { // shorter than the position, and longer
		d.must(os.Remove(d.path("audit.json")))
		d.write("audit.json", recordRange(100+50*i, to)...)
		if inode() != first {
			t.Fatal("the inode was not used again: this proves nothing")
		}
		d.start()
		d.expectOnce(recordRange(0, to)...)
		d.stop()
	}
}
