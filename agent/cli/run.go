package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/agent/pipeline"
	"github.com/auditship/auditship/mappings"
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

SIGHUP reads the configuration and the rules again. If they do not work, the
old ones are kept, the log says why, and the metric config_reload_ok is 0.

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
			keepHeapSmall()
			return p.run(cmd.Context(), cfg)
		},
	}
}

// run runs the agent until ctx ends, with the configuration as it is at each SIGHUP.
func (p *program) run(ctx context.Context, cfg *config.Config) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	a := agent{program: p, reloaded: true}
	line, err := a.open(cfg)
	for err == nil {
		var next *config.Config
		next, err = a.runUntilReload(ctx, line, cfg, hangups)
		if next == nil || err != nil {
			break
		}
		line, cfg, err = a.reopen(next, cfg)
	}
	return err
}

// agent is the running agent over its configurations.
type agent struct {
	*program
	reloaded bool // the last SIGHUP found a configuration that works
}

// open makes the pipeline of a configuration.
func (a *agent) open(cfg *config.Config) (*pipeline.Pipeline, error) {
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return nil, err
	}
	needs, err := mappings.AgentPrivileges(cfg.Elasticsearch.Namespace)
	if err != nil {
		return nil, err
	}
	return pipeline.Open(cfg, pipeline.Options{
		Client: client, Log: a.logger(cfg.Log), Version: version, Needs: needs,
		CheckDestination: func(ctx context.Context) error {
			server, err := client.Info(ctx)
			if err == nil {
				err = server.Supported()
			}
			if err == nil {
				_, err = mappings.CheckDestination(ctx, client, cfg.Elasticsearch.Namespace)
			}
			return err
		},
	})
}

// reopen opens the next configuration, or if that fails the last one again: what can
// only be tried while nothing runs, such as an address, may turn out not to work.
func (a *agent) reopen(next, last *config.Config) (*pipeline.Pipeline, *config.Config, error) {
	line, err := a.open(next)
	if err == nil {
		return line, next, nil
	}
	a.reloaded = false
	log := a.logger(last.Log)
	log.Error().Err(err).Msg(notReloaded)
	line, err = a.open(last)
	return line, last, err
}

// notReloaded is what the log says of a configuration that does not work.
const notReloaded = "the configuration was not reloaded; the old one is kept"

// runUntilReload runs a pipeline and closes it. It returns the next configuration when
// a SIGHUP brings it. One that does not work is reported, and this one kept.
func (a *agent) runUntilReload(ctx context.Context, line *pipeline.Pipeline, cfg *config.Config, hangups <-chan os.Signal) (next *config.Config, err error) {
	defer func() { err = errors.Join(err, line.Close()) }()
	log := a.logger(cfg.Log)
	line.ConfigReloaded(a.reloaded)
	for _, warning := range cfg.Warnings() {
		log.Warn().Msg(warning)
	}
	log.Info().Str("version", version).Str("state_dir", cfg.StateDir).Int("inputs", len(cfg.Inputs)).Msg("started")
	a.tell(log, health.NotifyReady(count(len(cfg.Inputs), "input")))

	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- line.Run(running) }()
	for {
		select {
		case err := <-ended:
			log.Info().Msg("stopped")
			return next, err
		case <-hangups:
			a.tell(log, health.NotifyReloading())
			if next = a.reload(log); next != nil {
				stop() // the line delivers what it read and ends
				continue
			}
			line.ConfigReloaded(a.reloaded)
			a.tell(log, health.NotifyReady("the new configuration does not work; the old one is kept"))
		case <-ctx.Done():
			a.tell(log, health.NotifyStopping("delivering what was read"))
			err := <-ended
			log.Info().Msg("stopped")
			return nil, err
		}
	}
}

// reload reads the configuration and its rules again. It returns nil, and says why,
// if they do not work.
func (a *agent) reload(log zerolog.Logger) *config.Config {
	cfg, err := a.loadConfig()
	if err == nil {
		_, err = loadRules(cfg.Masking)
	}
	a.reloaded = err == nil
	if err != nil {
		log.Error().Err(err).Msg(notReloaded)
		return nil
	}
	log.Info().Msg("the configuration is read again")
	return cfg
}

// tell logs that systemd could not be told something.
func (a *agent) tell(log zerolog.Logger, err error) {
	if err != nil {
		log.Warn().Err(err).Msg("systemd does not listen")
	}
}
