package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/input"
	"github.com/auditship/auditship/exporter/printable"
)

func newStateCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "state",
		Short: "Show the saved positions and what is owed",
		Long: `State lists the streams of the state directory and how far each was delivered,
and below them what the inputs owed when the agent saved its state last.
It changes nothing and may be used while the agent runs.`,
		Example: `  auditship state
  auditship state -c ./auditship.yml`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := p.loadConfig()
			if err != nil {
				return err
			}
			entries, err := checkpoint.Read(cfg.StateDir)
			if errors.Is(err, fs.ErrNotExist) {
				_, err = fmt.Fprintf(p.stdout, "no positions in %s: nothing was delivered yet\n", cfg.StateDir)
				return err
			}
			if err != nil {
				return err
			}
			return p.printState(cfg.Inputs, entries)
		},
	}
}

func (p *program) printState(inputs []config.Input, entries []checkpoint.Entry) error {
	owed, entries := checkpoint.Owed(entries)
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STREAM\tSAVED\tPOSITION") // Flush has the error
	for _, e := range entries {
		place := input.Describe(inputs, e.Stream, e.Position)
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", printable.Line(fmt.Sprint(e.Stream)), e.Saved.UTC().Format(time.RFC3339), printable.Line(place))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return p.printOwed(owed)
}

// printOwed prints what the inputs owed when the agent saved last.
func (p *program) printOwed(owed []event.Debt) error {
	if len(owed) == 0 {
		_, err := fmt.Fprintln(p.stdout, "\nnothing is owed")
		return err
	}
	_, _ = fmt.Fprintln(p.stdout, "\nOwed: what an input has, or had, and what is not delivered") // Flush has the error
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "INPUT\tKIND\tSINCE\tWHAT\tWHY")
	for _, d := range owed {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Input, d.Kind, d.Since.UTC().Format(time.RFC3339), printable.Line(cmp.Or(d.Key, "-")), printable.Line(d.Reason))
	}
	return w.Flush()
}
