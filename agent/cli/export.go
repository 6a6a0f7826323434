package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/auditship/auditship/agent/strictyaml"
	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/printable"
	reports "github.com/auditship/auditship/exporter/report"
)

// export is one call of the command.
type export struct {
	*program
	query reports.Query
	opts  reports.Options

	period       period
	format, sort string
	output       string // file, "" or "-" for standard output
}

func newExportCommand(p *program) *cobra.Command {
	e := &export{program: p}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write filtered records as CSV, JSON or a table",
		Long: `Export finds records in Elasticsearch and writes them as CSV, JSON, NDJSON or a
table, with the columns of the gateway's audit page first: Time, Operator, Event,
Resource ID, Resource Name, IP Address, Source. With --details it writes the
whole record: every column in CSV, a block for each record in a table, the
document as it is indexed in JSON.

A filter given several times finds any of its values; different filters all have
to match. Values are compared whole, and with their case.

The period: --last 30d; or --from and --to, each an RFC 3339 time or a date.
--from is included, --to is not; but a date stands for the whole day in
--timezone, so --from 2026-11-01 --to 2026-11-30 is all of November.

How many records were written, and the SHA-256 of what was written, is printed
at the end on standard error. A file (-o) appears when it is complete, readable
by you only, and beside it FILE.sha256 with both, for sha256sum -c. In CSV a
quote ' is put before what a spreadsheet would run as a formula (what starts with
= + - @, at the start of a cell and after a semicolon, tab or line break in it);
--no-defuse leaves it away, for machines. --separator semicolon is for Excel in much
of Europe.
--bom is for Excel, which otherwise takes letters beyond ASCII for others. A name
that ends in .gz is compressed.

The configuration needs elasticsearch.urls and credentials that may read; the
role auditship_analyst is enough.`,
		Example: `  auditship export --event "Add Service" --operator Ops --last 30d --details -o add-service.csv
  auditship export --resource-id fb2a549b-f5a8-46ee-b9c6-b0cc167ec5ae --last 7d --details
  auditship export --from 2026-11-01 --to 2026-11-30 --timezone Europe/Berlin -o november.json
  auditship export --outcome failure --ip 10.0.0.0/8 --columns time,operator,event,status_code`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.run(cmd.Context())
		},
	}
	e.addFlags(cmd)
	return cmd
}

func (e *export) addFlags(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &e.opts
	addFilters(cmd, &e.query)
	e.period.addFlags(cmd, "now")
	flags.BoolVar(&o.Details, "details", false, "the whole record")
	flags.StringSliceVar(&o.Columns, "columns", nil, "`names` of columns or fields, with commas, instead of the page's")
	flags.StringVar(&e.format, "format", "", "csv, json, ndjson or table (default: by the name of the file; table on a terminal, else csv)")
	flags.Var((*separator)(&o.Separator), "separator", "between the cells of a CSV: comma, semicolon, tab or the `character` itself (default comma); semicolon is for Excel in much of Europe")
	flags.BoolVar(&o.BOM, "bom", false, "begin a CSV with a byte order mark, for Excel")
	flags.StringVarP(&e.output, "output", "o", "", "write to `file`")
	flags.StringVar(&e.sort, "sort", string(reports.NewestFirst), "asc (oldest first) or desc")
	flags.Int64Var(&o.Limit, "limit", 0, "at most so many records (default: all)")
	flags.BoolVar(&o.NoDefuse, "no-defuse", false, "leave CSV cells as they are that a spreadsheet would run")
	cmd.MarkFlagsMutuallyExclusive("details", "columns")
	for name, values := range map[string][]string{
		"format": {"csv", "json", "ndjson", "table"}, "sort": {"asc", "desc"},
	} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	}
}

func (e *export) run(ctx context.Context) error {
	if err := e.complete(time.Now()); err != nil {
		return misused(err)
	}
	client, namespace, err := e.analystClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if e.query.Namespace == "" {
		e.query.Namespace = namespace
	}
	if e.toStdout() {
		return reported(e.write(ctx, client, e.stdout))
	}
	return reported(e.writeFile(ctx, client))
}

// complete works out what the flags say together.
func (e *export) complete(now time.Time) (err error) {
	if e.query.From, e.query.To, e.opts.Location, err = e.period.bounds(now); err != nil {
		return err
	}
	e.opts.Order = reports.Order(e.sort)
	if err := e.spelling(); err != nil {
		return err
	}
	name, compressed := strings.CutSuffix(strings.ToLower(e.output), ".gz")
	e.opts.Gzip = compressed
	if e.opts.Format, err = e.chooseFormat(filepath.Ext(name)); err != nil {
		return err
	}
	if e.opts.Format == reports.Table && e.toStdout() {
		e.opts.Width = terminalWidth(e.stdout)
	}
	return nil
}

// chooseFormat follows --format, then the name of the file, then who reads.
func (e *export) chooseFormat(extension string) (reports.Format, error) {
	if e.format != "" {
		return reports.Format(e.format), nil
	}
	switch extension {
	case ".json":
		return reports.JSON, nil
	case ".ndjson", ".jsonl":
		return reports.NDJSON, nil
	case ".xlsx", ".xls", ".ods":
		return "", fmt.Errorf("-o %s: a spreadsheet's own format is not written; -o FILE.csv --bom opens in one", e.output)
	case ".pdf", ".html", ".xml", ".yaml", ".yml", ".parquet", ".zip", ".zst", ".bz2", ".xz":
		return "", fmt.Errorf("-o %s: the format %s is not written; take .csv, .json or .ndjson, each also with .gz, or say --format", e.output, extension)
	}
	if e.toStdout() && isTerminal(e.stdout) {
		return reports.Table, nil
	}
	return reports.CSV, nil
}

// spelling finds columns that do not exist and near which there is one that does.
func (e *export) spelling() error {
	var names []string
	for _, c := range reports.DetailColumns() {
		names = append(names, c.Name)
	}
	for _, name := range e.opts.Columns {
		near := strictyaml.Nearest(strings.ToLower(name), names)
		if near != "" && !strings.Contains(name, ".") && strings.ReplaceAll(strings.ToLower(name), " ", "_") != near {
			return fmt.Errorf("--columns: there is no column %q (did you mean %q?)", name, near)
		}
	}
	return misspelt(e.query)
}

func (e *export) toStdout() bool { return e.output == "" || e.output == "-" }

// terminalWidth is 0 where w is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// writeFile writes the report to the file of -o, whole or not at all.
func (e *export) writeFile(ctx context.Context, client *exporter.Client) (err error) {
	file, err := reports.Create(e.output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Abort()) }()
	sum, err := e.report(ctx, client, file)
	if err != nil {
		return err
	}
	if err := file.Commit(sum); err != nil {
		return err
	}
	return e.conclude(sum, " in "+printable.Line(e.output))
}

func (e *export) write(ctx context.Context, client *exporter.Client, w io.Writer) error {
	sum, err := e.report(ctx, client, w)
	if err != nil {
		return err
	}
	return e.conclude(sum, "")
}

// report runs the report under a progress bar where a person waits for it.
func (e *export) report(ctx context.Context, client *exporter.Client, w io.Writer) (reports.Summary, error) {
	opts := e.opts
	if isTerminal(e.stderr) && (!e.toStdout() || !isTerminal(e.stdout)) {
		bar := newExportBar(e.stderr)
		defer func() { _ = bar.Clear() }() // it is only for show
		opts.Progress = func(written, total int64) {
			bar.ChangeMax64(max(total, 1))
			_ = bar.Set64(written)
		}
	}
	return reports.Run(ctx, client, e.query, w, opts)
}

func newExportBar(w io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("exporting"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetItsString("records"),
		progressbar.OptionShowIts(),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
	)
}

// conclude prints what became of the report on standard error.
func (e *export) conclude(sum reports.Summary, where string) error {
	text := fmt.Sprintf("%s%s, SHA-256 %s\n", count(int(sum.Rows), "record"), where, sum.SHA256)
	if sum.Views > 1 {
		text += "Elasticsearch lost the view of the data in between: every record that was there at the start is in the report, some that came later may be.\n"
	}
	if sum.LongCells > 0 {
		text += fmt.Sprintf("%s longer than %d characters: Excel cuts such cells; --format json keeps them whole everywhere.\n", count(int(sum.LongCells), "cell"), reports.ExcelCell)
	}
	if sum.Rows == 0 {
		text += "Nothing matched. Values are compared whole and with their case; --last, --from and --to bound the time.\n"
	}
	_, err := io.WriteString(e.stderr, text)
	return err
}

// separator is the flag of that name.
type separator rune

func (s *separator) String() string {
	if *s == 0 {
		return ""
	}
	return string(rune(*s))
}

func (s *separator) Type() string { return "character" }

func (s *separator) Set(text string) error {
	named := map[string]string{"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
	if character, ok := named[text]; ok {
		text = character
	}
	if !slices.Contains([]string{",", ";", "\t", "|"}, text) {
		return errors.New("must be comma, semicolon, tab or pipe")
	}
	*s = separator(text[0])
	return nil
}
