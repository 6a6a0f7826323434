package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/firstrun"
)

// first is one call of the command init.
type first struct {
	*program
	answers firstrun.Answers
	offline bool

	given bool   // flags name the inputs
	token string // typed, to be written to answers.TokenFile
}

func newInitCommand(p *program) *cobra.Command {
	f := &first{program: p}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration, each answer tested",
		Long: `Init asks for the gateway, for files and for Elasticsearch, tests each answer at
once as check --online would, writes a commented configuration to the file of -c
and says which commands come next. What is given as a flag is not asked; without
a terminal nothing is asked at all.

It never overwrites a configuration. The gateway's token goes into a file of its
own beside it, for its owner only; Elasticsearch's key is made by setup.`,
		Example: `  auditship init -c auditship.yml
  auditship init --gateway-url https://gw:7443 --gateway-token-file token --elasticsearch-url https://es:9200
  auditship init -c auditship.yml --paths '/var/log/api7/audit/*.json*' --offline`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context())
		},
	}
	a, flags := &f.answers, cmd.Flags()
	flags.StringVar(&a.Gateway, "gateway", "", "`name` of the gateway, part of every document's _id (default \"api7\")")
	flags.StringVar(&a.GatewayURL, "gateway-url", "", "`address` of the gateway's dashboard")
	flags.StringVar(&a.TokenFile, "gateway-token-file", "", "`file` with the gateway's token")
	flags.StringVar(&a.GatewayCAFile, "gateway-ca-file", "", "PEM `file` with the authority to trust for the gateway")
	flags.StringArrayVar(&a.Paths, "paths", nil, "`glob` of files to read")
	flags.StringArrayVar(&a.URLs, "elasticsearch-url", nil, "`address` of a node (default https://localhost:9200)")
	flags.StringVar(&a.CAFile, "ca-file", "", "PEM `file` with the authority to trust for Elasticsearch and Kibana")
	flags.StringVar(&a.CAFingerprint, "ca-fingerprint", "", "its `SHA-256`, instead of --ca-file")
	flags.StringVar(&a.KeyFile, "key-file", "", "`file` in which setup will put the agent's key (default: elasticsearch.key beside the configuration)")
	flags.StringVar(&a.Namespace, "namespace", "", "`name`space of the data stream (default \"default\")")
	flags.StringVar(&a.KibanaURL, "kibana-url", "", "`address` of Kibana, for dashboards and searches")
	flags.StringVar(&a.StateDir, "state-dir", "", "`folder` of the saved positions (default /var/lib/auditship)")
	flags.StringVar(&a.Timezone, "timezone", "", "where the team works: an IANA `name` (default UTC)")
	flags.BoolVar(&f.offline, "offline", false, "test nothing")
	cmd.MarkFlagsMutuallyExclusive("ca-file", "ca-fingerprint")
	return cmd
}

func (f *first) run(ctx context.Context) error {
	if f.exists(f.configPath) {
		return misused(fmt.Errorf("%s is there already, and init overwrites nothing: name another file with -c", f.configPath))
	}
	f.given = f.answers.GatewayURL != "" || len(f.answers.Paths) > 0
	if f.asks() {
		if err := f.interview(ctx); err != nil {
			return err
		}
	}
	text, cfg, err := firstrun.Render(f.configPath, f.answers)
	if err != nil {
		return misused(err)
	}
	if !f.asks() && !f.offline {
		if err := f.test(ctx, cfg); err != nil {
			return fmt.Errorf("%w; nothing was written (--offline leaves the tests out)", err)
		}
	}
	if err := f.write(text); err != nil {
		return err
	}
	return f.next(cfg)
}

// test asks everybody that the answers name.
func (f *first) test(ctx context.Context, cfg *config.Config) error {
	c := &onlineCheck{program: f.program}
	for _, in := range cfg.Inputs {
		c.input(ctx, in, nil)
	}
	if err := c.reachElasticsearch(ctx, cfg.Elasticsearch); err != nil {
		return err
	}
	return c.verdict(ctx)
}

// write makes the files, the configuration last.
func (f *first) write(text []byte) error {
	if f.token != "" {
		if err := firstrun.Write(f.beside(f.answers.TokenFile), []byte(f.token+"\n")); err != nil {
			return fmt.Errorf("write the gateway's token: %w", err)
		}
	}
	if err := firstrun.Write(f.configPath, text); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// beside is a path of the configuration as seen from here.
func (f *first) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.configPath), path)
}

func (f *first) next(cfg *config.Config) error {
	key := f.answers.KeyFile
	if key == "" {
		key = "elasticsearch.key"
	}
	lines := []string{
		"wrote " + f.configPath + ": " + count(len(cfg.Inputs), "input") + " into " + cfg.Stream(),
		"next:",
		"  auditship setup -c " + f.configPath + " --username elastic --create-key " + f.beside(key),
		"  auditship check -c " + f.configPath + " --online",
		"  auditship run -c " + f.configPath,
	}
	_, err := fmt.Fprintln(f.stdout, strings.Join(lines, "\n"))
	return err
}

// errNoAnswer ends an interview whose input ended.
var errNoAnswer = errors.New("the input ended before everything was answered")

func (f *first) exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
