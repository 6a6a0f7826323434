package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/pipeline"
)

func newRunCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the agent",
		Long: `Run reads the configured inputs, masks each record, and puts it into
Elasticsearch, until it is told to stop.

SIGTERM or Ctrl-C stops it in order: what was read is delivered, for at most
shutdown_timeout, and the place is kept. Nothing is lost if it is killed
instead: what Elasticsearch had not taken is read again at the next start.

While Elasticsearch is slow, full or gone, or refuses the agent's key, run
waits, keeps its place, and says so on the log, in /readyz and in /metrics.`,
		Example: `  auditship run
  auditship run -c ./auditship.yml --log-level debug`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.loadConfig()
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), cfg)
		},
	}
}

func (p *program) run(ctx context.Context, cfg *config.Config) error {
	log := p.logger(cfg.Log)
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return err
	}
	line, err := pipeline.Open(cfg, pipeline.Options{Client: client, Log: log, Version: version})
	if err != nil {
		return err
	}
	log.Info().Str("version", version).Str("state_dir", cfg.StateDir).Int("inputs", len(cfg.Inputs)).Msg("started")
	err = line.Run(ctx)
	log.Info().Msg("stopped")
	return errors.Join(err, line.Close())
}
