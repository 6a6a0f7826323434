//go:build !unix

package checkpoint

import "os"

// flock does nothing where the system has no advisory locks.
func flock(*os.File) error { return nil }
