package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// waitingRoot is a tree of one command, which calls wait.
func waitingRoot(wait func(context.Context) error) *cobra.Command {
	root := &cobra.Command{Use: "auditship", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(&cobra.Command{Use: "wait", RunE: func(cmd *cobra.Command, _ []string) error { return wait(cmd.Context()) }})
	return root
}

// The first signal ends the context of the command.
func TestSignalEndsTheContext(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			var stderr bytes.Buffer
			wait := func(ctx context.Context) error {
				if err := syscall.Kill(os.Getpid(), sig); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return fmt.Errorf("export: %w", ctx.Err())
				case <-time.After(time.Minute):
					return fmt.Errorf("the context did not end")
				}
			}
			code := execute(waitingRoot(wait), &program{stdout: &stderr, stderr: &stderr}, []string{"wait"})
			if code != exitFailed || stderr.String() != "auditship: interrupted\n" {
				t.Errorf("exit code %d, %s", code, &stderr)
			}
		})
	}
}

// deafVariable makes the test binary run deaf instead of the tests.
const deafVariable = "AUDITSHIP_TEST_DEAF"

// deaf says when it can be interrupted and when it was, and does not stop.
func deaf(ctx context.Context) error {
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("interrupted")
	time.Sleep(time.Minute)
	return nil
}

// The second signal ends a process that does not react to the first.
func TestSecondSignalEndsTheProcess(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), deafVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"ready", "interrupted"} {
		if !lines.Scan() || strings.TrimSpace(lines.Text()) != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the process's state tells
	}()
	deadline := time.After(time.Minute)
	for {
		select {
		case <-ended:
			status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != syscall.SIGINT {
				t.Errorf("ended as %v, want by the signal", cmd.ProcessState)
			}
			return
		case <-time.After(50 * time.Millisecond):
			// The second one may have come before the process stopped catching.
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended just now
		case <-deadline:
			_ = cmd.Process.Kill() // reported below
			<-ended
			t.Fatal("the process did not end")
		}
	}
}
