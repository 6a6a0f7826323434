package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/auditship/auditship/agent/config"

	"github.com/auditship/auditship/agent/strictyaml"
)

// defaultConfig is where the packages put the configuration.
const defaultConfig = "/etc/auditship/auditship.yml"

// program is what all commands share: the standard streams and the flags that
// every command has. The flags are filled in before a command runs.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	configPath     string
	logLevel       levelFlag
}

// commands are the constructors of all commands, in the order of their help.
var commands = []func(*program) *cobra.Command{
	newInitCommand,
	newRunCommand,
	newCheckCommand,
	newSetupCommand,
	newImportCommand,
	newExportCommand,
	newHistoryCommand,
	newTailCommand,
	newReplayCommand,
	newReconcileCommand,
	newMaskCommand,
	newStateCommand,
	newHealthCommand,
	newDiagnoseCommand,
	newVersionCommand,
	newCompletionCommand,
}

// newRootCommand makes the whole tree of commands.
func newRootCommand(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "auditship",
		Short: "Ships API7 Enterprise audit records to Elasticsearch: whole, masked, once",
		Long: `auditship reads the audit records of an API7 Enterprise gateway, from its log
files or its audit API, hides the secrets in them, and puts each one into
Elasticsearch once.

Exit codes: 0 done, 1 the check failed or differs, 2 wrong usage or
configuration, 3 a peer was unreachable.`,
		Example: `  auditship check
  auditship check -c ./auditship.yml`,
		SilenceErrors: true, // Main prints them
		SilenceUsage:  true,
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&p.configPath, "config", "c", defaultConfig, "configuration `file`")
	flags.Var(&p.logLevel, "log-level", "trace, debug, info, warn or error, instead of the configuration's log.level")
	root.SetFlagErrorFunc(suggestFlag)
	_ = root.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(levels, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	for _, construct := range commands {
		root.AddCommand(construct(p))
	}
	return root
}

// suggestFlag adds the flag that was probably meant to the error about an
// unknown one.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := strictyaml.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w (did you mean --%s?)", err, near)
	}
	return err
}

// noArguments is the Args of a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// loadConfig reads the configuration that -c names. Any error is one of
// configuration: exit code 2.
func (p *program) loadConfig() (*config.Config, error) {
	cfg, err := config.Load(p.configPath)
	if err != nil {
		return nil, unread(err)
	}
	return cfg, nil
}

// withoutInputs reads the configuration for a command that does not read its
// inputs: they may be missing, and so may all secrets but those that it needs.
func (p *program) withoutInputs(env config.Env, needed func(*config.Config) []config.Secret) (*config.Config, error) {
	data, err := os.ReadFile(p.configPath)
	if err != nil {
		return nil, unread(fmt.Errorf("read configuration: %w", err))
	}
	env.NoInputs, env.Unresolved = true, notYet
	cfg, err := config.Parse(p.configPath, data, env)
	if err != nil {
		return nil, misused(err)
	}
	for _, secret := range needed(cfg) {
		if secret.IsZero() || !missing(secret) {
			continue
		}
		env.Unresolved = ""
		if _, err := config.Parse(p.configPath, data, env); err != nil {
			return nil, misused(err)
		}
		return nil, misused(fmt.Errorf("%s: a secret that this command needs is empty: elasticsearch.api_key, elasticsearch.password or id_key", p.configPath))
	}
	return cfg, nil
}
