package cli

import "golang.org/x/sys/unix"

// keepOutOfDumps keeps the process's memory, which holds keys and records before they are
// masked, out of core dumps and from debuggers of the same user. Where the system does
// not know it, LimitCORE of the service and the like are what is left.
func keepOutOfDumps() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
