package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/strictyaml"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/mappings"
)

// setup is one call of the command.
type setup struct {
	*program
	plan, verify, force bool

	print    string // for whom, "" for nobody
	keyFile  string
	username string
	release  string // for --print

	newKey bool // --create-key made one
	// expires is how long that key is to be good for, 0 for ever.
	expires time.Duration
}

func newSetupCommand(p *program) *cobra.Command {
	s := &setup{program: p}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Install the retention policy, templates, roles and Kibana objects",
		Long: `Setup installs what Elasticsearch and Kibana need: the ILM policy that keeps
records as long as retention says, component and index templates, three roles
(` + mappings.AgentRole + `, ` + mappings.AnalystRole + `, ` + mappings.SetupRole + `) and, where kibana.url is configured,
data view, saved searches and dashboard. It shows what differs, applies it,
rolls a data stream over if its mapping changed, and proves the result.

Run it once, and again after each upgrade: a second run changes nothing. What a
person changed is left alone and named; --force replaces it. Your own settings
and fields belong into the component template ` + mappings.CustomComponent + `.

It signs in as --username, with the password from AUDITSHIP_SETUP_PASSWORD,
ELASTIC_PASSWORD or a prompt, else with what elasticsearch is configured with.
A user who has the role ` + mappings.SetupRole + ` may do all of it; the first time, it takes
a superuser.

With --create-key the agent gets an API key with the rights of its role and no
others. Name the file in the configuration:

  elasticsearch:
    api_key: ${file:/etc/auditship/elasticsearch.key}

With --expires 90d that key ends by itself. Before it does, move the file away and
call setup again: the agent reads the new key at its next request.

Exit code 0 says that all is as it should be, 1 that something is not, 2 that
the configuration is wrong, 3 that a server did not answer.`,
		Example: `  auditship setup --username elastic --create-key /etc/auditship/elasticsearch.key
  auditship setup --plan
  auditship setup --verify
  auditship setup --print > install.txt
  auditship setup --print=kibana > api7-audit.ndjson`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.configuration(cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			return s.run(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&s.plan, "plan", false, "show what would be changed, and change nothing")
	flags.BoolVar(&s.verify, "verify", false, "prove what is installed, and change nothing")
	flags.BoolVar(&s.force, "force", false, "replace what a person changed, too")
	flags.StringVar(&s.print, "print", "", "write the requests for Kibana's Dev Tools, or with =kibana the file that Kibana imports; needs no connection")
	flags.Lookup("print").NoOptDefVal = printRequests
	flags.StringVar(&s.release, "for", "9.1", "with --print: the `version` of Elasticsearch, or serverless")
	flags.StringVar(&s.keyFile, "create-key", "", "make an API key for the agent and write it to `file`; a file that is there is left as it is")
	flags.Var((*lifetime)(&s.expires), "expires", "with --create-key: after this `time` the key ends, for example 90d; check --online warns before. Without it never")
	flags.StringVar(&s.username, "username", "", "sign in as this `user`")
	cmd.MarkFlagsMutuallyExclusive("plan", "verify", "print")
	for _, other := range []string{"plan", "verify", "print"} {
		cmd.MarkFlagsMutuallyExclusive(other, "create-key")
	}
	return cmd
}

func (s *setup) run(ctx context.Context, cfg *config.Config) error {
	opts := mappings.Options{Retention: cfg.Retention.Duration()}
	switch s.print {
	case "":
	case printRequests:
		return s.printRequests(opts)
	case printKibana:
		_, err := s.stdout.Write(kibana.Bundle())
		return err
	default:
		return misused(fmt.Errorf("--print=%s: give --print alone, or --print=%s", s.print, printKibana))
	}
	es, err := s.credentials(ctx, cfg.Elasticsearch)
	if err != nil {
		return err
	}
	client, err := newElasticsearch(es)
	if err != nil {
		return err
	}
	kb, err := newKibanaSetup(cfg.Kibana, es)
	if err != nil {
		return err
	}
	defer kb.close()
	switch {
	case s.plan:
		return s.showPlan(ctx, client, opts, kb)
	case s.verify:
		return s.proveAll(ctx, client, opts, cfg.Elasticsearch.Namespace, kb)
	}
	return s.install(ctx, client, opts, cfg, kb)
}

// What --print takes.
const (
	printRequests = "requests"
	printKibana   = "kibana"
)

// printRequests writes what --print asks for.
func (s *setup) printRequests(opts mappings.Options) error {
	server := exporter.Info{Serverless: s.release == "serverless"}
	if !server.Serverless {
		var err error
		if server.Version, err = exporter.ParseVersion(s.release); err != nil {
			return misused(fmt.Errorf("--for: %w", err))
		}
	}
	if err := server.Supported(); err != nil {
		return misused(fmt.Errorf("--for: %w", err))
	}
	if err := mappings.Print(s.stdout, opts, server, keyName()); err != nil {
		return err
	}
	return printKibanaRoles(s.stdout)
}

// showPlan prints the difference and changes nothing.
func (s *setup) showPlan(ctx context.Context, client *exporter.Client, opts mappings.Options, kb *kibanaSetup) error {
	plan, err := mappings.NewPlan(ctx, client, opts)
	if err != nil {
		return err
	}
	s.difference(plan)
	return kb.showPlan(ctx, s.stdout)
}

// install does everything, Elasticsearch first: a Kibana that fails must not
// keep the agent from its templates and its key.
func (s *setup) install(ctx context.Context, client *exporter.Client, opts mappings.Options, cfg *config.Config, kb *kibanaSetup) error {
	plan, err := mappings.NewPlan(ctx, client, opts)
	if err != nil {
		return err
	}
	s.difference(plan)
	if err := plan.Apply(ctx, s.force, s.say); err != nil {
		return err
	}
	if s.keyFile != "" {
		if err := s.createKey(ctx, client); err != nil {
			return err
		}
	}
	inKibana := kb.install(ctx, s.stdout, s.force)
	proven := s.prove(ctx, client, opts, cfg.Elasticsearch.Namespace, false)
	if err := errors.Join(inKibana, proven); err != nil {
		return err
	}
	s.nextSteps(cfg)
	return nil
}

// difference prints what a plan would do. What is as it should be is counted
// only.
func (s *setup) difference(plan *mappings.Plan) {
	unchanged := 0
	for _, o := range plan.Objects {
		switch o.Action {
		case mappings.Unchanged:
			unchanged++
			continue
		case mappings.Create:
			s.say("+ " + o.String())
			continue // all of it is new: --print shows it
		case mappings.ChangedByHand:
			s.say("! " + o.String() + ": changed by a person" + s.fate())
		default:
			s.say("~ " + o.String())
		}
		for _, c := range o.Changes {
			s.say("    " + c.String())
		}
	}
	for _, step := range plan.Steps {
		if step.ByHand {
			s.say("! " + step.String() + ": set by a person" + s.fate())
			continue
		}
		s.say("~ " + step.String())
	}
	if plan.SecurityOff {
		s.say("security is off on this server: no roles, no keys, and anybody may read and change the trail")
	}
	s.say(fmt.Sprintf("%s: %d of %s as shipped", serverName(plan.Server), unchanged, count(len(plan.Objects), "object")))
}

// fate says what happens to what a person changed.
func (s *setup) fate() string {
	if s.force {
		return ", replaced by --force"
	}
	return ", left alone without --force"
}

func (s *setup) say(line string) {
	_, _ = fmt.Fprintln(s.stdout, line) // a lost line changes nothing that is done
}

// proveAll is --verify.
func (s *setup) proveAll(ctx context.Context, client *exporter.Client, opts mappings.Options, namespace string, kb *kibanaSetup) error {
	return errors.Join(s.prove(ctx, client, opts, namespace, true), kb.verify(ctx, s.stdout))
}

// prove checks the live streams. It prints every check, or only those that
// fail.
func (s *setup) prove(ctx context.Context, client *exporter.Client, opts mappings.Options, namespace string, all bool) error {
	report, err := mappings.Verify(ctx, client, opts, namespace)
	if err != nil {
		return err
	}
	bad := 0
	for _, c := range report {
		if !c.OK {
			bad++
		}
		if all || !c.OK {
			s.say(c.String())
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %s failed", bad, count(len(report), "check"))
	}
	s.say(fmt.Sprintf("verified: %s, documents are kept %s", count(len(report), "check"), config.Duration(opts.Retention)))
	return nil
}

// createKey makes the agent's key and puts it into a new file. The file is
// opened first, so that no key is made that cannot be kept.
func (s *setup) createKey(ctx context.Context, client *exporter.Client) error {
	f, err := os.OpenFile(s.keyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return s.keepKey()
	}
	if err != nil {
		return misused(fmt.Errorf("--create-key: %w", err))
	}
	key, err := mappings.CreateAgentKey(ctx, client, keyName(), s.expires)
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(s.keyFile))
	}
	if err := writeKey(f, key.Encoded); err != nil {
		// The key is of no use to anybody now. The context may have ended.
		return errors.Join(err, os.Remove(s.keyFile), mappings.InvalidateKey(context.WithoutCancel(ctx), client, key))
	}
	s.newKey = true
	until := ""
	if s.expires > 0 {
		until = ", good until " + time.Now().Add(s.expires).UTC().Format(time.DateOnly)
	}
	s.say("created API key " + key.Name + " in " + s.keyFile + until)
	return nil
}

// keepKey leaves a file of an earlier run alone.
func (s *setup) keepKey() error {
	info, err := os.Stat(s.keyFile)
	if err != nil {
		return misused(fmt.Errorf("--create-key: %w", err))
	}
	if info.Size() == 0 {
		return misused(fmt.Errorf("--create-key: %s is there and empty; remove it", s.keyFile))
	}
	s.say("kept the API key in " + s.keyFile + "; remove the file to get a new one")
	return nil
}

// lifetime is a flag such as 90d.
type lifetime time.Duration

func (l *lifetime) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

func (l *lifetime) Type() string { return "time" }

func (l *lifetime) Set(text string) error {
	d, err := strictyaml.ParseDuration(text)
	if err == nil && d.Duration() < time.Hour {
		err = errors.New("must be an hour or more, for example 90d")
	}
	*l = lifetime(d.Duration())
	return err
}

func writeKey(f *os.File, encoded string) error {
	_, err := io.WriteString(f, encoded+"\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the API key: %w", err)
	}
	return nil
}

// keyName tells one host's key from another's in Kibana's list.
func keyName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return "auditship-agent-" + host
}

// nextSteps says what is left to do.
func (s *setup) nextSteps(cfg *config.Config) {
	switch {
	case s.newKey:
		path, err := filepath.Abs(s.keyFile)
		if err != nil {
			path = s.keyFile
		}
		s.say("next: let the agent's user read " + path + ", set elasticsearch.api_key: ${file:" + path + "}, then auditship check")
	case s.keyFile == "" && cfg.Elasticsearch.APIKey.IsZero() && cfg.Elasticsearch.Username == "":
		s.say("next: auditship setup --create-key FILE makes a key for the agent")
	default:
		s.say("next: auditship check, then auditship run")
	}
}

func serverName(i exporter.Info) string {
	if i.Serverless {
		return "Elasticsearch Serverless"
	}
	return "Elasticsearch " + i.Version.String()
}
