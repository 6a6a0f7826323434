package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/history"
	reports "github.com/auditship/auditship/exporter/report"
)

// resourceHistory is one call of the command.
type resourceHistory struct {
	*program
	query   reports.Query
	period  period
	format  string
	limit   int
	reverse bool

	writer history.Writer
}

func newHistoryCommand(p *program) *cobra.Command {
	h := &resourceHistory{program: p}
	cmd := &cobra.Command{
		Use:   "history RESOURCE",
		Short: "Show what was done to a resource, and what each operation changed",
		Long: `History lists every operation on a resource of the gateway, given by its id or its
name, newest first like git log -p: when, what, by whom, from where, whether it
worked, and what changed of the object, - before and + after. It works for
routes, services, consumers and whatever else the gateway records.

Changes are worked out from the requests and answers that were recorded, from
the oldest record that Elasticsearch holds. So --last and the like begin without
knowing what was before; without them the whole trail is looked through. Masked
values stay masked: a secret that was changed shows as a change only where its
masking rule keeps a keyed hash of it.

The configuration needs elasticsearch.urls and credentials that may read; the
role auditship_analyst is enough.`,
		Example: `  auditship history httpbin
  auditship history fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae --reverse
  auditship history httpbin --last 30d --limit 0 --format json > httpbin.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("name one resource by its id or its name: auditship history httpbin")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			h.query.Resources = args
			return h.run(cmd.Context())
		},
	}
	h.period.addFlags(cmd, "now")
	flags := cmd.Flags()
	flags.StringVar(&h.query.Namespace, "namespace", "", "`name`space of the data stream (default: elasticsearch.namespace)")
	flags.StringVar(&h.format, "format", "text", "text or json")
	flags.IntVarP(&h.limit, "limit", "n", 100, "at most so many operations, the latest; 0: all")
	flags.BoolVar(&h.reverse, "reverse", false, "oldest first, all of them")
	cmd.MarkFlagsMutuallyExclusive("reverse", "limit")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	return cmd
}

func (h *resourceHistory) run(ctx context.Context) error {
	if err := h.complete(time.Now()); err != nil {
		return misused(err)
	}
	client, namespace, err := h.analystClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if h.query.Namespace == "" {
		h.query.Namespace = namespace
	}
	found, err := h.show(ctx, client)
	if err != nil {
		return reported(err)
	}
	if found == 0 {
		_, err = fmt.Fprintf(h.stderr, "Nothing was recorded of %q. Ids and names are compared whole and with their case; a record that just came is found after Elasticsearch's next refresh.\n", h.query.Resources[0])
	}
	return err
}

// complete works out what the flags say together.
func (h *resourceHistory) complete(now time.Time) error {
	from, to, zone, err := h.period.bounds(now)
	if err != nil {
		return err
	}
	h.query.From, h.query.To = from, to
	if h.limit < 0 {
		return fmt.Errorf("--limit %d: must not be negative", h.limit)
	}
	switch h.format {
	case "text":
		h.writer = history.NewText(h.stdout, history.TextOptions{Location: zone, Colours: colours(h.stdout)})
	case "json":
		h.writer = history.NewJSON(h.stdout)
	default:
		return fmt.Errorf("--format %q: must be text or json", h.format)
	}
	return nil
}

// show writes the operations and says how many there are.
func (h *resourceHistory) show(ctx context.Context, client *exporter.Client) (found int, err error) {
	latest := history.Latest{Limit: h.limit}
	err = history.Follow(ctx, client, h.query, func(o history.Operation) error {
		found++
		if h.reverse {
			return h.writer.Operation(o)
		}
		latest.Add(o)
		return nil
	})
	if err != nil {
		return found, err
	}
	if err := latest.NewestFirst(h.writer.Operation); err != nil {
		return found, err
	}
	if err := h.writer.End(); err != nil {
		return found, err
	}
	if !h.reverse && latest.Older() > 0 {
		_, err = fmt.Fprintf(h.stderr, "%s before these; --limit 0 shows all\n", count(latest.Older(), "operation"))
	}
	return found, err
}
