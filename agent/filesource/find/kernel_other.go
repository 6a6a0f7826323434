//go:build !linux

package find

import "os"

func isKernel(*os.File) bool { return false }
