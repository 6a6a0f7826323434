package pipeline

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Contain runs a part of the program and makes an error of a panic, so that what
// the panic says about a record goes nowhere and the rest ends in order.
func Contain(part string, run func() error) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("%s failed: %s\n%s", part, harmless(failure), debug.Stack())
		}
	}()
	return run()
}

// harmless is what may be said about a panic: the runtime's own words, which are
// about types and numbers, and only the type of anything else.
func harmless(failure any) string {
	if err, ok := failure.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("panic with a %T", failure)
}
