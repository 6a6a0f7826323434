package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditship/auditship/exporter/esnode"
)

// Gateway runs the simulated gateway alone until ctx ends: its audit API on an
// address, with a token to ask it with, and its audit file in a folder. It begins
// with a history of so many records and goes on with two a second.
func Gateway(ctx context.Context, listen, token, dir string, records int) error {
	g, err := newGateway(dir, seed)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	services, ctx := errgroup.WithContext(ctx)
	services.Go(func() error { return g.serve(ctx, listener, token) })
	services.Go(func() error {
		if err := g.write(ctx, g.history(time.Now(), days, records), 0); err != nil {
			return err
		}
		return g.live(ctx, time.Second)
	})
	err = services.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, g.close())
}

// Elasticsearch runs a local node alone. Without a command it prints how to reach
// the node as environment lines and waits until ctx ends; with one it runs that
// command with these variables set and returns its exit error, an *exec.ExitError.
func Elasticsearch(ctx context.Context, version string, command []string, out, errs io.Writer) (err error) {
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			return err // before a node is started for nothing
		}
	}
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
