package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/filesource"
	"github.com/auditship/auditship/agent/filesource/charset"
	"github.com/auditship/auditship/agent/filesource/unwrap"
	"github.com/auditship/auditship/agent/mask"
	"github.com/auditship/auditship/exporter/printable"
)

// maskFlags are the flags of mask.
type maskFlags struct {
	rules   []string
	explain bool
	format  formatFlags
}

func newMaskCommand(p *program) *cobra.Command {
	var flags maskFlags
	cmd := &cobra.Command{
		Use:   "mask [FILE...]",
		Short: "Print records as the agent would mask them",
		Long: `Mask reads records from files, or from standard input, and prints each one
masked, in its own shape and order, one a line. It needs no configuration: the
built-in rules apply, and those of --rules beside them. With --explain it says
below each record which rule hit where.

The input may be anything that run and import read: one record a line, records
over several lines, arrays, CSV, each also compressed, in another encoding, or in a
container's log. What wraps a record is not printed. What is no record is masked as
the text it is; what cannot be read as text with certainty, such as binary data and
the second half of a record, is left out and named on standard error.`,
		Example: `  auditship mask audit.json
  auditship mask --rules masking.yml --explain < audit.json
  auditship mask test masking.yml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, files []string) error {
			rules, err := mask.Load(flags.rules, mask.Options{})
			if err != nil {
				return misused(err)
			}
			masked := maskedFiles{names: files}
			if masked.encoding, masked.wrap, err = flags.format.check(); err != nil {
				return misused(err)
			}
			return p.maskFiles(cmd.Context(), rules, masked, flags.explain)
		},
	}
	cmd.PersistentFlags().StringArrayVar(&flags.rules, "rules", nil, "`file` with masking rules, beside the built-in ones (may be repeated)")
	flags.format.add(cmd.Flags())
	cmd.Flags().BoolVar(&flags.explain, "explain", false, "say which rule hit where")
	cmd.AddCommand(newMaskTestCommand(p, &flags), newMaskDetectorsCommand(p))
	return cmd
}

func newMaskTestCommand(p *program, flags *maskFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "test [RULES...]",
		Short: "Run the examples kept in rules files",
		Long: `Test loads rules files as the agent would, and runs the examples under their
tests: key. Exit code 0 says that all came out as they should, 1 that some did
not, 2 that the rules are wrong.`,
		Example: `  auditship mask test masking.yml
  auditship mask test masking.yml team.yml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, files []string) error {
			ran, failed, err := mask.Test(append(flags.rules, files...), mask.Options{})
			switch {
			case err != nil:
				return misused(err)
			case len(failed) > 0:
				return &exitError{exitFailed, failed} // the rules are not wrong, but not what is wanted
			}
			_, err = fmt.Fprintf(p.stdout, "%s ok\n", count(ran, "test"))
			return err
		},
	}
}

func newMaskDetectorsCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "detectors",
		Short: "List the kinds of secrets that are known by their looks",
		Long: `Detectors lists the names that a masking rule can give under detect:. Those of
the tokens of vendors are together called vendors.`,
		Example: `  auditship mask detectors
  auditship mask detectors | grep webhook`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			vendors, others := mask.Detectors()
			_, err := fmt.Fprintf(p.stdout, "%s\n\nvendors:\n%s\n", strings.Join(others, "\n"), strings.Join(vendors, "\n"))
			return err
		},
	}
}

// maskedFiles are the files to mask, and how they are written.
type maskedFiles struct {
	names    []string
	encoding *charset.Charset // nil: recognised
	wrap     unwrap.Kind      // "": told by the first lines
}

// maskFiles masks the records of files, or of standard input.
func (p *program) maskFiles(ctx context.Context, rules *mask.Rules, files maskedFiles, explain bool) error {
	out := &maskPrinter{w: bufio.NewWriter(p.stdout), stderr: p.stderr, masker: rules.NewMasker(), explain: explain, colour: colours(p.stdout), terminal: isTerminal(p.stdout)}
	if len(files.names) == 0 {
		files.names = []string{"-"}
	}
	for _, name := range files.names {
		if err := p.maskFile(ctx, out, name, files); err != nil {
			return errors.Join(err, out.w.Flush())
		}
	}
	return out.w.Flush()
}

// maskFile reads a file as the agent does.
func (p *program) maskFile(ctx context.Context, out *maskPrinter, name string, files maskedFiles) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	in := untilDone(ctx, p.stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return misused(err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	source := filesource.New(filesource.Config{
		Input: "mask", Reader: in, MaxRecord: maxMaskRecord, Encoding: files.encoding, Unwrap: files.wrap,
	})
	if err := source.Run(ctx, nil, out.batch); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxMaskRecord bounds a record, in bytes.
const maxMaskRecord = 64 << 20

// colours says whether a stream is a terminal whose user wants colours
// (https://no-color.org).
func colours(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}

// maskPrinter prints masked records.
type maskPrinter struct {
	w       *bufio.Writer
	stderr  io.Writer
	masker  *mask.Masker
	explain bool
	colour  bool
	// terminal: what is printed is looked at, so no byte of it may steer.
	terminal bool
	line     bytes.Buffer
}

// batch prints the records of a batch, each on a line of its own.
func (o *maskPrinter) batch(_ context.Context, b event.Batch) error {
	for _, r := range b.Records {
		if err := o.record(r); err != nil {
			return err
		}
	}
	if b.Release != nil {
		b.Release()
	}
	return o.w.Flush() // who types a record wants to see it
}

func (o *maskPrinter) record(r event.Raw) error {
	switch {
	case r.Fault != nil && (len(r.Bytes) == 0 && r.Fault.Length > 0 || r.Fault.Nameless || !mask.Legible(r.Bytes)):
		return o.leftOut(r, r.Fault.Reason, r.Fault.Length)
	case r.Fault != nil:
		return o.text(o.masker.MaskText(r.Bytes))
	}
	var hits []mask.Hit
	var res mask.Result
	if o.explain {
		hits, res = o.masker.Explain(r.Bytes)
	} else {
		res = o.masker.Mask(r.Bytes)
	}
	if res.Outcome == mask.Broken {
		if parts := filesource.Split(r); len(parts) > 1 {
			return o.batch(context.Background(), event.Batch{Records: parts})
		}
		if !mask.Legible(r.Bytes) {
			return o.leftOut(r, event.ReasonBrokenJSON, int64(len(r.Bytes)))
		}
	}
	if res.Outcome != mask.Dropped {
		if err := o.text(res.Bytes); err != nil {
			return err
		}
	}
	for _, h := range hits {
		if err := o.hit(h); err != nil {
			return err
		}
	}
	return nil
}

// leftOut names a stretch of the input that nothing is printed of.
func (o *maskPrinter) leftOut(r event.Raw, reason event.Reason, length int64) error {
	_, err := fmt.Fprintf(o.stderr, "left out: %s at byte %d (%d bytes)\n", reason, r.Offset, length)
	return err
}

// text prints what is masked: JSON on one line, anything else as the text it is.
func (o *maskPrinter) text(masked []byte) error {
	o.line.Reset()
	if json.Compact(&o.line, masked) != nil {
		o.line.Reset()
		o.line.Write(masked)
	}
	if o.terminal {
		shown := printable.Text(o.line.String())
		o.line.Reset()
		o.line.WriteString(shown)
	}
	o.line.WriteByte('\n')
	_, err := o.w.Write(o.line.Bytes())
	return err
}

func (o *maskPrinter) hit(h mask.Hit) error {
	format := "    %s: %s by rule %s\n"
	if o.colour {
		format = "    \x1b[36m%s\x1b[0m: \x1b[33m%s\x1b[0m by rule \x1b[1m%s\x1b[0m\n"
	}
	_, err := fmt.Fprintf(o.w, format, printable.Line(h.Path), h.Action, h.Rule)
	return err
}
