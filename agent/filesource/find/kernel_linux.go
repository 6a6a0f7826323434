package find

import (
	"os"

	"golang.org/x/sys/unix"
)

// isKernel reports whether a file is one of /proc, /sys and the like, which are
// regular by their mode and endless or secret by what they hold.
func isKernel(f *os.File) bool {
	var s unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &s) != nil {
		return false
	}
	switch int64(s.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.CGROUP2_SUPER_MAGIC:
		return true
	}
	return false
}
