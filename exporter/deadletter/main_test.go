//go:build unix

package deadletter

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childTask names what this test binary does when a test started it as another
// process.
const childTask = "DEADLETTER_TEST_CHILD"

func TestMain(m *testing.M) {
	task := os.Getenv(childTask)
	if task == "" {
		goleak.VerifyTestMain(m)
		return
	}
	do, known := children[task]
	if !known {
		fmt.Fprintln(os.Stderr, "no such task:", task)
		os.Exit(2)
	}
	if err := do(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
