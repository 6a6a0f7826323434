//go:build unix

package durable

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

// notPrivate says why others than this user and root may change a folder, and what to
// do; "" if they may not. The user's own group is let in: it is the user's alone, and a
// volume of Kubernetes always belongs to one.
func notPrivate(folder fs.FileInfo, path string) string {
	s, ok := folder.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	if why := foreign(folder); why != "" {
		return why
	}
	switch mode := folder.Mode().Perm(); {
	case mode&0o002 != 0:
		return "is a folder that everybody may write to: chmod o-w " + path + ", or name a folder in it, which auditship makes for itself"
	case mode&0o020 != 0 && int(s.Gid) != os.Getegid():
		return "is a folder that another group may write to: chmod g-w " + path + ", or name a folder in it, which auditship makes for itself"
	}
	return ""
}

// foreign says that a folder belongs to another user than this and root, and what to do;
// "" if it does not.
func foreign(folder fs.FileInfo) string {
	s, ok := folder.Sys().(*syscall.Stat_t)
	if me := os.Geteuid(); ok && int(s.Uid) != me && s.Uid != 0 && !unmapped(int(s.Uid)) {
		return fmt.Sprintf("belongs to the user %s, and this is %s: call auditship as that user, for example with sudo -u %[1]s",
			userName(int(s.Uid)), userName(me))
	}
	return ""
}

// unmapped reports whether a user is one that this process's user namespace does not know,
// as root of the host is within one of a container's own.
func unmapped(uid int) bool {
	const overflow = 65534
	whole, err := os.ReadFile("/proc/self/uid_map")
	return uid == overflow && err == nil && strings.Join(strings.Fields(string(whole)), " ") != "0 0 4294967295"
}

// mine reports whether a file belongs to this user.
func mine(file fs.FileInfo) bool {
	s, ok := file.Sys().(*syscall.Stat_t)
	return !ok || int(s.Uid) == os.Geteuid()
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}
