package esnode

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is the unprivileged user that runs the node when we are root.
type account struct{ uid, gid uint32 }

// unprivileged returns nil unless this process is root; then it returns the
// account nobody.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("find a user to run Elasticsearch, which refuses to run as root: %w", err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("uid of nobody: %w", err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("gid of nobody: %w", err)
	}
	return &account{uid: uint32(uid), gid: uint32(gid)}, nil
}

// give makes the account the owner of a folder and all below it.
func (a *account) give(dir string) error {
	if a == nil {
		return nil
	}
	if parent := filepath.Dir(dir); !reachableByAll(parent) {
		return fmt.Errorf("%s cannot be entered by the unprivileged user that runs Elasticsearch", parent)
	}
	return filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, int(a.uid), int(a.gid))
	})
}
