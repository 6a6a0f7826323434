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
	root.AddCommand(newElasticsearchCommand(), newGatewayCommand())
	return root
}

func newGatewayCommand() *cobra.Command {
	var listen, token, dir string
	var records int
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run only the simulated gateway",
		Long: `Runs a simulated gateway until Ctrl-C: its audit API and its audit file, with a
history of 40 days and two new records a second.`,
		Example: "  auditship-demo gateway\n  auditship-demo gateway --listen :7080 --token secret --dir ./audit",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintf(os.Stdout, "audit API on http://%s (X-API-KEY: %s), audit file %s/audit.json\n", listen, token, dir) // Ctrl-C ends it all the same
			return demo.Gateway(cmd.Context(), listen, token, dir, records)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:7080", "`address` of the audit API")
	cmd.Flags().StringVar(&token, "token", "demo-token", "what X-API-KEY must be")
	cmd.Flags().StringVar(&dir, "dir", "demo-out/audit", "`folder` of the audit file")
	cmd.Flags().IntVar(&records, "records", 20_000, "size of the history")
	return cmd
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
