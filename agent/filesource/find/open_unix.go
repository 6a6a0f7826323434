//go:build unix

package find

import "syscall"

const nonblock = syscall.O_NONBLOCK
