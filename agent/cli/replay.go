package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/transform"
	"github.com/auditship/auditship/exporter/bulk"
	"github.com/auditship/auditship/exporter/deadletter"
	"github.com/auditship/auditship/exporter/printable"
)

// replay is one call of the command.
type replay struct {
	*program
	send bool
	file string // of import --dead-letter; "" for the agent's folder
}

func newReplayCommand(p *program) *cobra.Command {
	r := &replay{program: p}
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "List dead letters, or send them again",
		Long: `Replay lists what could not be indexed, by reason. With --send it sends the
documents again, as they were finished and under their own _id, and removes the
letters that Elasticsearch takes. What is refused again stays.

A record that was too large for max_record is read again from its file, if that
is still there and max_record is large enough now. Other letters that hold no
document, for example of a record that was no JSON, stay.

It may be used while the agent runs, and interrupted at any time: a document
that is sent twice is found to be there.`,
		Example: `  auditship replay
  auditship replay --send
  auditship replay --send --dead-letter rejects.ndjson`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.withoutInputs(config.Env{}, func(cfg *config.Config) []config.Secret {
				return []config.Secret{cfg.Elasticsearch.APIKey, cfg.Elasticsearch.Password, cfg.IDKey}
			})
			if err != nil {
				return err
			}
			if r.send {
				return r.resend(cmd.Context(), cfg)
			}
			return r.list(cfg)
		},
	}
	cmd.Flags().BoolVar(&r.send, "send", false, "send the documents again")
	cmd.Flags().StringVar(&r.file, "dead-letter", "", "the `file` that import --dead-letter wrote, instead of the agent's dead letters")
	return cmd
}

// place is where the letters are, for people.
func (r *replay) place(cfg *config.Config) string {
	if r.file != "" {
		return r.file
	}
	return cfg.DeadLetter.Path
}

func (r *replay) summary(cfg *config.Config) (deadletter.Summary, error) {
	read := deadletter.Read
	if r.file != "" {
		read = deadletter.ReadFile
	}
	letters, err := read(r.place(cfg))
	if err != nil {
		return deadletter.Summary{}, err
	}
	return deadletter.Summarize(letters)
}

func (r *replay) list(cfg *config.Config) error {
	s, err := r.summary(cfg)
	if err != nil {
		return err
	}
	if len(s.Groups) == 0 {
		_, err = fmt.Fprintf(r.stdout, "no dead letters in %s\n", r.place(cfg))
	} else {
		err = r.printGroups(s.Groups)
	}
	if s.Damaged > 0 {
		_, _ = fmt.Fprintf(r.stderr, "%d lines cannot be read; they are left as they are\n", s.Damaged) // the list counts
	}
	return err
}

func (r *replay) printGroups(groups []deadletter.Group) error {
	w := tabwriter.NewWriter(r.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "REASON\tERROR\tFIELD\tLETTERS\tWITH DOCUMENT\tOLDEST\tNEWEST") // Flush has the error
	for _, g := range groups {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", printable.Line(string(g.Reason)), printable.Line(orDash(g.ErrorType)), printable.Line(orDash(g.Field)), g.Letters, g.Finished,
			g.Oldest.UTC().Format(time.RFC3339), g.Newest.UTC().Format(time.RFC3339))
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// errStays ends a replay after which letters are left that Elasticsearch
// refused again: exit code 1.
var errStays = errors.New("letters were refused again and stay")

func (r *replay) resend(ctx context.Context, cfg *config.Config) error {
	s, err := r.summary(cfg)
	if err != nil || len(s.Groups) == 0 {
		return errors.Join(err, r.list(cfg)) // opening a folder would make it
	}
	open := deadletter.Open
	if r.file != "" {
		open = deadletter.OpenFile
	}
	box, err := open(r.place(cfg), deadletter.Options{})
	if err != nil {
		return err
	}
	restorer, err := transform.NewRestorer(cfg, version)
	if err != nil {
		return err
	}
	client, err := newElasticsearch(cfg.Elasticsearch)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	sender := bulk.New(client, bulk.Config{
		Stream: cfg.Stream(), MaxBytes: int(cfg.Elasticsearch.BulkSize), Gzip: cfg.Elasticsearch.Compression == "gzip",
		ClockSkew: cfg.Elasticsearch.ClockSkew.Duration(), Notify: r.notify(giveUp),
		Unsettled: true, // a replay before this one may have been killed
	})
	count, err := box.Replay(ctx, deadletter.Replayer{
		Send: func(ctx context.Context, l []deadletter.Letter, taken func(int)) error {
			return sendLetters(ctx, sender, l, taken)
		},
		Restore: restorer.Restore,
	})
	r.printOutcome(cfg, count, sender.Stats())
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	if err == nil && count.Sent > count.Taken {
		err = errStays
	}
	return errors.Join(err, box.Close())
}

// notify tells why it takes long. What does not pass by itself ends the replay:
// somebody waits for it.
func (r *replay) notify(giveUp context.CancelCauseFunc) func(bulk.Condition) {
	return func(c bulk.Condition) {
		switch {
		case !c.Waiting:
		case c.Reason == bulk.ReasonUnreachable:
			giveUp(unreachable(errors.New(c.Detail)))
		case c.Reason.Lasting():
			giveUp(fmt.Errorf("elasticsearch takes no documents: %s: %s", c.Reason, c.Detail))
		default:
			_, _ = fmt.Fprintf(r.stderr, "waiting for Elasticsearch: %s\n", c.Reason) // it goes on in any case
		}
	}
}

func (r *replay) printOutcome(cfg *config.Config, count deadletter.Replayed, s bulk.Stats) {
	_, _ = fmt.Fprintf(r.stdout, "sent %d of %d letters: %d indexed, %d were there already, %d refused; %d letters stay in %s\n", // the work is done
		count.Sent, count.Read, s.Verdicts[bulk.Indexed.String()], s.Verdicts[bulk.Duplicate.String()],
		count.Sent-count.Taken, count.Left(), r.place(cfg))
}

// sendLetters sends the documents of letters and tells which Elasticsearch has
// now.
func sendLetters(ctx context.Context, sender *bulk.Sender, letters []deadletter.Letter, taken func(int)) error {
	documents := make([]bulk.Document, 0, len(letters))
	of := make([]int, 0, len(letters)) // the letter of each document
	for i, l := range letters {
		d := bulk.Document{Doubtful: true}
		d.Source, d.EventAt = bulk.Stampable(l.Document)
		if copy(d.ID[:], l.ID) == len(d.ID) && len(l.ID) == len(d.ID) {
			documents, of = append(documents, d), append(of, i)
		}
	}
	return sender.Send(ctx, documents, func(i int, v bulk.Verdict) error {
		if v.Kind == bulk.Indexed || v.Kind == bulk.Duplicate {
			taken(of[i])
		}
		return nil
	})
}
