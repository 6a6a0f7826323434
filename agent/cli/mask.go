package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/auditship/auditship/agent/mask"
)

// maskFlags are the flags of mask.
type maskFlags struct {
	rules   []string
	explain bool
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

The input may be one record a line, records over several lines, or an array of
records.`,
		Example: `  auditship mask audit.json
  auditship mask --rules masking.yml --explain < audit.json
  auditship mask test masking.yml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, files []string) error {
			rules, err := mask.Load(flags.rules, mask.Options{})
			if err != nil {
				return misused(err)
			}
			return p.maskFiles(rules, files, flags.explain)
		},
	}
	cmd.PersistentFlags().StringArrayVar(&flags.rules, "rules", nil, "`file` with masking rules, beside the built-in ones (may be repeated)")
	cmd.Flags().BoolVar(&flags.explain, "explain", false, "say which rule hit where")
	cmd.AddCommand(newMaskTestCommand(p, &flags))
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
				return failed
			}
			_, err = fmt.Fprintf(p.stdout, "%s ok\n", count(ran, "test"))
			return err
		},
	}
}

// maskFiles masks the records of files, or of standard input.
func (p *program) maskFiles(rules *mask.Rules, files []string, explain bool) error {
	out := &maskPrinter{w: bufio.NewWriter(p.stdout), masker: rules.NewMasker(), explain: explain, colour: colours(p.stdout)}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := p.maskFile(out, name); err != nil {
			return errors.Join(err, out.w.Flush())
		}
	}
	return out.w.Flush()
}

func (p *program) maskFile(out *maskPrinter, name string) error {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return misused(err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	records := bufio.NewScanner(in)
	records.Buffer(nil, maxMaskRecord)
	records.Split(splitRecords)
	for records.Scan() {
		if err := out.print(records.Bytes()); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
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
	masker  *mask.Masker
	explain bool
	colour  bool
	line    bytes.Buffer
}

// print masks one record and prints it on a line of its own.
func (o *maskPrinter) print(record []byte) error {
	var hits []mask.Hit
	var res mask.Result
	if o.explain {
		hits, res = o.masker.Explain(record)
	} else {
		res = o.masker.Mask(record)
	}
	if res.Outcome != mask.Dropped {
		o.line.Reset()
		if json.Compact(&o.line, res.Bytes) != nil {
			o.line.Reset() // no JSON: print it as the text it is
			o.line.Write(res.Bytes)
		}
		o.line.WriteByte('\n')
		if _, err := o.w.Write(o.line.Bytes()); err != nil {
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

func (o *maskPrinter) hit(h mask.Hit) error {
	format := "    %s: %s by rule %s\n"
	if o.colour {
		format = "    \x1b[36m%s\x1b[0m: \x1b[33m%s\x1b[0m by rule \x1b[1m%s\x1b[0m\n"
	}
	_, err := fmt.Fprintf(o.w, format, h.Path, h.Action, h.Rule)
	return err
}

// splitRecords is a bufio.SplitFunc that finds JSON objects, one after the
// other or in an array, on one line or several. Anything else is a record of
// its own up to the end of its line.
func splitRecords(data []byte, atEOF bool) (advance int, token []byte, err error) {
	start := 0
	for start < len(data) && bytes.IndexByte([]byte(" \t\r\n,[]"), data[start]) >= 0 {
		start++
	}
	if rest := data[start:]; bytes.HasPrefix(rest, []byte("\xef\xbb\xbf")) { // byte order mark
		return start + 3, nil, nil
	}
	if start == len(data) {
		return start, nil, nil
	}
	end := bytes.IndexByte(data[start:], '\n')
	if data[start] == '{' {
		end = objectEnd(data[start:])
	}
	switch {
	case end >= 0:
		return start + end, bytes.TrimRight(data[start:start+end], "\r"), nil
	case atEOF:
		return len(data), data[start:], nil
	}
	return start, nil, nil
}

// objectEnd is the length of the object that data starts with, -1 where its
// end is not there.
func objectEnd(data []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
