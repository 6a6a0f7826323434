//go:build !linux

package find

import "os"

// openBase opens the folder that a glob begins at. Links on the way are followed here.
func openBase(path string) (*os.Root, error) { return os.OpenRoot(path) }
