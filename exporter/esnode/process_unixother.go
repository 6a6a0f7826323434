//go:build unix && !linux

package esnode

import "syscall"

// dieWithParent has no means here: call Stop.
func dieWithParent(*syscall.SysProcAttr) {}
