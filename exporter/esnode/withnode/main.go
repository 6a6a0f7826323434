// Command withnode runs a command beside a test node of Elasticsearch, which
// the command finds through the variables AUDITSHIP_TEST_ES_URL, _USERNAME,
// _PASSWORD and _CA_FILE:
//
//	go run ./exporter/esnode/withnode go test ./...
//
// All tests of a run then share one node. The exit code is the command's. It
// is a tool of development and is not shipped.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/auditship/auditship/exporter/esnode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "withnode:", err)
	}
	os.Exit(code)
}

// run returns the exit code of the command, or 1 and why there is none.
func run(ctx context.Context, args []string) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("usage: withnode command [argument ...]")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 1, err // before a node is started for nothing
	}
	node, err := esnode.Start(ctx, esnode.Options{})
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := node.Stop(); stopErr != nil {
			code, err = max(code, 1), errors.Join(err, stopErr)
		}
	}()
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it may have something to tidy up
	cmd.Env = append(os.Environ(), node.Environ()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", path, err)
	}
	return 0, nil
}
