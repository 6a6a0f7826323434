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
	"github.com/auditship/auditship/exporter/install"
	"github.com/auditship/auditship/kibana"
	"github.com/auditship/auditship/mappings"
)

// setup is one call of the command.
type setup struct {
	*program
	plan, verify, force, rules bool

	print    string // for whom, "" for nobody
	keyFile  string
	username string
	release  string // for --print
	kept     string // how long documents are to be kept

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
data view, saved searches and dashboards. It creates the data stream, so that Kibana
has fields to show before the first record. It shows what differs, applies it,
rolls a data stream over if its mapping changed, and proves the result.

Run it once, and again after each upgrade: a second run changes nothing. What a
person changed is left alone and named; --force replaces it. So is a retention
that is shorter than the one installed: ILM would delete older records at once;
--plan names the indices and how many documents they hold. Your own settings and
fields belong into the component template ` + mappings.CustomComponent + `.

--verify looks at every backing index: that ILM manages it, under a policy that
deletes when retention says, that it makes progress and counts from its rollover;
at the policy of the next one; and at what the next write will hit. Each line is
ok, FAILED with what to do, or unproven: a person changed what is theirs to
change.

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
  auditship setup --rules --username elastic
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
	flags.BoolVar(&s.rules, "rules", false, "install detection and alert rules in Kibana too, all disabled")
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
	s.kept = cfg.Retention.String()
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
	defer client.Close()
	targets := []target{mappings.NewTarget(client, opts, cfg.Elasticsearch.Namespace)}
	if cfg.Kibana.URL != "" {
		kb, err := kibanaClient(cfg.Kibana, es)
		if err != nil {
			return err
		}
		defer kb.Close()
		targets = append(targets, kibana.NewTarget(kb))
		if s.rules {
			targets = append(targets, kibana.NewRuleTarget(kb))
		}
	} else if s.rules {
		return misused(errors.New("--rules: kibana.url is not configured"))
	}
	switch {
	case s.plan:
		return s.each(targets, func(t target) error { return s.showPlan(ctx, t) })
	case s.verify:
		return s.proveAll(ctx, targets, true)
	}
	return s.install(ctx, client, cfg, targets)
}

// target is a server that setup installs something on.
type target interface {
	Plan(context.Context) (install.Plan, error)
	Apply(ctx context.Context, force bool, report func(step string)) error
	Verify(context.Context) ([]install.Check, error)
}

// each does something with every target, whether or not it goes well with the others.
func (s *setup) each(targets []target, do func(target) error) error {
	var errs []error
	for _, t := range targets {
		errs = append(errs, do(t))
	}
	return errors.Join(errs...)
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

// showPlan prints what would be done on one target. What is as it should be is
// counted only.
func (s *setup) showPlan(ctx context.Context, t target) error {
	plan, err := t.Plan(ctx)
	if err != nil {
		return err
	}
	for _, item := range plan.Items {
		if item.State == install.Current {
			continue
		}
		s.say(signs[item.State] + " " + item.Name + s.fate(item.State))
		for _, detail := range item.Details {
			s.say("    " + detail)
		}
	}
	for _, note := range plan.Notes {
		s.say(note)
	}
	s.say(fmt.Sprintf("%s: %d of %s as shipped", plan.Server, plan.In(install.Current), count(len(plan.Items), "object")))
	return nil
}

var signs = map[install.State]string{install.Missing: "+", install.Outdated: "~", install.Changed: "!", install.Deletes: "!"}

// fate says what happens to what is left alone unless forced.
func (s *setup) fate(state install.State) string {
	does := ", replaced by --force"
	switch {
	case state.Due(false) || state == install.Current:
		return ""
	case s.plan && s.force:
		does = ", would be replaced by --force"
	case !s.force:
		does = ", left alone without --force"
	}
	if state == install.Changed {
		return ": changed by a person" + does
	}
	return ": " + string(state) + does
}

// install does everything, Elasticsearch first: a Kibana that fails must not
// keep the agent from its templates and its key.
func (s *setup) install(ctx context.Context, client *exporter.Client, cfg *config.Config, targets []target) error {
	if err := s.installOn(ctx, targets[0]); err != nil {
		return err
	}
	if s.keyFile != "" {
		if err := s.createKey(ctx, client); err != nil {
			return err
		}
	}
	installed := s.each(targets[1:], func(t target) error { return s.installOn(ctx, t) })
	if installed != nil {
		targets = targets[:1]
	}
	if err := errors.Join(installed, s.proveAll(ctx, targets, false)); err != nil {
		return err
	}
	s.nextSteps(cfg)
	return nil
}

func (s *setup) installOn(ctx context.Context, t target) error {
	if err := s.showPlan(ctx, t); err != nil {
		return err
	}
	return t.Apply(ctx, s.force, s.say)
}

func (s *setup) say(line string) {
	_, _ = fmt.Fprintln(s.stdout, line) // a lost line changes nothing that is done
}

// proveAll proves every target and says how it went. It prints every check, or only
// those that are not ok.
func (s *setup) proveAll(ctx context.Context, targets []target, all bool) error {
	var checks []install.Check
	err := s.each(targets, func(t target) error {
		found, err := t.Verify(ctx)
		checks = append(checks, found...)
		return err
	})
	for _, c := range checks {
		if all || c.Result != install.OK {
			s.say(c.String())
		}
	}
	failed, unproven := len(install.With(install.Failed, checks)), len(install.With(install.Unproven, checks))
	switch {
	case failed > 0:
		return errors.Join(err, fmt.Errorf("%d of %s failed", failed, count(len(checks), "check")))
	case err != nil || len(checks) == 0:
		return err
	}
	line := "verified: " + count(len(checks)-unproven, "check")
	if unproven > 0 {
		line += fmt.Sprintf(", %d unproven", unproven)
	}
	s.say(line + ", documents are kept " + s.kept)
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
	if cfg.Kibana.URL != "" {
		s.say(csvRoles)
	}
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
