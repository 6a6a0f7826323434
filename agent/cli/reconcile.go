package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/reconcile"
	"github.com/auditship/auditship/exporter/peer"
)

// reconciliation is one call of the command.
type reconciliation struct {
	*program
	opts reconcile.Options

	period period
	format string
	zone   *time.Location
}

func newReconcileCommand(p *program) *cobra.Command {
	r := &reconciliation{program: p}
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare the gateway with Elasticsearch",
		Long: `Reconcile compares the records that the gateway's audit API gives with the
documents in Elasticsearch, by their _id and by a fixed list of fields, and says
what is missing, altered, unexpected (the gateway has no such record) or there
twice. Fields that an active masking rule may change are left out, and named;
bodies and headers are not compared.

The period: --last 7d; or --from and --to, each an RFC 3339 time or a date.
--from is included, --to is not; but a date stands for the whole day in
--timezone. Without --to it ends ten minutes ago, because later records may be
on their way. What the gateway has deleted already (it keeps 180 days) is
counted, and is no difference.

Records older than retention, which ILM deleted in time, are counted apart and
are no difference; --expired counts them as missing, and with --repair sends them
again, to be kept for another retention.

A document that was changed within the last seconds may be compared as it was
before: reconcile waits out the refresh interval of the backing indices first,
and says so where that is longer than a minute.

--repair sends what is missing, masked and under the same _id as the agent would,
and changes nothing else. What the agent put into its dead letter is missing too;
auditship replay is the way to fix that.

The exit code is 0 if both sides agree, or do after --repair, 1 if they differ,
3 if one of them could not be reached. It may run while the agent does, and needs
its configuration, its state directory (the id_key) and its rights, no others. The
token needs iam:GetAudit on arn:api7:iam:organization/*.`,
		Example: `  auditship reconcile --last 7d
  auditship reconcile --from 2026-11-01 --to 2026-11-07 --repair
  auditship reconcile --last 1d --format json > differences.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	r.period.addFlags(cmd, "ten minutes ago")
	flags.BoolVar(&r.opts.Repair, "repair", false, "send what is missing")
	flags.BoolVar(&r.opts.Expired, "expired", false, "count records older than retention as missing, and repair them too")
	flags.StringVar(&r.format, "format", "table", "table or json")
	flags.StringVar((*string)(&r.opts.Input), "input", "", "`id` of the input of type api to compare (default: the first of each gateway)")
	cmd.MarkFlagsOneRequired("last", "from")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	return cmd
}

// errDiffers ends a comparison that found something: exit code 1.
var errDiffers = errors.New("the gateway and Elasticsearch differ")

func (r *reconciliation) run(ctx context.Context) error {
	if err := r.complete(time.Now()); err != nil {
		return misused(err)
	}
	out, err := r.writer()
	if err != nil {
		return misused(err)
	}
	cfg, err := r.loadConfig()
	if err != nil {
		return err
	}
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return err
	}
	defer client.Close()
	r.opts.Client, r.opts.Version, r.opts.Found = client, version, out.Found
	done := r.showProgress()
	summaries, err := reconcile.Run(ctx, cfg, r.opts)
	done()
	if errors.Is(err, reconcile.ErrNoInput) {
		return misused(err)
	}
	err = errors.Join(err, out.End(summaries, err == nil))
	switch {
	case errors.Is(err, peer.ErrUnreachable):
		return unreachable(err)
	case err == nil && reconcile.Differ(summaries):
		return errDiffers
	}
	return err
}

// complete works out the period.
func (r *reconciliation) complete(now time.Time) (err error) {
	if r.opts.From, r.opts.To, r.zone, err = r.period.bounds(now); err != nil {
		return err
	}
	if !r.opts.From.Before(now) {
		return errors.New("the period is empty: it begins in the future")
	}
	return nil
}

func (r *reconciliation) writer() (reconcile.Writer, error) {
	switch r.format {
	case "table":
		return reconcile.NewTable(r.stdout, r.zone), nil
	case "json":
		return reconcile.NewJSON(r.stdout), nil
	}
	return nil, fmt.Errorf("--format %q: must be table or json", r.format)
}

// showProgress shows on a terminal how much of the period is compared. The function
// it returns takes the bar away.
func (r *reconciliation) showProgress() func() {
	if !isTerminal(r.stderr) {
		return func() {}
	}
	bar := newReconcileBar(r.stderr)
	found := r.opts.Found
	r.opts.Found = func(d reconcile.Difference) error {
		_ = bar.Clear() // it is only for show
		return found(d)
	}
	r.opts.Progress = func(s reconcile.Summary) {
		share := float64(s.Until.Sub(s.From)) / float64(max(s.To.Sub(s.From), 1))
		bar.Describe(fmt.Sprintf("comparing %s, %s", s.Gateway, count(int(s.Records), "record")))
		_ = bar.Set64(int64(share * barSteps))
	}
	return func() { _ = bar.Clear() } // it is only for show
}

const barSteps = 1000

func newReconcileBar(w io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(barSteps,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("comparing"),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
	)
}
