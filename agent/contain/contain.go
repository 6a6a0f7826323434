package contain

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Run runs a part of the program and makes an error of a panic, so that what the
// panic says about a record goes nowhere and the rest ends in order.
func Run(part string, run func() error) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("%s failed: %s\n%s", part, Harmless(failure), debug.Stack())
		}
	}()
	return run()
}

// Harmless is what may be said about the value of a panic: the runtime's own words,
// which are about types and numbers, and only the type of anything else.
func Harmless(failure any) string {
	if err, ok := failure.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("panic with a %T", failure)
}
