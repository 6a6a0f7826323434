package esnode

import (
	"fmt"
	"os"
	"path/filepath"
)

// systemCache serves root, whose own cache folder others cannot reach.
const systemCache = "/var/cache/auditship"

// cacheDir returns the folder for unpacked distributions and makes it. The
// user that runs the node must be able to reach it.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil {
		dir = filepath.Join(dir, "auditship")
	}
	if os.Geteuid() == 0 && (err != nil || !reachableByAll(dir)) {
		dir, err = systemCache, nil
	}
	if err != nil {
		return "", fmt.Errorf("find a cache folder for Elasticsearch: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cache folder for Elasticsearch: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask
		return "", fmt.Errorf("open cache folder for Elasticsearch: %w", err)
	}
	return dir, nil
}

// reachableByAll tells whether every folder on the way to dir, as far as they
// exist, may be entered by everyone.
func reachableByAll(dir string) bool {
	for {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}
