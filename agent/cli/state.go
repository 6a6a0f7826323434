package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/filesource"
)

func newStateCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "state",
		Short: "Show the saved positions",
		Long: `State lists the streams of the state directory and how far each was delivered.
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
			return p.printState(entries)
		},
	}
}

func (p *program) printState(entries []checkpoint.Entry) error {
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STREAM\tSAVED\tPOSITION") // Flush has the error
	for _, e := range entries {
		place, err := filesource.Describe(e.Position)
		if err != nil {
			place = string(e.Position)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", e.Stream, e.Saved.UTC().Format(time.RFC3339), place)
	}
	return w.Flush()
}
