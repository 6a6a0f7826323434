//go:build unix

package filesource

import (
	"os"
	"syscall"
)

// identify returns the identity of an open file and how many names it has.
func identify(info os.FileInfo) (id fileID, links uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{Dev: uint64(st.Dev), Ino: st.Ino}, uint64(st.Nlink)
	}
	return fileID{}, 1
}
