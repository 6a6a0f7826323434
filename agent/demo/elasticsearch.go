package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/auditship/auditship/exporter/esnode"
)

// Elasticsearch runs a local node alone. Without a command it prints how to reach
// the node as environment lines and waits until ctx ends; with one it runs that
// command with these variables set and returns its exit error, an *exec.ExitError.
func Elasticsearch(ctx context.Context, version string, command []string, out, errs io.Writer) (err error) {
	node, err := esnode.Start(ctx, esnode.Options{Version: version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Stop()) }()
	if len(command) > 0 {
		return runWith(ctx, node.Environ(), command, out, errs)
	}
	for _, line := range node.Environ() {
		_, _ = fmt.Fprintln(out, line) // the node is there even if nobody reads
	}
	<-ctx.Done()
	return nil
}

func runWith(ctx context.Context, env, command []string, out, errs io.Writer) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd.Run()
}
