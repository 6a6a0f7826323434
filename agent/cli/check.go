package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/mask"
)

func newCheckCommand(p *program) *cobra.Command {
	var show, online bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and the masking rules",
		Long: `Check reads the configuration and the masking rules as run would, and starts
nothing. Every mistake is printed at once, with its place and what was probably
meant:

  auditship.yml:14:5: inputs[0].path: unknown key (did you mean "paths"?)

With --online it also asks the others: whether Elasticsearch answers, is trusted
and new enough, whether the agent's key or user has each privilege it needs, by
name, whether the gateway lets the token read its audit records, and whether the
files that are there can be read. It changes nothing.

Exit code 0 says that run would accept the configuration, 2 that it would not.
With --online, 1 says that something is refused, and 3 that somebody does not
answer or cannot be trusted.`,
		Example: `  auditship check
  auditship check -c ./auditship.yml --print
  auditship check --online`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.loadConfig()
			if err != nil {
				return err
			}
			rules, err := loadRules(cfg.Masking)
			if err != nil {
				return err
			}
			if show {
				return printConfig(p.stdout, cfg)
			}
			for _, warning := range cfg.Warnings() {
				_, _ = fmt.Fprintln(p.stdout, "WARN   "+warning) // the line below has the error
			}
			if _, err = fmt.Fprintf(p.stdout, "configuration ok: %s\n", summary(cfg, rules)); err != nil || !online {
				return err
			}
			return p.checkOnline(cmd.Context(), cfg)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask Elasticsearch and the gateway too, and look at the files")
	cmd.Flags().BoolVar(&show, "print", false, "print the configuration in use, with defaults and with *** for secrets")
	return cmd
}

func printConfig(w io.Writer, cfg *config.Config) error {
	text, err := cfg.Redacted()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// summary says in one line what the configuration makes the agent do. It shows
// no value that a reference may have brought in.
func summary(cfg *config.Config, rules *mask.Rules) string {
	var types []string
	for _, t := range config.InputTypes() {
		n := 0
		for _, in := range cfg.Inputs {
			if in.Type == t {
				n++
			}
		}
		types = append(types, fmt.Sprintf("%d %s", n, t))
	}
	return fmt.Sprintf("%s (%s), %s, documents kept %s",
		count(len(cfg.Inputs), "input"), strings.Join(types, ", "),
		count(len(rules.Names()), "masking rule"), cfg.Retention)
}

// count says how many there are of something whose plural ends in s.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
