package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/health"
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
			return p.health(cmd.Context(), cfg.HTTP)
		},
	}
}

func (p *program) health(ctx context.Context, listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return misused(fmt.Errorf("http: %w", err))
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return misused(fmt.Errorf("http: %w", err))
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return unreachable(fmt.Errorf("no agent answers on %s: %w", listen, err))
	}
	defer func() { _ = res.Body.Close() }() // read only
	var answer health.Readiness
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("what answers on %s is no auditship", listen)
	}
	if answer.Ready {
		_, err := fmt.Fprintln(p.stdout, "ready")
		return err
	}
	for _, c := range answer.Waiting {
		_, _ = fmt.Fprintf(p.stdout, "%s: %s (since %s)\n", c.Part, c.Reason, c.Since.UTC().Format(time.RFC3339)) // the exit code says it too
	}
	for _, d := range answer.Owed {
		_, _ = fmt.Fprintf(p.stdout, "input/%s owes: %s (%s, since %s)\n", d.Input, d.Reason, d.Kind, d.Since.UTC().Format(time.RFC3339))
	}
	if answer.More > 0 {
		_, _ = fmt.Fprintf(p.stdout, "and %d more; auditship state lists all\n", answer.More)
	}
	return errors.New("not ready")
}
