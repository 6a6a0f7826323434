package cli

import (
	"os"
	"runtime/debug"
)

// collectAt is how much the heap may grow, in percent, before garbage is collected.
// Most of the memory of run and import is a few large buffers without pointers, which are
// used again and again. So a collection costs little, and Go's default of 100 would
// let half of the memory be garbage.
const collectAt = 25

// keepHeapSmall sets that, unless the environment says something else.
func keepHeapSmall() {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if os.Getenv(name) != "" {
			return
		}
	}
	debug.SetGCPercent(collectAt)
}
