package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestASecondAgentOnTheStateDirectoryIsRefused(t *testing.T) {
	tr := newTrail(t)
	first := tr.start()
	tr.until("the first agent", func() bool {
		_, err := os.Stat(filepath.Join(tr.dir, "state", "positions.log"))
		return err == nil
	})
	second := tr.start()
	err := second.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the second agent ended with %v", err)
	}
	tr.stop(first)
}
