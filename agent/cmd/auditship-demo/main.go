// Command auditship-demo shows auditship at work on one machine. It is never
// packaged with the agent.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "auditship-demo:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	o := demo.Options{Out: os.Stdout}
	root := &cobra.Command{
		Use:   "auditship-demo",
		Short: "Show everything at once: real Elasticsearch, simulated gateway, both stories",
		Long: `Starts a real Elasticsearch and a simulated gateway, runs the real agent against
both, kills it once, and shows what came of it. Needs java, javac and mvn for
Elasticsearch ("make demo" installs them).`,
		Example:       "  auditship-demo\n  auditship-demo --keep --records 100000",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return demo.Run(cmd.Context(), o) },
	}
	root.Flags().StringVar(&o.Program, "auditship", "bin/auditship", "the auditship `binary`")
	root.Flags().StringVar(&o.Dir, "dir", "demo-out", "`folder` for everything that is written; what an earlier demo left there is removed")
	root.Flags().IntVar(&o.Records, "records", 20_000, "how many records the gateway writes")
	root.Flags().BoolVar(&o.Keep, "keep", false, "leave Elasticsearch and the agent running until Ctrl-C")
	root.AddCommand(newElasticsearchCommand())
	return root
}

func newElasticsearchCommand() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "elasticsearch [-- COMMAND [ARG...]]",
		Short: "Run only a local Elasticsearch",
		Long: `Runs a real Elasticsearch with security and TLS and prints how to reach it as
environment lines, until Ctrl-C. With a command, runs that command with these
variables set and ends with its exit code.`,
		Example: "  auditship-demo elasticsearch\n  auditship-demo elasticsearch -- go test ./...",
		RunE: func(cmd *cobra.Command, args []string) error {
			return demo.Elasticsearch(cmd.Context(), version, args, os.Stdout, os.Stderr)
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "`version` of Elasticsearch (default: the one this release is tested with)")
	return cmd
}
