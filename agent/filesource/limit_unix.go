//go:build unix

package filesource

import "syscall"

// descriptors is how many the process may hold. The soft limit is no other one: Go
// raises it to the hard limit when a program starts.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return usualDescriptors
	}
	return int(min(limit.Cur, 1<<20))
}
