package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	reports "github.com/auditship/auditship/exporter/report"
)

// tail is one call of the command.
type tail struct {
	*program
	query    reports.Query
	timezone string
	format   string
}

func newTailCommand(p *program) *cobra.Command {
	f := &tail{program: p}
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow new records live",
		Long: `Tail prints each new record on a line of its own as soon as Elasticsearch finds it,
which is after its next refresh, a second by default: time, operator, event,
resource, address, source and outcome. It takes export's filters and goes on
until Ctrl-C; while Elasticsearch is away it waits, and says so.

Records that happened more than an hour before it began are left out: a
back-fill would bury what happens now. auditship export finds them.

The configuration needs elasticsearch.urls and credentials that may read; the
role auditship_analyst is enough.`,
		Example: `  auditship tail
  auditship tail --outcome failure
  auditship tail --operator Ops --format json | jq .event`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context())
		},
	}
	addFilters(cmd, &f.query)
	cmd.Flags().StringVar(&f.timezone, "timezone", "UTC", "of printed times: an IANA `name`, UTC or local")
	cmd.Flags().StringVar(&f.format, "format", "text", "text or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	return cmd
}

func (f *tail) run(ctx context.Context) error {
	zone, err := parseZone(f.timezone)
	if err != nil {
		return misused(err)
	}
	if f.format != "text" && f.format != "json" {
		return misused(fmt.Errorf("--format %q: must be text or json", f.format))
	}
	if err := misspelt(f.query); err != nil {
		return misused(err)
	}
	client, namespace, err := f.analystClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if f.query.Namespace == "" {
		f.query.Namespace = namespace
	}
	return reported(reports.Tail(ctx, client, f.query, f.stdout, reports.TailOptions{
		Location: zone, JSON: f.format == "json", Colours: colours(f.stdout), Every: time.Second, Waiting: f.waiting,
	}))
}

// waiting tells on standard error that nothing can come now, and that it can again.
func (f *tail) waiting(err error) {
	text := "Elasticsearch answers again"
	if err != nil {
		text = "waiting: " + err.Error()
	}
	_, _ = fmt.Fprintln(f.stderr, text) // who closed it does not want to know
}
