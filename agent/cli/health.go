package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/exporter/printable"
)

func newHealthCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the running agent whether it works",
		Long: `Health asks the agent of this configuration for /readyz and prints what it
waits for, if anything. It needs no shell and no curl, so it fits a container's
health check.

Exit code 0 says ready, 1 that it waits, 3 that no agent answers.`,
		Example: `  auditship health
  auditship health -c ./auditship.yml`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.loadConfig()
			if err != nil {
				return err
			}
			if cfg.HTTP == "" || cfg.HTTP == "off" {
				return misused(errors.New("http is off in the configuration, so the agent cannot be asked"))
			}
			return p.health(cmd.Context(), cfg.HTTP, pipeline.Guard(cfg.HTTPAccess))
		},
	}
}

func (p *program) health(ctx context.Context, listen string, guard health.Guard) error {
	answer, err := health.Ask(ctx, listen, guard)
	if errors.Is(err, health.ErrNoAgent) {
		return unreachable(fmt.Errorf("on %s %w", listen, err))
	}
	if err != nil {
		return fmt.Errorf("ask the agent on %s: %w", listen, err)
	}
	if answer.Ready {
		_, err := fmt.Fprintln(p.stdout, "ready")
		return err
	}
	for _, c := range answer.Waiting {
		_, _ = fmt.Fprintf(p.stdout, "%s: %s (since %s)\n", c.Part, printable.Line(c.Reason), c.Since.UTC().Format(time.RFC3339)) // the exit code says it too
	}
	for _, d := range answer.Owed {
		_, _ = fmt.Fprintf(p.stdout, "input/%s owes: %s (%s, since %s)\n", d.Input, printable.Line(d.Reason), d.Kind, d.Since.UTC().Format(time.RFC3339))
	}
	if answer.More > 0 {
		_, _ = fmt.Fprintf(p.stdout, "and %d more; auditship state lists all\n", answer.More)
	}
	return errors.New("not ready")
}
